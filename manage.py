#!/usr/bin/env python
"""Django's command line for Anteroom."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from clinic.lib.server import CannotStart, options

# Tasks sent from any command must reach the configured broker, not Celery's default.
from config.celery import app as celery_app  # noqa: F401


def main(arguments: list[str]) -> None:
    """Run one command; what hinders the start itself is told in one line (X7)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        if arguments[1:2] == ["up"] and not {"-h", "--help"} & set(arguments):
            options.apply(arguments[2:])
        # Read here, so that a missing variable or folder is not shown as a traceback.
        settings.INSTALLED_APPS  # noqa: B018
    except (CannotStart, ImproperlyConfigured) as refusal:
        sys.exit(str(refusal))
    execute_from_command_line(arguments)


if __name__ == "__main__":
    main(sys.argv)
