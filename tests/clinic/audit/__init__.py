"""Who did, changed and saw what."""
