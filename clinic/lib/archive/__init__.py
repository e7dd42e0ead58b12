"""Backups of the whole data in one file that either database engine can read."""


class ArchiveError(Exception):
    """The reason, in one line for the person at the console, why a backup or restore did not happen."""
