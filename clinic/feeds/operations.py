"""Making, changing and ending the addresses under which a calendar is read (D5)."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from secrets import token_urlsafe

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from clinic.audit.operations import Actor, record
from clinic.calendars.models import Calendar, CalendarFeed

# What an address shows of a patient. It is part of the address: who has one never sees more by it.
BUSY, INITIALS = "b", "i"
SHOWS = (BUSY, INITIALS)
MOST_FEEDS = 20
# Programs ask every few minutes; when one did is kept as exactly as this.
NOTED_EVERY = timedelta(minutes=10)
_TOKEN_BYTES = 32


class TooManyFeeds(Exception):
    """The calendar has as many addresses as it can have."""


class RevokedFeed(Exception):
    """The address is revoked already; nothing was done."""


def key_of(token: str) -> str:
    """Return what is kept of an address: what it shows, and a hash that does not lead back to it."""
    digest = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    return token[:1] + digest[1:]


def _token(calendar: Calendar, shows: str, key: str) -> str:
    """Return a new address's secret part; of one form's presses, the same.

    It is worked out from the form's key and the installation's: whoever knows but one of them knows nothing.
    """
    if not key:
        return shows + token_urlsafe(_TOKEN_BYTES)
    digest = salted_hmac("clinic.feeds", f"{calendar.pk} {shows} {key}", algorithm="sha256").digest()
    return shows + urlsafe_b64encode(digest).decode().rstrip("=")


@transaction.atomic
def create_feed(*, calendar: Calendar, shows: str, key: str = "", actor: Actor, at: datetime) -> str:
    """Make an address; return its secret part, which nobody can read again.

    Args:
        shows: BUSY or INITIALS.
        key: the same, and nobody else's, for each press of the same form: the second one makes nothing, and is
            told what the first one made.

    Raises:
        TooManyFeeds: some must be revoked first.
        RevokedFeed: what the form made is revoked already.
    """
    if shows not in SHOWS:
        raise ValueError(shows)
    Calendar.objects.select_for_update().get(pk=calendar.pk)
    token = _token(calendar, shows, key)
    before = CalendarFeed.objects.filter(key=key_of(token)).first()
    if before is not None:
        if before.revoked_at:
            raise RevokedFeed
        return token
    if CalendarFeed.objects.filter(calendar=calendar, revoked_at=None).count() >= MOST_FEEDS:
        raise TooManyFeeds
    made = CalendarFeed.objects.create(
        clinic_id=calendar.clinic_id,
        calendar=calendar,
        key=key_of(token),
        created_by_id=actor.user_id,
        created_at=at,
    )
    record(actor, "feed.created", made, new={"calendar": calendar.pk, "shows": shows}, at=at)
    return token


@transaction.atomic
def revoke_feed(*, feed: CalendarFeed, actor: Actor, at: datetime) -> None:
    """Let an address lead nowhere from now on.

    Raises:
        RevokedFeed: it does not any more.
    """
    if CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=at) != 1:
        raise RevokedFeed
    record(actor, "feed.revoked", feed, at=at)


@transaction.atomic
def rotate_feed(*, feed: CalendarFeed, key: str = "", actor: Actor, at: datetime) -> str:
    """Put a new address in the place of one, showing the same; return its secret part.

    Args:
        key: as `create_feed`.

    Raises:
        RevokedFeed: it was revoked meanwhile; there is no new one.
    """
    shows, key = feed.key[0], f"{key} {feed.pk}" if key else ""
    made = CalendarFeed.objects.filter(key=key_of(_token(feed.calendar, shows, key)), revoked_at=None)
    if not (key and made.exists()):
        revoke_feed(feed=feed, actor=actor, at=at)
    return create_feed(calendar=feed.calendar, shows=shows, key=key, actor=actor, at=at)


def find_feed(token: str) -> CalendarFeed | None:
    """Return what an address leads to; None for a wrong or a revoked one."""
    key = key_of(token)
    rows = CalendarFeed.objects.select_related("calendar__clinic").filter(key=key, revoked_at=None)
    found = rows.first()
    return found if found and constant_time_compare(found.key, key) else None


def note_fetched(feed: CalendarFeed, *, at: datetime) -> None:
    """Write down that somebody reads the calendar: not at each of many times."""
    if feed.fetched_at is None or at - feed.fetched_at >= NOTED_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(fetched_at=at)
