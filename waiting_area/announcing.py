"""What open pages are told: dashboards which rows changed, callers their notices and their queue."""

from collections import defaultdict
from collections.abc import Iterable

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from clinic.live.bus import publish
from clinic.people.listening import clinic_topic
from waiting_area.models import Caller, Notice


def caller_topic(caller_id: int) -> str:
    """Return the topic of one caller's own page; its events carry the number of the notice."""
    return f"caller:{caller_id}"


def area_topic(area_id: int) -> str:
    """Return the topic on which all callers of an area hear how the queue moves."""
    return f"area:{area_id}"


def notice_html(notice: Notice) -> str:
    """Return a notice as the caller's page shows it, in the active language; the number is not in it."""
    return render_to_string("waiting_area/_notice.html", {"notice": notice, "clinic": notice.clinic})


def call_topic(call_id: int) -> str:
    """Return the topic of one call's page."""
    return f"call:{call_id}"


def announce_rows(callers: Iterable[Caller]) -> None:
    """Have each clinic's dashboards fetch these callers' rows anew (W1); one event per clinic."""
    by_clinic: dict[int, list[int]] = defaultdict(list)
    for caller in callers:
        by_clinic[caller.clinic_id].append(caller.pk)
    for clinic_id, ids in by_clinic.items():
        publish("caller", {clinic_topic(clinic_id): None}, {"ids": ids})


def announce_notice(notice: Notice) -> None:
    """Show a notice on its caller's page, in whichever language that is open, and its row to staff (W5)."""
    publish("notice", {caller_topic(notice.caller_id): notice.number}, by_language=_by_language(notice))
    announce_rows([notice.caller])


def announce_broadcast(notices: Iterable[Notice]) -> None:
    """Show one text on all its callers' pages by one event, made once per language (W7, W11)."""
    rows = list(notices)
    if not rows:
        return
    topics = {caller_topic(one.caller_id): one.number for one in rows}
    publish("notice", topics, by_language=_by_language(rows[0]))
    announce_rows([one.caller for one in rows])


def announce_withdrawn(notices: Iterable[Notice]) -> None:
    """Take notices back from their callers' pages (W12)."""
    rows = list(notices)
    # A broadcast had the same number with many of them.
    by_number: dict[int, dict[str, int | None]] = defaultdict(dict)
    for one in rows:
        by_number[one.number][caller_topic(one.caller_id)] = None
    for number, topics in by_number.items():
        publish("withdrawn", topics, {"number": number})
    announce_rows([one.caller for one in rows])


def announce_area(clinic_id: int, area_id: int) -> None:
    """Have the pages of everybody who waits in an area, and the clinic's lists, ask how things stand (W9).

    Its settings changed.
    """
    publish("area", {area_topic(area_id): None, clinic_topic(clinic_id): None})


def announce_call(clinic_id: int, call_id: int) -> None:
    """Have the pages of a call fetch who is in it, its callers' too (W13, W14)."""
    publish("call", {clinic_topic(clinic_id): None}, {"ids": [call_id]})
    callers = Caller.objects.filter(call=call_id).values_list("pk", flat=True)
    if topics := {caller_topic(pk): None for pk in callers}:
        publish("caller_state", topics)


def announce_watch(clinic_id: int) -> None:
    """Have the clinic's open pages count anew who waits for an answer or for somebody (W10)."""
    publish("watch", {clinic_topic(clinic_id): None})


def announce_state(caller: Caller) -> None:
    """Have the caller's own page ask how they stand."""
    publish("caller_state", {caller_topic(caller.pk): None})


def announce_place_left(area_id: int, place: int) -> None:
    """Let everybody behind a place in the queue move up by one."""
    publish("place", {area_topic(area_id): None}, {"left": place})


def announce_place_taken(area_id: int, place: int) -> None:
    """Let everybody from a place on move back by one: somebody came back to it."""
    publish("place", {area_topic(area_id): None}, {"taken": place})


def _by_language(notice: Notice) -> dict[str, dict[str, str]]:
    by_language = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            by_language[language] = {"html": notice_html(notice), "by": notice.author}
    return by_language
