"""How much of what strangers may do here is too much: by connection, by network, by contact, in all (A4 to A7, A14).

Counted in the cache. Connections are what the server says they are, never what a header claims; a member of
the clinic is counted by no connection, as all of a clinic sits behind one.
"""

import ipaddress
from collections.abc import Iterable

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from clinic.access import find_member
from clinic.lib.rate import is_within
from clinic.people.models import Clinic

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
# What may come from one connection, and from the network that it is part of.
BOOKINGS = (30, 120, HOUR)
NEW_HOLDS = (10, 40, 10 * MINUTE)
SMS_FROM_CONNECTION = (20, 60, DAY)
# For one e-mail address or one number.
BOOKINGS_FOR_CONTACT = (3, 5 * MINUTE)
SMS_TO_NUMBER = (3, 5 * MINUTE)
# What bookings cause in SMS: for one clinic, and for the installation.
SMS_OF_CLINIC = (300, DAY)
SMS_OF_ALL = (3000, DAY)


def network_of(address: str) -> str:
    """Return the network of an address: what one customer of a provider is usually given, and their neighbours."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def hidden(text: str) -> str:
    """Return a name for a contact under which it can be counted and not be read (X4)."""
    # Keyed: who reads the cache must not find a number by trying them all.
    return salted_hmac("clinic.directory.limits", text.casefold(), algorithm="sha256").hexdigest()[:32]


def is_member(request: HttpRequest, clinic: Clinic) -> bool:
    """Return whether somebody of the clinic asks."""
    return bool(request.user.is_authenticated and find_member(request.user, clinic.slug))


def from_here(what: str, request: HttpRequest, clinic: Clinic, limit: tuple[int, int, int]) -> bool:
    """Count one more of `what` from this connection; return whether that is within its limits.

    Args:
        limit: how many for the connection, how many for its network, within how many seconds.
    """
    if is_member(request, clinic):
        return True
    most, most_of_network, seconds = limit
    address = request.META.get("REMOTE_ADDR", "")
    is_fine = is_within(f"{what}:{address}", most=most, seconds=seconds)
    return is_within(f"{what}:{network_of(address)}", most=most_of_network, seconds=seconds) and is_fine


def for_contacts(what: str, contacts: Iterable[str], limit: tuple[int, int]) -> bool:
    """Count one more of `what` for each contact; return whether all are within the limit."""
    most, seconds = limit
    counts = [
        is_within(f"{what}:{hidden(contact)}", most=most, seconds=seconds) for contact in contacts if contact
    ]
    return all(counts)


def may_cause_sms(request: HttpRequest, clinic: Clinic, number: str) -> bool:
    """Count one more SMS that a patient's own act causes; return whether it may be sent (A4, A6)."""
    most, seconds = SMS_OF_CLINIC
    most_of_all, seconds_of_all = SMS_OF_ALL
    # The narrowest first: what one number may not have is not counted against everybody.
    return (
        for_contacts("sms", [number], SMS_TO_NUMBER)
        and from_here("sms-from", request, clinic, SMS_FROM_CONNECTION)
        and is_within(f"sms-of-clinic:{clinic.pk}", most=most, seconds=seconds)
        and is_within("sms-of-all", most=most_of_all, seconds=seconds_of_all)
    )
