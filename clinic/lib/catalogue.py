"""The translation catalogues: finding marked strings, keeping the .po files, compiling them.

Babel does what xgettext, msgmerge and msgfmt would, because a bare machine has none of them.
"""

import io
import os
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract as babel_extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po, write_po
from django.utils.translation.template import templatize

# As in Django's own catalogues: it merges ours into them only where the rules are the same text.
PLURAL_FORMS = {
    "pl": (
        "nplurals=4; plural=(n==1 ? 0 : (n%10>=2 && n%10<=4) && (n%100<12 || n%100>14) ? 1 : n!=1 && "
        "(n%10>=0 && n%10<=1) || (n%10>=5 && n%10<=9) || (n%100>=12 && n%100<=14) ? 2 : 3);"
    ),
    "de": "nplurals=2; plural=(n != 1);",
    "ro": "nplurals=3; plural=(n==1?0:(((n%100>19)||((n%100==0)&&(n!=0)))?2:1));",
}
LANGUAGES = tuple(PLURAL_FORMS)
# Polish has a fourth form, for fractions; counts of ours are whole, so translators give three.
WHOLE_NUMBER_FORMS = {"pl": 3, "de": 2, "ro": 3}
# Where a key must name a string with its context: msgid, this, context.
CONTEXT_SEPARATOR = "\u0004"

_CONTEXT_FIRST = ((1, "c"), 2)
_CONTEXT_FIRST_PLURAL = ((1, "c"), 2, 3)
_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": _CONTEXT_FIRST,
    "pgettext_lazy": _CONTEXT_FIRST,
    "npgettext": _CONTEXT_FIRST_PLURAL,
    "npgettext_lazy": _CONTEXT_FIRST_PLURAL,
}
_NOT_OURS = {"__pycache__", "bench", "locale", "migrations", "node_modules", "tests", "var"}
_COMMENT_TAGS = ("Translators",)
_WIDTH = 100


class CatalogueError(Exception):
    """A source file or a catalogue that cannot be read; the text names it and says why."""


def extract(root: Path) -> Catalog:
    """Return every string marked for translation under `root`, as an untranslated catalogue.

    Refuse (CatalogueError) a file that cannot be read as its kind, and two plurals of one singular:
    gettext finds a plural by its singular alone, so one of them would show the other's words.
    """
    found = Catalog()
    for path in _sources(root):
        for msgid, comments, context in _marked_in(path, path.relative_to(root).as_posix()):
            known = found.get(msgid, context)
            if known is not None and _is_plural(known.id) and _is_plural(msgid) and known.id != msgid:
                raise CatalogueError(f"{path.relative_to(root)}: “{msgid[0]}” has another plural elsewhere")
            found.add(msgid, auto_comments=comments, context=context)
    return found


def _sources(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        # Pruned in place; sorted, so that comments gathered from several files keep their order.
        names[:] = sorted(
            name
            for name in names
            if name not in _NOT_OURS
            and not name.startswith(".")
            and not (Path(folder) / name / "pyvenv.cfg").exists()
        )
        within = Path(folder).relative_to(root).parts
        suffixes = {".py"}
        # Elsewhere .html and .txt are documents, which may quote a tag without meaning it.
        suffixes |= {".html", ".txt"} if "templates" in within else set()
        suffixes |= {".js"} if "static" in within else set()
        yield from (Path(folder) / file for file in sorted(files) if Path(file).suffix in suffixes)


def _is_plural(msgid: str | tuple[str, ...] | list[str]) -> bool:
    return not isinstance(msgid, str)


def _marked_in(path: Path, origin: str) -> Iterator[tuple[str | tuple[str, ...], list[str], str | None]]:
    method = "python"
    keywords = _KEYWORDS
    try:
        code = path.read_text("utf-8")
        if path.suffix == ".js":
            method = "javascript"
            # "_" is a library's own name in many a script.
            keywords = {name: spec for name, spec in _KEYWORDS.items() if name != "_"}
        elif path.suffix != ".py":
            code = _template_as_code(code, origin)
        for _line, msgid, comments, context in babel_extract(
            method, io.BytesIO(code.encode()), keywords=keywords, comment_tags=_COMMENT_TAGS
        ):
            yield msgid, comments, context
    except (SyntaxError, UnicodeDecodeError, tokenize.TokenError) as error:
        raise CatalogueError(f"{origin}: {error}") from error


def _template_as_code(source: str, origin: str) -> str:
    """Return Python tokens that hold the template's marked strings as gettext calls.

    `templatize` writes for xgettext, which does not mind where a line begins; Python's tokenizer
    does, and brackets around the whole switch that off.
    """
    code = f"(\n{templatize(source, origin=origin)}\n)"
    # `templatize` cuts filters at every "|", also one inside _("a|b"): the quote then left open
    # would hide the rest of the file without a word.
    broken = f"{origin}: a marked string cannot be read (is there a | or a quote inside it?)"
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise CatalogueError(broken) from error
    # Python 3.11 reports an open quote as a token of its own; later ones raise.
    if any(token.type == tokenize.ERRORTOKEN and not token.string.isspace() for token in tokens):
        raise CatalogueError(broken)
    return code


def po_path(locale_dir: Path, language: str) -> Path:
    """Return where the language's catalogue lies."""
    return locale_dir / language / "LC_MESSAGES" / "django.po"


def load(path: Path, language: str) -> Catalog:
    """Return the catalogue in the file, or an empty one where there is none yet."""
    if not path.exists():
        return empty(language)
    try:
        with path.open("rb") as file:
            return read_po(file, locale=language, abort_invalid=True)
    except (PoFileError, UnicodeDecodeError, ValueError) as error:
        raise CatalogueError(f"{path}: {error}") from error


def empty(language: str) -> Catalog:
    """Return a catalogue without entries that counts as the language does."""
    catalogue = Catalog(locale=language)
    catalogue.mime_headers = [("Plural-Forms", PLURAL_FORMS[language])]
    return catalogue


def merged(marked: Catalog, existing: Catalog, language: str) -> Catalog:
    """Return the marked strings with the translations they already have; what is unmarked is dropped.

    Nothing is guessed from similar strings: a changed sentence is a new one.
    """
    result = empty(language)
    for message in messages(marked):
        known = existing.get(message.id, message.context)
        if known is not None and ids_of(known) != ids_of(message):
            known = None
        result.add(
            message.id,
            _kept(message, known, result.num_plurals),
            flags=known.flags & {"fuzzy"} if known else (),
            auto_comments=message.auto_comments,
            user_comments=known.user_comments if known else (),
            context=message.context,
        )
    return result


def _kept(message: Message, known: Message | None, forms: int) -> str | tuple[str, ...]:
    if isinstance(message.id, str):
        return known.string if known and isinstance(known.string, str) else ""
    strings = tuple(known.string or ()) if known else ()
    # A catalogue from before its plural rule changed has another number of forms.
    return (strings + ("",) * forms)[:forms]


def messages(catalogue: Catalog) -> Iterator[Message]:
    """Return the entries, without the header that Babel counts among them."""
    return (message for message in catalogue if message.id)


def ids_of(message: Message) -> tuple[str, ...]:
    """Return the singular, and the plural where there is one."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def forms_of(message: Message) -> list[str]:
    """Return the entry's translation as a list: one for a string, one per form for a plural."""
    return [message.string or ""] if isinstance(message.string, str | None) else list(message.string)


def rendered(catalogue: Catalog, language: str) -> bytes:
    """Return the .po file. Only a changed string changes it: no dates, no places, no tool version."""
    head = (
        "# Words to use and to avoid: locale/terms.md\n"
        'msgid ""\nmsgstr ""\n'
        '"Project-Id-Version: Anteroom\\n"\n'
        f'"Language: {language}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {PLURAL_FORMS[language]}\\n"\n\n'
    )
    body = io.BytesIO()
    write_po(
        body,
        catalogue,
        width=_WIDTH,
        no_location=True,
        omit_header=True,
        sort_output=True,
        ignore_obsolete=True,
    )
    return head.encode() + body.getvalue().rstrip(b"\n") + b"\n"


def save(catalogue: Catalog, path: Path, language: str) -> bool:
    """Write the catalogue where it differs from the file; return whether it did."""
    content = rendered(catalogue, language)
    # An untouched file keeps its time, and with that its compiled twin stays fresh.
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, content)
    return True


def compile_po(path: Path, language: str) -> bool:
    """Write the .mo beside the .po where it is missing or older; return whether it did."""
    compiled = path.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime_ns > path.stat().st_mtime_ns:
        return False
    content = io.BytesIO()
    write_mo(content, load(path, language))
    _write(compiled, content.getvalue())
    return True


def _write(path: Path, content: bytes) -> None:
    # A process that starts meanwhile must find the old file or the new one, never half of one.
    passing = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        passing.write_bytes(content)
        passing.replace(path)
    finally:
        passing.unlink(missing_ok=True)


def key_of(message: Message) -> str:
    """Return the name of an entry in the JSON that translators are given and give back."""
    return ids_of(message)[0] + (CONTEXT_SEPARATOR + message.context if message.context else "")


def untranslated(catalogue: Catalog, language: str) -> dict[str, object]:
    """Return what still needs a translation, by key: "" for a string; for a plural, what is asked for."""
    return {
        key_of(message): {"plural": message.id[1], "forms": WHOLE_NUMBER_FORMS[language]}
        if _is_plural(message.id)
        else ""
        for message in sorted(messages(catalogue))
        if message.fuzzy or not all(forms_of(message))
    }


def fill(catalogue: Catalog, language: str, translations: Mapping[str, object]) -> list[str]:
    """Put translations in, by key; return why any was refused, one line each.

    Empty strings, and what `untranslated` wrote for a plural, mean "not yet" and change nothing.
    """
    refused = []
    entries = {key_of(message): message for message in messages(catalogue)}
    for key, translation in translations.items():
        message = entries.get(key)
        if message is None:
            refused.append(f"no such string: {key!r}")
        elif translation == "" or isinstance(translation, dict):
            continue
        elif isinstance(translation, str) and not _is_plural(message.id):
            _translate(message, translation)
        elif _is_plural(message.id) and (forms := _forms(translation, language, catalogue.num_plurals)):
            _translate(message, forms)
        else:
            count = WHOLE_NUMBER_FORMS[language]
            wanted = f"a list of {count} forms" if _is_plural(message.id) else "a string"
            refused.append(f"{wanted} is wanted for {key!r}")
    return refused


def _translate(message: Message, translation: str | tuple[str, ...]) -> None:
    message.string = translation
    message.flags.discard("fuzzy")


def _forms(translation: object, language: str, wanted: int) -> tuple[str, ...] | None:
    """Return as many forms as the catalogue has, repeating the last for numbers that never come."""
    if not isinstance(translation, list) or not all(isinstance(form, str) and form for form in translation):
        return None
    if len(translation) not in (WHOLE_NUMBER_FORMS[language], wanted):
        return None
    return (*translation, *translation[-1:] * (wanted - len(translation)))
