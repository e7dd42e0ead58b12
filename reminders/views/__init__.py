"""The pages that patients open by a message's link, and the door for who lost it."""
