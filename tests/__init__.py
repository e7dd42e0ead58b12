"""Everything that must hold, tried."""
