"""What the public sees of clinics and practitioners, and books (D1, D2)."""
