"""Floor 3: the video waiting area (its rooms are built on later)."""
