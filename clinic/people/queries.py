"""Reads of people for pages."""

import unicodedata
from contextlib import suppress

from django.db.models import Q, QuerySet

from clinic.lib import mail_address, phone
from clinic.people.models import Clinic, Patient

MOST_FOUND = 50


def folded(text: str) -> str:
    """Return a text as a search compares it: no case, no diacritics, also for ł and ß."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_ALONE)
    return "".join(character for character in plain if not unicodedata.combining(character))


# Letters that Unicode does not take apart.
_ALONE = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe"})


def find_patients(*, clinic: Clinic, text: str, most: int = MOST_FOUND) -> list[Patient]:
    """Return patients whose name holds every word, or whose e-mail or phone is exactly this; by name.

    Compared in Python: neither engine folds Polish and Romanian letters alike by itself.
    """
    words = folded(text).split()
    if not words:
        return list(list_patients(clinic=clinic)[:most])
    exact = Q(pk__in=[])
    with suppress(mail_address.BadAddress):
        exact |= Q(email__iexact=mail_address.normalise(text))
    with suppress(phone.BadPhone):
        exact |= Q(phone=phone.normalise(text, country=clinic.country).e164)
    names = Patient.objects.filter(clinic=clinic).values_list("name", "pk")
    fitting = [
        (plain, pk)
        for plain, pk in ((folded(name), pk) for name, pk in names.iterator())
        if all(word in plain for word in words)
    ]
    ids = [pk for _plain, pk in sorted(fitting)[:most]]
    found = Patient.objects.filter(Q(pk__in=ids) | exact, clinic=clinic)
    return sorted(found, key=lambda patient: (folded(patient.name), patient.pk))[:most]


def list_patients(*, clinic: Clinic) -> QuerySet[Patient]:
    """Return a clinic's patients by name."""
    return Patient.objects.filter(clinic=clinic).order_by("name", "pk")
