"""What staff are sent about the waiting area: the second look inside the claim, and the words (W12).

No name and no reason of a visit stands in them, in whichever channel (R34): how long, where, and a link.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from clinic.lib import sms
from messaging.models import Delivery
from messaging.registry import Hold, Ready, Skip, Verdict
from notifications.enums import Channel
from waiting_area import rules
from waiting_area.enums import Status
from waiting_area.long_wait import recipient_of
from waiting_area.models import Caller, WaitingArea

TEMPLATES = "waiting_area/messages"


def speak(deliveries: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Say of each claimed delivery what is sent now, or why nothing is (G2, R13)."""
    ids = {row.pk: int(row.message.cause.partition(":")[2]) for row in deliveries}
    callers = Caller.objects.select_related("area__clinic").in_bulk(ids.values())
    verdicts: dict[int, Verdict] = {}
    for row in deliveries:
        caller = callers.get(ids[row.pk])
        if caller is None or not caller.is_present:
            verdicts[row.pk] = Skip("caller_left")
            continue
        overtaken = second_look(row, caller, at=at)
        verdicts[row.pk] = overtaken or render(row, caller, at=at)
    return verdicts


def second_look(row: Delivery, caller: Caller, *, at: datetime) -> Skip | Hold | None:
    """Return why staff are not told of a present caller after all, or not yet; None: they are."""
    area = caller.area
    if row.message.recipient != recipient_of(area.pk):
        return Skip("caller_moved")
    if caller.status != Status.WAITING:
        return Skip("caller_taken")
    if area.long_wait_minutes is None:
        return Skip("off_for_area")
    if row.channel == Channel.EMAIL and not area.alert_email:
        return Skip("no_alert_email")
    if row.channel == Channel.SMS and not area.alert_phone:
        return Skip("no_alert_phone")
    if not rules.is_too_long(caller.status_since, at, minutes=area.long_wait_minutes):
        # More patience was asked for meanwhile, or they wait anew.
        return Hold(caller.status_since + timedelta(minutes=area.long_wait_minutes))
    return None


def _area_name(area: WaitingArea) -> str:
    """Return the area's name where it says more than the clinic's."""
    return "" if area.name == area.clinic.name else area.name


def render(row: Delivery, caller: Caller, *, at: datetime) -> Ready:
    """Write a delivery in the clinic's language."""
    area, clinic = caller.area, caller.area.clinic
    page = reverse("waiting_area:callers", kwargs={"slug": clinic.slug})
    context = {
        "clinic": clinic.name,
        "area": _area_name(area),
        "minutes": int((at - caller.status_since).total_seconds() // 60),
        "link": settings.PUBLIC_URL + page,
        "language": clinic.language,
    }
    with translation.override(clinic.language):
        if row.channel == Channel.SMS:
            return Ready(address=area.alert_phone, text=sms.gsm(_line("long_wait.sms.txt", context)))
        return Ready(
            address=area.alert_email,
            subject=_line("long_wait.subject.txt", context),
            text=render_to_string(f"{TEMPLATES}/long_wait.txt", {**context, "plain": True}),
            html=render_to_string(f"{TEMPLATES}/long_wait.html", context),
            sender_name=clinic.name,
        )


def _line(template: str, context: dict[str, object]) -> str:
    return " ".join(render_to_string(f"{TEMPLATES}/{template}", context).split())
