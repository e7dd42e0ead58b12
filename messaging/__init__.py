"""Floor 2: the outbox, personal links, channels and what providers report back; knows no rule of when."""
