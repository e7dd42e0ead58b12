"""Forms of the waiting area, by purpose."""
