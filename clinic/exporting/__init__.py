"""Patients and appointments as files that spreadsheets open and the import takes back (D5, A70)."""
