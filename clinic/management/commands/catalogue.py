"""Keeps the translation catalogues in step with the strings marked in the code."""

import argparse
import json
from pathlib import Path

from babel.messages.catalog import Catalog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.lib import catalogue
from clinic.lib.translation_faults import find_faults


class Command(BaseCommand):
    help = "Update the translation catalogues (.po) from the strings marked in code and templates."
    # The catalogues are needed before there is a database, and whatever else is wrong.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--check", action="store_true", help="change nothing; exit 1 naming every fault")
        mode.add_argument(
            "--missing", choices=catalogue.LANGUAGES, help="print what is untranslated, as JSON to fill in"
        )
        mode.add_argument(
            "--fill",
            nargs=2,
            metavar=("LANG", "FILE.json"),
            help='take translations in: {msgid: "text" or ["plural", "forms"]}; a key with a context is'
            " msgid, U+0004, context",
        )

    def handle(self, *args: object, **options: object) -> None:
        parsed = argparse.Namespace(**options)
        try:
            marked = catalogue.extract(Path(settings.BASE_DIR))
            if parsed.check:
                self._check(marked)
            elif parsed.missing:
                self._print_missing(marked, parsed.missing)
            elif parsed.fill:
                self._fill(marked, *parsed.fill)
            else:
                self._update(marked)
        except catalogue.CatalogueError as error:
            raise CommandError(str(error)) from error

    def _update(self, marked: Catalog) -> None:
        for language in catalogue.LANGUAGES:
            merged = self._merged(marked, language)
            saved = catalogue.save(merged, self._path(language), language)
            left = len(catalogue.untranslated(merged, language))
            self.stdout.write(
                f"{language}: {len(merged)} strings, {left} untranslated, {'saved' if saved else 'unchanged'}"
            )

    def _check(self, marked: Catalog) -> None:
        count = 0
        for language in catalogue.LANGUAGES:
            for fault in find_faults(marked, catalogue.load(self._path(language), language), language):
                self.stdout.write(f"{language}: {fault}")
                count += 1
        if count:
            raise CommandError(
                f"{count} faults in the catalogues. `manage.py catalogue` brings in new strings and drops"
                " old ones; --missing and --fill take translations out and in."
            )
        self.stdout.write(f"{len(marked)} strings, complete in {', '.join(catalogue.LANGUAGES)}.")

    def _print_missing(self, marked: Catalog, language: str) -> None:
        missing = catalogue.untranslated(self._merged(marked, language), language)
        # ASCII would turn the readable text of a source string into escapes; the separator stays one.
        self.stdout.write(json.dumps(missing, ensure_ascii=False, indent=1))

    def _fill(self, marked: Catalog, language: str, file: str) -> None:
        if language not in catalogue.LANGUAGES:
            raise CommandError(f"There is no catalogue for {language!r}.")
        try:
            translations = json.loads(Path(file).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{file}: {error}") from error
        if not isinstance(translations, dict):
            raise CommandError(f"{file} must hold one object: msgid to translation.")
        merged = self._merged(marked, language)
        refused = catalogue.fill(merged, language, translations)
        catalogue.save(merged, self._path(language), language)
        left = len(catalogue.untranslated(merged, language))
        self.stdout.write(f"{language}: {left} untranslated")
        if refused:
            # What was right is kept: a translator should not redo a page for one changed sentence.
            raise CommandError("\n".join(["Not taken:", *refused]))

    def _merged(self, marked: Catalog, language: str) -> Catalog:
        return catalogue.merged(marked, catalogue.load(self._path(language), language), language)

    def _path(self, language: str) -> Path:
        return catalogue.po_path(Path(settings.LOCALE_PATHS[0]), language)
