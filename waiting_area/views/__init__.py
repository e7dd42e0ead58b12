"""Pages of the waiting area: the callers' screen and the staff's dashboard."""
