"""The catalogues: what is found, what is kept, what is refused (X1)."""

import gettext
import json
import os
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import django
import pytest
from babel.messages.catalog import Catalog, Message
from django.core.management import CommandError, call_command
from django.template import Context, Engine
from django.utils import translation
from pytest_django.fixtures import Settings

from clinic.lib import catalogue
from clinic.lib.translation_faults import find_faults

VIEWS = '''
from django.utils.translation import gettext as _, gettext_lazy, ngettext, ngettext_lazy, npgettext, pgettext

def gettext_noop(text="not a marked string"):
    """_("quoted in a docstring")"""

def page(request, count):
    for _unused, _also in (("loop", "loop"),):
        gettext_lazy("Lazy " "and joined")
    # Translators: The verb, on a button.
    pgettext("verb", "Book")
    _(f"dynamic {count}")
    return _("Hello %(name)s") % {"name": ngettext("%(count)s patient", "%(count)s patients", count)}

npgettext("list", "one row", "%(count)s rows", 2)
ngettext_lazy("%(count)s day", "%(count)s days", "count")
'''
# Everything that trips a reader of Python: indentation that goes nowhere, a no-break space, quotes,
# percent signs, comments.
PAGE = """{% load i18n %}
        <p title="{% translate "It's here" %}">\N{NO-BREAK SPACE}don't</p>
    {# Translators: A call to action. #}
  <b>{% translate 'Say "yes"' context "button" %}</b>
{{ missing|default:_("nobody") }} {{ _("constant") }} {% if name == _("compared") %}{% endif %}
{% blocktranslate %}50% of {{ name }}{% endblocktranslate %}
{% blocktranslate trimmed with who=name %}
    Dear {{ who }},
    welcome
{% endblocktranslate %}
{% blocktranslate trimmed count n=number context "queue" %}
    One <b>caller</b> before you
{% plural %}
    {{ n }} <b>callers</b>
    before you
{% endblocktranslate %}
{% comment %}{% translate "commented out" %}{% endcomment %}
{% verbatim %}{% translate "verbatim" %}{% endverbatim %}
"""
FOUND_IN_PAGE = {
    "It's here",
    'Say "yes"\u0004button',
    "nobody",
    "constant",
    "compared",
    "50%% of %(name)s",
    "Dear %(who)s, welcome",
    "One <b>caller</b> before you\u0004queue",
}


@pytest.fixture
def project(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A project of one app and one page, whose catalogues the commands work on."""
    settings.BASE_DIR = tmp_path
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    write(tmp_path / "ward/views.py", VIEWS)
    write(tmp_path / "templates/ward/page.html", PAGE)
    yield tmp_path
    # What was compiled here must not answer for the real catalogues in the next test.
    translation.trans_real._translations.clear()  # type: ignore[attr-defined]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def keys(found: Catalog) -> set[str]:
    return {catalogue.key_of(message) for message in catalogue.messages(found)}


def entry(found: Catalog, msgid: str, context: str | None = None) -> Message:
    message = found.get(msgid, context)
    assert message is not None
    return message


def run(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def checked() -> list[str]:
    """What `--check` names, which must come with a failure."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("catalogue", "--check", stdout=out)
    return out.getvalue().splitlines()


def fill_all(project: Path, mark: str = "{}") -> None:
    """Fill all catalogues with each string itself, set into `mark`."""
    for language in catalogue.LANGUAGES:
        answers: dict[str, object] = {}
        for key, asked in json.loads(run("catalogue", "--missing", language)).items():
            singular = mark.format(key.partition("\u0004")[0])
            answers[key] = singular
            if asked:
                answers[key] = [singular, *[mark.format(asked["plural"])] * (asked["forms"] - 1)]
        file = write(project / "filled.json", json.dumps(answers))
        run("catalogue", "--fill", language, str(file))


def edit(project: Path, language: str, old: str, new: str) -> None:
    path = catalogue.po_path(project / "locale", language)
    text = path.read_text("utf-8")
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new), "utf-8")


def test_extract_python(tmp_path: Path) -> None:
    write(tmp_path / "ward/views.py", VIEWS)

    found = catalogue.extract(tmp_path)

    assert keys(found) == {
        "Lazy and joined",
        "Book\u0004verb",
        "Hello %(name)s",
        "%(count)s patient",
        "one row\u0004list",
        "%(count)s day",
    }
    assert entry(found, "Book", "verb").auto_comments == ["Translators: The verb, on a button."]
    assert entry(found, "one row", "list").id == ("one row", "%(count)s rows")


@pytest.mark.parametrize("name", ["page.html", "mail.txt"])
def test_extract_template(tmp_path: Path, name: str) -> None:
    write(tmp_path / "templates/ward" / name, PAGE)

    found = catalogue.extract(tmp_path)

    assert keys(found) == FOUND_IN_PAGE
    assert entry(found, "One <b>caller</b> before you", "queue").id == (
        "One <b>caller</b> before you",
        "%(n)s <b>callers</b> before you",
    )
    assert entry(found, 'Say "yes"', "button").auto_comments == ["Translators: A call to action."]


def test_extract_leaves_out_what_is_not_shown(tmp_path: Path) -> None:
    for folder in ("tests", "ward/tests", ".venv", "var", "bench", "ward/migrations"):
        write(tmp_path / folder / "code.py", 'gettext("elsewhere")')
        write(tmp_path / folder / "templates/page.html", '{% translate "elsewhere" %}')
    write(tmp_path / "docs/page.html", '{% translate "quoted in a document" %}')
    write(tmp_path / "python/pyvenv.cfg", "")
    write(tmp_path / "python/lib/code.py", 'gettext("elsewhere")')
    write(tmp_path / "static/live.js", '_("a library\'s own"); label(gettext("Reconnecting"))')

    assert keys(catalogue.extract(tmp_path)) == {"Reconnecting"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param('{{ x|default:_("a|b") }}\n{% translate "lost" %}', r"page\.html: .*cannot", id="pipe"),
        pytest.param(
            '{{ x|default:_("a)|b") }}\n{{ _("lost") }}', r"page\.html: .*cannot", id="pipe-after-bracket"
        ),
        pytest.param("{% blocktranslate %}{% if x %}{% endblocktranslate %}", r"page\.html", id="block"),
    ],
)
def test_extract_refuses_template_it_would_misread(tmp_path: Path, source: str, reason: str) -> None:
    write(tmp_path / "templates/page.html", source)

    with pytest.raises(catalogue.CatalogueError, match=reason):
        catalogue.extract(tmp_path)


def test_extract_refuses_two_plurals_of_one_singular(tmp_path: Path) -> None:
    write(tmp_path / "ward/views.py", 'ngettext("a day", "%d days", n)\nngettext("a day", "days", n)')

    with pytest.raises(catalogue.CatalogueError, match="another plural"):
        catalogue.extract(tmp_path)


def test_extracted_strings_are_those_looked_up_at_run_time(project: Path) -> None:
    fill_all(project, "[{}]")
    run("compile_catalogues")
    template = Engine(libraries={"i18n": "django.templatetags.i18n"}).from_string(PAGE)

    def shown(number: int) -> str:
        return template.render(Context({"name": "Ada", "number": number}))

    with translation.override("pl"):
        page = shown(5)

        assert "[It's here]" in page
        assert '<b>[Say "yes"]</b>' in page
        assert "[nobody] [constant]" in page
        assert "[50% of Ada]" in page
        assert "[Dear Ada, welcome]" in page
        assert "[5 <b>callers</b> before you]" in page
        assert "[One <b>caller</b> before you]" in shown(1)
        assert translation.pgettext("verb", "Book") == "[Book]"
        assert translation.gettext("Book") == "Book"


def test_plural_rules_are_djangos() -> None:
    for language in catalogue.LANGUAGES:
        theirs = Path(django.__file__).parent / f"conf/locale/{language}/LC_MESSAGES/django.mo"
        with theirs.open("rb") as file:
            rule = gettext.GNUTranslations(file).info()["plural-forms"]

        assert re.sub(r"\s", "", catalogue.PLURAL_FORMS[language]) == re.sub(r"\s", "", rule)


def test_whole_numbers_use_the_forms_translators_give(project: Path) -> None:
    fill_all(project)
    run("compile_catalogues")
    for language in catalogue.LANGUAGES:
        with catalogue.po_path(project / "locale", language).with_suffix(".mo").open("rb") as file:
            rule = gettext.GNUTranslations(file).plural  # type: ignore[attr-defined]

        assert {rule(n) for n in range(1000)} == set(range(catalogue.WHOLE_NUMBER_FORMS[language]))


def test_update_writes_only_what_changed(project: Path) -> None:
    run("catalogue")
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*.po")}

    run("catalogue")

    assert len(before) == 3
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*.po")} == before
    german = catalogue.po_path(project / "locale", "de").read_text("utf-8")
    assert german.startswith(
        """# Words to use and to avoid: locale/terms.md
msgid ""
msgstr ""
"Project-Id-Version: Anteroom\\n"
"Language: de\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#, python-format
msgid "%(count)s day"
msgid_plural "%(count)s days"
msgstr[0] ""
msgstr[1] ""
"""
    )


def test_update_keeps_translations_and_drops_what_is_gone(project: Path) -> None:
    fill_all(project, "[{}]")
    write(project / "ward/views.py", VIEWS.replace("Lazy ", "Lazier ").replace("%(count)s rows", "rows"))

    run("catalogue")

    polish = catalogue.load(catalogue.po_path(project / "locale", "pl"), "pl")
    assert entry(polish, "Hello %(name)s").string == "[Hello %(name)s]"
    assert polish.get("Lazy and joined") is None
    assert not polish.obsolete
    # No guessing from what looks alike: both are to be translated anew.
    assert set(catalogue.untranslated(polish, "pl")) == {"Lazier and joined", "one row\u0004list"}
    assert entry(polish, "one row", "list").string == ("", "", "", "")


def test_missing_asks_for_all_that_is_left(project: Path) -> None:
    fill_all(project)
    edit(project, "pl", 'msgstr "Hello %(name)s"', 'msgstr ""')
    edit(project, "pl", 'msgid "constant"', '#, fuzzy\nmsgid "constant"')
    edit(project, "pl", 'msgstr[1] "%(count)s days"', 'msgstr[1] ""')

    assert json.loads(run("catalogue", "--missing", "pl")) == {
        "%(count)s day": {"plural": "%(count)s days", "forms": 3},
        "Hello %(name)s": "",
        "constant": "",
    }


def test_fill(project: Path) -> None:
    file = write(
        project / "pl.json",
        json.dumps(
            {
                "Book\u0004verb": "Umów",
                "%(count)s day": ["%(count)s dzień", "%(count)s dni", "%(count)s dni"],
                "constant": "",
                "%(count)s patient": {"plural": "%(count)s patients", "forms": 3},
                "one row\u0004list": ["wiersz", "wiersze"],
                "compared": ["porównane"],
                "nowhere": "nigdzie",
            }
        ),
    )

    with pytest.raises(CommandError) as refusal:
        run("catalogue", "--fill", "pl", str(file))

    assert str(refusal.value).splitlines() == [
        "Not taken:",
        "a list of 3 forms is wanted for 'one row\\x04list'",
        "a string is wanted for 'compared'",
        "no such string: 'nowhere'",
    ]
    polish = catalogue.load(catalogue.po_path(project / "locale", "pl"), "pl")
    assert {
        catalogue.key_of(message): message.string
        for message in catalogue.messages(polish)
        if any(catalogue.forms_of(message))
    } == {
        "Book\u0004verb": "Umów",
        "%(count)s day": ("%(count)s dzień", "%(count)s dni", "%(count)s dni", "%(count)s dni"),
    }


def test_fill_ends_fuzziness(project: Path) -> None:
    fill_all(project)
    edit(project, "de", 'msgid "constant"', '#, fuzzy\nmsgid "constant"')

    run("catalogue", "--fill", "de", str(write(project / "de.json", '{"constant": "Konstante"}')))

    assert run("catalogue", "--check") == "14 strings, complete in pl, de, ro.\n"


@pytest.mark.parametrize(
    ("language", "content"), [("fr", "{}"), ("pl", "[]"), ("pl", "{"), ("pl", None)], ids=str
)
def test_fill_refuses_what_it_cannot_read(project: Path, language: str, content: str | None) -> None:
    file = project / "answers.json"
    if content is not None:
        write(file, content)

    with pytest.raises(CommandError):
        run("catalogue", "--fill", language, str(file))


def test_check_passes_complete_catalogues(project: Path) -> None:
    fill_all(project)

    assert run("catalogue", "--check") == "14 strings, complete in pl, de, ro.\n"


@pytest.mark.parametrize(
    ("language", "old", "new", "named"),
    [
        pytest.param(
            "pl", 'msgid "constant"\nmsgstr "constant"\n\n', "", "pl: missing: 'constant'", id="missing"
        ),
        pytest.param(
            "de", 'msgstr "constant"', 'msgstr ""', "de: untranslated: 'constant'", id="untranslated"
        ),
        pytest.param(
            "ro", 'msgid "constant"', '#, fuzzy\nmsgid "constant"', "ro: fuzzy: 'constant'", id="fuzzy"
        ),
        pytest.param(
            "pl",
            'msgid "constant"',
            'msgid "gone"\nmsgstr "nie ma"\n\nmsgid "constant"',
            "pl: obsolete: 'gone'",
            id="obsolete",
        ),
        pytest.param(
            "pl",
            'msgid "constant"',
            '#~ msgid "gone"\n#~ msgstr "nie ma"\n\nmsgid "constant"',
            "pl: obsolete: 'gone'",
            id="commented-obsolete",
        ),
        pytest.param(
            "pl",
            'msgstr "Hello %(name)s"',
            'msgstr "Witaj %(nazwa)s"',
            "pl: placeholders differ: 'Hello %(name)s' (lacks %(name)s, has %(nazwa)s too many)",
            id="placeholder",
        ),
        pytest.param(
            "ro",
            'msgstr "50%% of %(name)s"',
            'msgstr "50% din %(name)s"',
            "ro: placeholders differ: '50%% of %(name)s' (has % too many)",
            id="lone-percent",
        ),
        pytest.param(
            "de",
            'msgstr[0] "One <b>caller</b> before you"',
            'msgstr[0] "Noch <b>eine Person vor Ihnen"',
            "de: placeholders differ: 'One <b>caller</b> before you\\x04queue'"
            " (msgstr[0]: lacks %(n)s, lacks </b>)",
            id="tag",
        ),
        pytest.param(
            "pl",
            'msgstr[2] "%(count)s days"',
            'msgstr[2] "dni"',
            "pl: placeholders differ: '%(count)s day' (msgstr[2]: lacks %(count)s)",
            id="placeholder-in-plural",
        ),
        pytest.param(
            "pl",
            'msgstr[2] "%(count)s days"',
            'msgstr[2] ""',
            "pl: plural form lacking: '%(count)s day' (msgstr[2])",
            id="plural-form",
        ),
        pytest.param(
            "pl",
            'msgstr[3] "%(count)s days"\n',
            "",
            "pl: plural form lacking: '%(count)s day' (msgstr[3])",
            id="plural-form-unwritten",
        ),
        pytest.param(
            "ro",
            'msgstr "constant"',
            'msgstr "constanta \u015fi"',
            "ro: cedilla: 'constant' (ș and ț have a comma below)",
            id="cedilla",
        ),
        pytest.param(
            "ro",
            'msgstr[1] "%(count)s days"',
            'msgstr[1] "%(count)s \u0162"',
            "ro: cedilla: '%(count)s day' (ș and ț have a comma below)",
            id="cedilla-in-plural",
        ),
        pytest.param(
            "de",
            "plural=(n != 1)",
            "plural=(n > 1)",
            "de: plural rule: 'Plural-Forms' (must be nplurals=2; plural=(n != 1);)",
            id="plural-rule",
        ),
    ],
)
def test_check_names_fault(project: Path, language: str, old: str, new: str, named: str) -> None:
    fill_all(project)

    edit(project, language, old, new)

    assert checked() == [named]


def test_check_names_string_made_plural(project: Path) -> None:
    fill_all(project)
    write(project / "ward/more.py", 'ngettext("constant", "constants", n)')

    assert checked() == [
        f"{language}: missing: 'constant' (its plural changed)" for language in ("pl", "de", "ro")
    ]


def test_check_without_catalogues_names_every_string(project: Path) -> None:
    assert len(checked()) == 3 * 14
    assert not (project / "locale").exists()


def test_check_refuses_broken_file(project: Path) -> None:
    write(catalogue.po_path(project / "locale", "pl"), 'msgid "open\n')

    with pytest.raises(CommandError, match=r"pl.LC_MESSAGES.django\.po"):
        run("catalogue", "--check")


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        pytest.param("%(a)s and %(b)s", "%(b)s i %(a)s", True, id="order-of-names"),
        pytest.param("%(a)s", "Pan/Pani %(a)s (%(a)s)", True, id="name-twice"),
        pytest.param("Dear %(a)s", "Dzień dobry%(a).0s", True, id="name-left-out"),
        pytest.param("%(a)d", "%(a).0s", False, id="number-left-out"),
        pytest.param("%(a)d", "%(a)s", False, id="conversion"),
        pytest.param("%s of %d", "%d z %s", False, id="order-of-positions"),
        pytest.param("%s", "bez", False, id="position-lost"),
        pytest.param("{name}, {hour:02d}", "{hour:02d}, {name}", True, id="braces"),
        pytest.param("{name}", "{nazwa}", False, id="brace-name"),
        pytest.param("{} {}", "{}", False, id="brace-position"),
        pytest.param('<a href="%(u)s">x</a>', '<a href="%(u)s">y</a>', True, id="tags"),
        pytest.param('<a href="%(u)s">x</a>', '<a href=%(u)s">y</a>', False, id="attribute"),
        pytest.param("a<br>b", "a<br><br>b", False, id="tag-count"),
        pytest.param("<anna@example.com>", "<anna@example.com>", True, id="address"),
        pytest.param("50 % off", "50 % zniżki", True, id="plain-percent"),
    ],
)
def test_placeholders(source: str, target: str, *, fits: bool) -> None:
    marked, polish = Catalog(), catalogue.empty("pl")
    marked.add(source)
    polish.add(source, target)

    assert [fault.kind for fault in find_faults(marked, polish, "pl")] == (
        [] if fits else ["placeholders differ"]
    )


def test_compile_only_what_is_stale(project: Path) -> None:
    fill_all(project)

    assert run("compile_catalogues") == "pl: compiled\nde: compiled\nro: compiled\n"
    later = max(path.stat().st_mtime for path in project.rglob("*.mo")) + 10
    for path in project.rglob("*.mo"):
        os.utime(path, (later, later))
    assert run("compile_catalogues") == ""
    os.utime(catalogue.po_path(project / "locale", "de"), (later + 1, later + 1))
    assert run("compile_catalogues") == "de: compiled\n"
    catalogue.po_path(project / "locale", "ro").with_suffix(".mo").unlink()
    assert "ro: compiled\n" in run("compile_catalogues")
    assert {path.name for path in project.rglob("LC_MESSAGES/*")} == {"django.po", "django.mo"}


def test_compile_leaves_fuzzy_and_empty_to_english(project: Path) -> None:
    fill_all(project, "[{}]")
    edit(project, "de", 'msgid "constant"', '#, fuzzy\nmsgid "constant"')
    edit(project, "de", 'msgstr "[nobody]"', 'msgstr ""')

    run("compile_catalogues")

    with catalogue.po_path(project / "locale", "de").with_suffix(".mo").open("rb") as file:
        german = gettext.GNUTranslations(file)
    assert [german.gettext(text) for text in ("constant", "nobody", "compared")] == [
        "constant",
        "nobody",
        "[compared]",
    ]


def test_compile_keeps_old_file_when_it_fails(project: Path) -> None:
    fill_all(project)
    run("compile_catalogues")
    polish = catalogue.po_path(project / "locale", "pl")
    before = polish.with_suffix(".mo").read_bytes()
    os.utime(write(polish, 'msgid "open\n'), (2**31, 2**31))

    with pytest.raises(CommandError, match="Could not compile"):
        run("compile_catalogues")

    assert polish.with_suffix(".mo").read_bytes() == before


def test_compile_without_catalogue_says_so(project: Path) -> None:
    with pytest.raises(CommandError, match="is missing"):
        run("compile_catalogues")


@pytest.mark.parametrize(
    "forms", ["%(count)s Patient", ["%(count)s Patient"], ["%(count)s Patient", ""], [1, 2]]
)
def test_plural_filled_with_something_else_is_refused(project: Path, forms: object) -> None:
    run("catalogue")
    file = write(project / "filled.json", json.dumps({"%(count)s patient": forms}))

    with pytest.raises(CommandError, match="a list of 2 forms is wanted for '%\\(count\\)s patient'"):
        run("catalogue", "--fill", "de", str(file))

    assert "%(count)s patient" in json.loads(run("catalogue", "--missing", "de"))
