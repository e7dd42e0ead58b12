"""Compiles the translation catalogues that changed since they were last compiled."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic.lib import catalogue


class Command(BaseCommand):
    help = "Write the .mo files where the .po is newer; needs no msgfmt."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        for language in catalogue.LANGUAGES:
            path = catalogue.po_path(Path(settings.LOCALE_PATHS[0]), language)
            if not path.exists():
                raise CommandError(f"{path} is missing; `manage.py catalogue` writes it.")
            try:
                compiled = catalogue.compile_po(path, language)
            except (catalogue.CatalogueError, OSError) as error:
                raise CommandError(f"Could not compile {path}: {error}") from error
            if compiled:
                self.stdout.write(f"{language}: compiled")
