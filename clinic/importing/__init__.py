"""Bookings from a CSV file: read, judged record by record, placed and booked through the operations (D5)."""
