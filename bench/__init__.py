"""Measured figures: product, peer and limit interleaved in one run; read the ratios, not the numbers."""
