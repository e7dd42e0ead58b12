#!/usr/bin/env python
"""Django's command line for Anteroom."""

import os
import sys

from django.core.management import execute_from_command_line

# Tasks sent from any command must reach the configured broker, not Celery's default.
from config.celery import app as celery_app  # noqa: F401

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
