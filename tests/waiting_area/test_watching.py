"""Who watches, and the quick replies: what is stored, written down and told (W10, W12)."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import TestCase

from clinic.audit.models import AuditValue
from clinic.audit.operations import user_actor
from clinic.live import bus
from clinic.live.events import Event
from clinic.models import AuditEntry, Membership, User
from tests.factories.house import NOW, House
from waiting_area import board, replies, watching
from waiting_area.models import QuickReply, Watch
from waiting_area.queries import list_replies, watch_of


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


def watching_of(house: House) -> dict[str, bool]:
    """Return who watches, by role."""
    roles = ("admin", "practitioner", "assistant")
    return {role: board.needs_of(membership(getattr(house, role)), at=NOW).watches for role in roles}


def name(house: House, *users: User) -> None:
    ids = [membership(user).pk for user in users]
    watching.name_watchers(clinic=house.clinic, memberships=ids, actor=user_actor(house.admin), at=NOW)


def last_values() -> tuple[str, Any, Any]:
    entry = AuditEntry.objects.order_by("-pk")[0]
    values = AuditValue.objects.get(entry=entry)
    return entry.action, values.old, values.new


def test_everybody_watches_until_somebody_is_named(rynek: House, markt: House) -> None:
    everybody = {"admin": True, "practitioner": True, "assistant": True}
    assert watching_of(rynek) == everybody

    name(rynek, rynek.assistant, markt.admin)

    assert watching_of(rynek) == {"admin": False, "practitioner": False, "assistant": True}
    assert watching_of(markt) == everybody
    assert last_values() == (
        "waiting_watchers.changed", {"members": []}, {"members": [rynek.assistant.pk]},
    )  # fmt: skip
    name(rynek)
    assert watching_of(rynek) == everybody
    assert last_values()[1:] == ({"members": [rynek.assistant.pk]}, {"members": []})


def test_who_may_not_log_in_any_more_watches_over_nothing(rynek: House) -> None:
    name(rynek, rynek.practitioner)
    User.objects.filter(pk=rynek.practitioner.pk).update(is_active=False)

    for user in (rynek.admin, rynek.assistant):
        assert board.needs_of(membership(user), at=NOW).watches


def test_naming_tells_open_pages_once(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def keep(event: Event) -> None:
        told.append(event.name)

    monkeypatch.setattr(bus, "publish_event", keep)
    for _again in range(2):
        with TestCase.captureOnCommitCallbacks(execute=True):
            name(rynek, rynek.admin)

    assert told == ["watch"]


def test_own_watch_is_written_down_as_far_as_it_changed(rynek: House) -> None:
    own = membership(rynek.assistant)
    assert (watch_of(own).sound, watch_of(own).volume, watch_of(own).pk) == ("bell", 60, own.pk)
    values: dict[str, Any] = {"sound": "bell", "volume": 35, "is_muted": False, "notifies": True}
    by: dict[str, Any] = {"membership": own, "actor": user_actor(rynek.assistant), "at": NOW}

    watching.change_own_watch(**by, **values)

    assert last_values() == (
        "watch.changed", {"volume": 60, "notifies": False}, {"volume": 35, "notifies": True},
    )  # fmt: skip
    before = AuditEntry.objects.count()
    watching.change_own_watch(**by, **values)
    assert AuditEntry.objects.count() == before
    for wrong in ({"sound": "siren"}, {"volume": 101}):
        with pytest.raises(ValidationError):
            watching.change_own_watch(**by, **{**values, **wrong})
    assert (Watch.objects.get().sound, Watch.objects.get().volume) == ("bell", 35)


def test_replies_come_in_the_callers_language_or_in_the_clinics(rynek: House, markt: House) -> None:
    texts = {"pl": ["Chwila", "Już idę"], "de": ["Gleich"], "en": ["B", "A"]}
    for house in (rynek, markt):
        replies.set_replies(clinic=house.clinic, replies=texts, actor=user_actor(house.admin), at=NOW)

    found = {
        language: [row.text for row in list_replies(rynek.clinic, language)]
        for language in ("en", "pl", "ro")
    }

    assert found == {
        "en": ["B", "A"], "pl": ["Chwila", "Już idę"], "ro": ["Chwila", "Już idę"],
    }  # fmt: skip
    assert {row.clinic_id for row in list_replies(rynek.clinic, "en")} == {rynek.clinic.pk}


def test_replies_change_only_in_the_languages_named(rynek: House) -> None:
    by: dict[str, Any] = {"clinic": rynek.clinic, "actor": user_actor(rynek.admin), "at": NOW}
    replies.set_replies(replies={"pl": ["Chwila"], "en": ["One", "Two"]}, **by)

    replies.set_replies(replies={"en": ["Two", "One"], "pl": ["Chwila"]}, **by)

    assert last_values() == ("quick_replies.changed", {"en": ["One", "Two"]}, {"en": ["Two", "One"]})
    replies.set_replies(replies={"en": []}, **by)
    assert [row.text for row in QuickReply.objects.all()] == ["Chwila"]


def test_bad_replies_are_named_by_field_and_change_nothing(rynek: House) -> None:
    by: dict[str, Any] = {"clinic": rynek.clinic, "actor": user_actor(rynek.admin), "at": NOW}

    with pytest.raises(ValidationError) as refused:
        replies.set_replies(replies={"en": ["Fine"], "de": ["x" * 201], "ro": ["a\x07"]}, **by)

    assert set(refused.value.message_dict) == {"replies_de", "replies_ro"}
    with pytest.raises(ValueError, match="xx"):
        replies.set_replies(replies={"xx": ["One"]}, **by)
    assert not QuickReply.objects.exists()
