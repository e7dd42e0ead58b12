"""Appointments and who has which time."""
