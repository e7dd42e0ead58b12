"""What the commands `up`, `web`, `worker` and `beat` are made of; knows nothing of clinics."""


class CannotStart(Exception):
    """The reason, in one line for the person at the console, why this process does not start (X7)."""
