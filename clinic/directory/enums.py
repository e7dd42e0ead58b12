"""The states of a review."""

from django.db import models


class ReviewState(models.TextChoices):
    """Reviews stand at once; a reported one stands until an operator has decided (D1)."""

    PUBLISHED = "published"
    REPORTED = "reported"
    HIDDEN = "hidden"


# What the public reads, and what counts for the average.
STANDING = frozenset({ReviewState.PUBLISHED, ReviewState.REPORTED})
