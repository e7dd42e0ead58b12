"""What follows an appointment that was held: the request for a review, and the way to the next one (P7, P9)."""
