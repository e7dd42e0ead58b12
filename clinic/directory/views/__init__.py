"""The directory's pages: for everybody, for the clinic, for operators."""
