"""A calendar as an address that other calendar programs read (D5)."""
