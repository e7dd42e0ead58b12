"""A time that a patient gives up, offered to those who come later: the first to take it has it (P8)."""
