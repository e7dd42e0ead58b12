"""What is wrong with a translation catalogue, found before a reader finds it."""

import re
from collections import Counter
from dataclasses import dataclass

from babel.messages.catalog import Catalog, Message

from clinic.lib.catalogue import PLURAL_FORMS, forms_of, ids_of, key_of, messages

# No space among the flags: "50 % of" is a sentence more often than it is a number format.
_CONVERSION = r"[#0+-]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa]"
_PERCENT = re.compile(rf"(?P<escaped>%%)|(?P<named>%\([^)]*\){_CONVERSION})|(?P<placed>%{_CONVERSION})|%")
_BRACES = re.compile(r"\{(?P<name>[A-Za-z_][\w.\[\]]*|\d*)(?:![rsa])?(?::[^{}]*)?\}")
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>")
# "%(name).0s" writes nothing: a translator's word that the name is left out on purpose.
_LEFT_OUT = re.compile(r"\)\.0s$")
# Turkish letters with a cedilla; Romanian has a comma below, and screen readers tell them apart.
_CEDILLAS = re.compile("[\u015e\u015f\u0162\u0163]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to put right; `key` names the entry as the translators' JSON does."""

    kind: str
    key: str
    detail: str = ""

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.kind}: {self.key!r}{detail}"


def find_faults(marked: Catalog, catalogue: Catalog, language: str) -> list[Fault]:
    """Return every fault of the catalogue, sorted: against the marked strings, then entry by entry."""
    faults = []
    if catalogue.plural_forms.rstrip(";") != PLURAL_FORMS[language].rstrip(";"):
        faults.append(Fault("plural rule", "Plural-Forms", f"must be {PLURAL_FORMS[language]}"))
    wanted = {key_of(message): message for message in messages(marked)}
    entries = {key_of(message): message for message in messages(catalogue)}
    faults += [Fault("missing", key) for key in wanted if key not in entries]
    faults += [Fault("obsolete", key_of(message)) for message in catalogue.obsolete.values()]
    for key, message in entries.items():
        if key not in wanted:
            faults.append(Fault("obsolete", key))
        # One of the two is plural and the other not, or their plurals differ.
        elif ids_of(wanted[key]) != ids_of(message):
            faults.append(Fault("missing", key, "its plural changed"))
        else:
            faults += _faults_of(message, key, language)
    return sorted(faults, key=lambda fault: (fault.kind, fault.key))


def _faults_of(message: Message, key: str, language: str) -> list[Fault]:
    faults = [Fault("fuzzy", key)] if message.fuzzy else []
    forms = forms_of(message)
    if not any(forms):
        return [*faults, Fault("untranslated", key)]
    faults += [Fault("plural form lacking", key, f"msgstr[{n}]") for n, form in enumerate(forms) if not form]
    for number, form in enumerate(forms):
        # In our languages the first form stands for one alone, and may say "an" instead of "1".
        models = ids_of(message) if number == 0 else ids_of(message)[-1:]
        if form and not any(_fits(form, model) for model in models):
            at = f"msgstr[{number}]: " if len(forms) > 1 else ""
            difference = _difference(form, models[-1])
            faults.append(Fault("placeholders differ", key, f"{at}{difference}"))
        if language == "ro" and _CEDILLAS.search(form):
            faults.append(Fault("cedilla", key, "ș and ț have a comma below"))
    return faults


def _placeholders(text: str) -> tuple[Counter[str], tuple[str, ...]]:
    """Return what may stand anywhere in the sentence, with how often, and what is filled in order."""
    # A name may be said twice (Pan/Pani …), so names count once; a tag must be closed as often
    # as it is opened.
    anywhere = Counter(_TAG.findall(text))
    in_order = []
    for match in _PERCENT.finditer(text):
        if match["named"]:
            anywhere[_LEFT_OUT.sub(")s", match[0])] = 1
        elif match["placed"]:
            in_order.append(match[0])
        elif not match["escaped"]:
            # A lone % breaks the formatting of the whole sentence.
            anywhere["%"] = 1
    for match in _BRACES.finditer(text):
        if match["name"]:
            anywhere[match[0]] = 1
        else:
            in_order.append(match[0])
    return anywhere, tuple(in_order)


def _fits(translation: str, model: str) -> bool:
    return _placeholders(translation) == _placeholders(model)


def _difference(translation: str, model: str) -> str:
    has, has_in_order = _placeholders(translation)
    needs, needs_in_order = _placeholders(model)
    if has_in_order != needs_in_order:
        return f"{' '.join(needs_in_order) or 'none'} in the source, {' '.join(has_in_order) or 'none'} here"
    lacking, extra = needs - has, has - needs
    return ", ".join(
        [f"lacks {mark}" for mark in sorted(lacking)] + [f"has {mark} too many" for mark in sorted(extra)]
    )
