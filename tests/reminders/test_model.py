"""Random lives of an appointment against a small model of what may be said when (R13, R14, R19 to R21, X3).

The model knows the world as the clinic's last committed act left it. It is asked at every call of the
provider, also for acts that came between a worker's claim and its sending.
"""

import random
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models.functions import Now

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import PATIENT
from clinic.people.operations import change_patient, record_email_works
from messaging import claims, delivery, settling
from messaging.backends.base import Accepted, AmbiguousError, Outgoing, PassingError, PermanentError
from messaging.enums import State
from messaging.models import Attempt, Delivery
from messaging.operations import record_provider_state
from messaging.registry import Ready
from notifications.enums import Channel
from notifications.operations import (
    pause_sending,
    resume_sending,
    set_appointment_switches,
    set_calendar_communication,
)
from reminders.operations import record_read
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit
from tests.factories.outbox import offer
from tests.fakes.lines import Line, Provider

pytestmark = pytest.mark.django_db

WARSAW = ZoneInfo("Europe/Warsaw")
KINDS = ("details", "reminder", "moved", "cancelled")
STEPS = 40


class World(Provider):
    """The model, standing where the provider stands: it sees every delivery and knows what is true."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.dice = random.Random(seed)
        self.now = MONDAY
        self.starts_at = MONDAY + timedelta(hours=self.dice.choice([3, 6, 40, 60, 100, 240]))
        self.sequence = 0
        self.is_cancelled = self.is_paused = False
        self.calendar = dict.fromkeys(KINDS, True)
        self.own: dict[str, bool] = {}
        self.email, self.phone = "alice@patients.example", "+48512345678"
        self.gone: set[str] = set()  # addresses that were on the card
        self.read_version = -1
        self.dead = ""  # the address that is marked as not working
        self.about: dict[int, tuple[str, int]] = {}  # delivery: kind, version
        self.newest_taken = -1
        self.told: list[str] = []
        self.faults: list[str] = []
        self.is_judging = False

    def answer(self, outgoing: Outgoing) -> Accepted:
        with self._lock:
            return self.receive(outgoing)

    def receive(self, outgoing: Outgoing) -> Accepted:
        """Judge what came, then take it, refuse it, or leave everybody in the dark."""
        kind, version = self.about[outgoing.delivery_id]
        is_sms = not outgoing.subject
        self.told.append(
            f"{self.now:%d %H:%M} {kind} v{version} {'sms' if is_sms else 'mail'} #{outgoing.delivery_id}"
        )
        self.check(kind, version, outgoing.address, is_sms=is_sms)
        lot = self.dice.random()
        if lot < 0.08:
            raise PassingError("busy", retry_after=self.dice.choice([None, 900]))
        if lot < 0.12:
            raise PermanentError("smtp-550", no_such_address=self.dice.random() < 0.5)
        if lot < 0.18:
            raise AmbiguousError("lost-untaken")
        self.take(outgoing.delivery_id)
        if lot < 0.26:
            raise AmbiguousError("lost-taken")
        return Accepted()

    def take(self, pk: int) -> None:
        self.taken[pk] += 1
        kind, version = self.about[pk]
        if kind == "contact_changed":
            return
        if version < self.newest_taken:
            self.fault(f"news of version {version} after {self.newest_taken}")
        self.newest_taken = max(version, self.newest_taken)

    def fault(self, what: str) -> None:
        self.faults.append(f"{self.told[-1]}: {what}")

    def check(self, kind: str, version: int, address: str, *, is_sms: bool) -> None:
        """Say what is wrong with sending this now."""
        if self.is_paused:
            self.fault("paused")
        if kind == "contact_changed":
            if address in {self.email, self.phone} or address not in self.gone:
                self.fault(f"told {address}")
            return
        if version != self.sequence:
            self.fault(f"the world is at {self.sequence}")
        if self.is_cancelled != (kind == "cancelled"):
            self.fault("cancelled or not")
        if kind != "cancelled" and not self.own.get(kind, self.calendar[kind]):
            self.fault("switched off")
        if address != (self.phone if is_sms else self.email):
            self.fault(f"sent to {address}")
        if address == self.dead:
            self.fault("the address is known not to work")
        if self.now >= self.starts_at or (
            kind == "reminder" and self.starts_at - self.now < 2 * HOURS - MINUTES
        ):
            self.fault("too late")
        if is_sms and kind in {"details", "moved"} and self.read_version >= version:
            self.fault("read already")
        if is_sms and self.is_night() and self.morning() <= self.starts_at - 2 * HOURS:
            self.fault("at night")

    def is_night(self) -> bool:
        return not time(7) <= self.now.astimezone(WARSAW).time() < time(22)

    def morning(self) -> datetime:
        local = self.now.astimezone(WARSAW)
        day = local.date() + timedelta(days=local.time() >= time(22))
        return datetime.combine(day, time(7), tzinfo=WARSAW).astimezone(UTC)


class Life:
    """Acts on one appointment, in the product and in the model alike."""

    def __init__(self, world: World) -> None:
        self.world, self.dice = world, world.dice
        self.visit = book_visit(starts_at=world.starts_at)
        self.clinic, self.patient = self.visit.clinic, self.visit.patient
        self.note()

    def note(self) -> None:
        """Tell the model which delivery is about what, and whether the address is marked."""
        self.patient.refresh_from_db()
        self.world.dead = self.patient.email if self.patient.email_bounced_at else ""
        for pk, kind, version in Delivery.objects.values_list("pk", "message__kind", "message__version"):
            self.world.about[pk] = (kind, version)

    def act(self) -> None:
        """Do one thing that may happen at any moment."""
        getattr(self, self.dice.choice(
            ["move", "move", "cancel", "confirm", "calendar", "own", "card", "works", "pause", "read", "report"]
        ))()  # fmt: skip
        self.note()

    @property
    def is_over(self) -> bool:
        return self.world.is_cancelled or self.world.now >= self.world.starts_at

    def move(self) -> None:
        if self.is_over:
            return
        world = self.world
        start = world.now.replace(minute=0) + timedelta(hours=self.dice.choice([2, 5, 6, 40, 80, 200]))
        operations.move(
            appointment_id=self.visit.pk,
            starts_at=start,
            actor=self.dice.choice([STAFF, PATIENT]),
            at=world.now,
        )
        if start != world.starts_at:
            world.starts_at, world.sequence = start, world.sequence + 1

    def cancel(self) -> None:
        if self.is_over or self.dice.random() < 0.6:
            return
        by = self.dice.choice([CancelledBy.CLINIC, CancelledBy.PATIENT])
        operations.cancel(appointment_id=self.visit.pk, by=by, actor=STAFF, at=self.world.now)
        self.world.is_cancelled, self.world.sequence = True, self.world.sequence + 1

    def confirm(self) -> None:
        if not self.is_over:
            operations.confirm(appointment_id=self.visit.pk, actor=PATIENT, at=self.world.now)

    def calendar(self) -> None:
        self.world.calendar[self.dice.choice(KINDS[:3])] ^= True
        set_calendar_communication(
            calendar=self.visit.calendar, switches=self.world.calendar, self_service=True, plain_sms=True,
            quiet_from=time(22), quiet_until=time(7), actor=STAFF, at=self.world.now,
        )  # fmt: skip

    def own(self) -> None:
        kind, is_on = self.dice.choice(KINDS[:3]), self.dice.random() < 0.5
        self.visit.refresh_from_db()
        if self.world.own.get(kind, self.world.calendar[kind]) != is_on:
            self.world.own[kind] = is_on
        set_appointment_switches(
            appointment=self.visit, switches={kind: is_on}, actor=STAFF, at=self.world.now
        )

    def card(self) -> None:
        self.patient.refresh_from_db()
        self.world.gone |= {self.world.email, self.world.phone}
        self.world.email = self.dice.choice(["", "alice@patients.example", "new@patients.example"])
        self.world.phone = self.dice.choice(["", "+48512345678", "+48512345679"])
        change_patient(
            patient=self.patient, name=self.patient.name, email=self.world.email,
            phone_number=self.world.phone, language="en", actor=STAFF, at=self.world.now,
        )  # fmt: skip

    def works(self) -> None:
        self.patient.refresh_from_db()
        record_email_works(patient=self.patient, actor=STAFF, at=self.world.now)

    def pause(self) -> None:
        self.world.is_paused = not self.world.is_paused and self.dice.random() < 0.5
        change = pause_sending if self.world.is_paused else resume_sending
        change(clinic=self.clinic, actor=STAFF, at=self.world.now)

    def read(self) -> None:
        self.visit.refresh_from_db()
        if record_read(self.visit, at=self.world.now):
            self.world.read_version = self.world.sequence

    def report(self) -> None:
        tried = list(
            Delivery.objects.filter(state__in=[State.SENT, State.UNKNOWN]).values_list("pk", flat=True)
        )
        if tried:
            word = self.dice.choice(["sent", "delivered", "queued"])
            pk = self.dice.choice(tried)
            if self.world.taken[pk]:  # a provider reports only what it has
                record_provider_state(delivery_id=pk, reported=word, at=self.world.now)

    def sweep(self) -> None:
        for channel in self.dice.sample([Channel.EMAIL, Channel.SMS], 2):
            delivery.send_due(channel=channel, at=self.world.now, now=lambda: self.world.now)

    def die(self) -> None:
        """A worker is killed while the provider has the word; it may have taken the delivery, or not."""
        channel = self.dice.choice([Channel.EMAIL, Channel.SMS])
        batch = claims.claim_due(channel=channel, at=self.world.now, limit=2)
        verdicts = delivery.judge(batch, self.world.now)
        ready = [(row, verdict) for row in batch if isinstance(verdict := verdicts[row.pk], Ready)]
        if self.dice.random() < 0.7:
            taken = offer([row for row, _ready in ready], at=self.world.now)
            pairs = [pair for pair in ready if pair[0].pk in taken]
            for row, text in pairs:
                kind, version = self.world.about[row.pk]
                self.world.told.append(
                    f"{self.world.now:%d %H:%M} {kind} v{version} {channel} #{row.pk}, killed"
                )
                if self.dice.random() < 0.5:
                    self.world.check(kind, version, text.address, is_sms=channel == Channel.SMS)
                    self.world.take(row.pk)
        Delivery.objects.exclude(lease_until=None).update(lease_until=Now() - timedelta(seconds=1))

    def step(self) -> None:
        world = self.world
        self.note()
        lot = self.dice.random()
        if lot < 0.30:
            self.act()
        elif lot < 0.36:
            self.die()
        elif lot < 0.50:
            settling.settle(at=world.now)
        else:
            self.sweep()
        world.now += self.dice.choice(
            [timedelta(seconds=1), MINUTES, 10 * MINUTES, HOURS, 4 * HOURS, 13 * HOURS]
        )


@pytest.mark.parametrize(
    "seed", [*range(15), *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(15, 300))]
)
def test_a_random_life(seed: int, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SEND_CONNECTIONS = 2
    world = World(seed)
    life = Life(world)
    real = delivery.judge

    def judge(rows: Any, at: datetime) -> Any:
        verdicts = real(rows, at)
        # Between a worker's second look and its sending, the clinic may act.
        if rows and world.dice.random() < 0.3:
            life.act()
        return verdicts

    for module in (delivery, settling):
        monkeypatch.setattr(module, "judge", judge)
        monkeypatch.setattr(module, "open_backend", lambda channel: Line(world))
    world.open_lines = 10**6

    for _ in range(STEPS):
        life.step()
    # In the end everybody is there again, and time goes on until nothing is open.
    for module in (delivery, settling):
        monkeypatch.setattr(module, "judge", real)
    world.is_paused = False
    resume_sending(clinic=life.clinic, actor=STAFF, at=world.now)
    for _ in range(30):
        settling.settle(at=world.now)
        life.sweep()
        world.now += 12 * HOURS

    story = "\n".join(world.told)
    assert world.faults == [], story
    for pk, count in world.taken.items():
        unknown = Attempt.objects.filter(delivery=pk, outcome="unknown").order_by("number").first()
        last = Attempt.objects.filter(delivery=pk).order_by("-number").first()
        assert count <= 2, story
        assert count == 1 or (unknown and last and unknown.number < last.number), story
    left = Counter(Delivery.objects.values_list("state", flat=True))
    assert left[State.CLAIMED] == left[State.SENDING] == 0
    assert not Delivery.objects.filter(state__in=[State.PLANNED, State.UNKNOWN]).exclude(due_at=None).exists()
    sent = Delivery.objects.filter(state__in=[State.SENT, State.DELIVERED, State.READ]).values_list(
        "pk", flat=True
    )
    assert all(world.taken[pk] for pk in sent), story
