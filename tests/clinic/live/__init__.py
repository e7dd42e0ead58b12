"""The bus and the streams."""
