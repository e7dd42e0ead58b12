"""Floor 3: the waiting area. Callers come by a link, wait, and exchange notices with the clinic, live."""
