"""Bus and streams to browsers (built with the live slice)."""
