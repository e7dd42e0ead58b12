"""Floor 1: which kinds of message exist and who wants which; sends nothing."""
