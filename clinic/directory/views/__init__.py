"""The pages of the directory: whatever the public opens."""
