"""Servers that stand in for mail and SMS providers on the loopback, with every bad habit on request."""
