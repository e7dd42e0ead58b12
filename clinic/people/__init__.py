"""Clinics, their members, practitioners and patients."""
