"""What the public sees and books, apart from its pages."""
