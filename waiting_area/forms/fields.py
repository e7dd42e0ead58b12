"""What several forms of the waiting area ask for."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.lib import phone
from clinic.people.models import Clinic

# Made with a form, to know its second press.
KEY = r"^[0-9a-f]{32}$"
NOT_A_PHONE = _("This is not a phone number. Write it with its country code, like +48 22 555 01 23.")


def number_in(text: str, clinic: Clinic) -> str:
    """Return a phone number in E.164, or nothing for nothing.

    Raises:
        ValidationError: it is no number in the clinic's country or elsewhere.
    """
    if not text.strip():
        return ""
    try:
        return phone.normalise(text, country=clinic.country).e164
    except phone.BadPhone as error:
        raise ValidationError(NOT_A_PHONE) from error
