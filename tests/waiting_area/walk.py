"""A random walk through the waiting area: each step is done to the product and to the plain model (R29)."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.models import AuditEntry
from tests.factories.house import MINUTES, NOW, House
from tests.factories.soundness import badges, rebuilt
from tests.factories.waiting import SECONDS, area_of, arrive, beat
from tests.waiting_area.model import Model, Refused
from waiting_area import areas, calls, notices, operations, presence
from waiting_area.enums import Left, Status
from waiting_area.models import Broadcast, Call, Caller, Notice, Participation

COLOURS = {"": "", "clinic": "blue", "caller": "orange"}
STATUSES = ("waiting", "in_call", "on_hold")


class Walk:
    """One random walk: what is drawn is done to the product and to the model, and both must agree."""

    weights = {
        "arrives": 8, "is_notified": 12, "all_are_notified": 8, "writes": 14, "ticks": 5, "withdraws": 12,
        "joins": 16, "holds": 8, "leaves_call": 8, "ends_call": 3, "leaves": 1, "removed": 1,
        "falls_silent": 4, "resumes": 6, "is_transferred": 4, "clinic_switches": 2, "area_switches": 2,
        "time_passes": 1,
    }  # fmt: skip

    def __init__(self, seed: int, house: House, other: House) -> None:
        self.seed, self.random = seed, Random(seed)
        self.house = house
        self.at: datetime = NOW
        self.step, self.act = 0, ""
        self.areas = [
            area_of(house),
            areas.add_area(clinic=house.clinic, name="Upstairs", actor=SYSTEM, at=NOW),
        ]
        self.foreign_area, self.stranger = area_of(other), arrive(other)
        self.users = [house.assistant, house.admin, house.practitioner]
        self.model = Model(len(self.areas))
        self.ids: list[int] = []  # of callers, by the model's number
        self.names: list[str] = []
        self.call_ids: list[int] = []
        self.said: list[tuple[int, int]] = []  # person and number
        self.texts: dict[str, str] = {}
        self.outcomes: Counter[str] = Counter()

    # --- Drawing -------------------------------------------------------------------------------------

    def person(self) -> int:
        """Return somebody: mostly one who is here."""
        here = [number for number, one in enumerate(self.model.people) if one.is_here]
        if here and self.random.random() < 0.85:
            return self.random.choice(here)
        return self.random.randrange(len(self.ids))

    def member(self) -> int:
        return self.random.randrange(len(self.users))

    def member_in_call(self) -> int:
        """Return a member: mostly one who is in a call."""
        inside = sorted(self.model.member_in)
        return self.random.choice(inside) if inside and self.random.random() < 0.75 else self.member()

    def call(self) -> int:
        """Return a call: mostly one that goes on."""
        going_on = sorted(self.model.open_calls)
        if going_on and self.random.random() < 0.9:
            return self.random.choice(going_on)
        return self.random.randrange(len(self.call_ids))

    def key(self, *parts: object) -> str:
        return "-".join(str(part) for part in parts)

    # --- One step ------------------------------------------------------------------------------------

    def take_steps(self, count: int) -> None:
        """Go on; what goes wrong says where."""
        for _step in range(count):
            try:
                self.go()
            except Exception as error:
                raise AssertionError(f"seed {self.seed}, step {self.step}, at {self.at}") from error

    def go(self) -> None:
        self.step += 1
        self.at += timedelta(seconds=self.random.choice((0, 0, 1, 2, 3, 5, 10, 11)))
        self.act = "arrives"
        if self.ids:
            self.act = self.random.choices(list(self.weights), list(self.weights.values()))[0]
        if not self.call_ids and self.act in {"ends_call", "leaves_call"}:
            self.act = "joins"
        if not self.said and self.act == "withdraws":
            self.act = "is_notified"
        what = getattr(self, self.act)()
        assert self.found() == self.expected(), what
        assert badges() == rebuilt(), what

    def both(self, ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
        """Fail unless the product does what the model does, or refuses by the same name."""
        try:
            expected = ours()
        except Refused as refused:
            expected = str(refused)
        try:
            found = theirs()
        except Exception as error:
            found = type(error).__name__
            if found != expected:
                raise
        assert found == expected
        self.outcomes[expected if isinstance(expected, str) else f"{self.act} {bool(expected)}"] += 1

    # --- What happens --------------------------------------------------------------------------------

    def arrives(self) -> str:
        area = self.random.randrange(len(self.areas))
        key = self.key("come", self.step)
        if self.model.by_key and self.random.random() < 0.1:
            key = self.random.choice(sorted(self.model.by_key))
        number, name = self.model.arrive(key, area, self.at), f"Ewa {self.step}"
        caller = operations.arrive(
            area=self.areas[area], name=name, purpose="A question", language="en", key=key, actor=PATIENT,
            at=self.at,
        )  # fmt: skip
        if number == len(self.ids):
            assert caller.pk not in self.ids
            self.ids.append(caller.pk)
            self.names.append(name)
        assert self.ids[number] == caller.pk
        return f"arrives {number}"

    def is_notified(self) -> str:
        who, member, text = self.person(), self.member(), f"Notice {self.step}"
        key = self.key("notice", self.step)

        def really() -> None:
            for _press in range(2):
                notices.notify(
                    caller_id=self.ids[who], text=text, key=key, actor=user_actor(self.users[member]), at=self.at
                )  # fmt: skip

        self.both(lambda: self.model.notify(who, member, text, self.at), really)
        self.remember([who])
        return f"{member} notifies {who}"

    def remember(self, people: list[int]) -> None:
        """Let what these were told or said last be taken back at times."""
        self.said += [
            (who, len(self.model.people[who].words)) for who in people if self.model.people[who].words
        ]

    def all_are_notified(self) -> str:
        people = set(self.random.sample(range(len(self.ids)), self.random.randint(0, min(8, len(self.ids)))))
        member, text, key = self.member(), f"To all {self.step}", self.key("all", self.step)
        if self.model.broadcasts and self.random.random() < 0.15:
            key = self.random.choice(sorted(self.model.broadcasts))
            text = self.texts[key]
        strangers = {self.stranger.pk} if self.random.random() < 0.3 else set()
        is_new = key not in self.model.broadcasts
        logged = AuditEntry.objects.filter(action="notice.broadcast.refused").count()

        wanted: dict[str, Any] = {
            "clinic": self.house.clinic, "caller_ids": {self.ids[who] for who in people} | strangers,
            "text": text, "key": key, "actor": user_actor(self.users[member]), "at": self.at,
        }  # fmt: skip
        try:
            missed = self.model.broadcast(key, people, member, text, self.at)
        except Refused:
            with pytest.raises(notices.NobodyHere):
                notices.broadcast(**wanted)
            return f"{member} notifies nobody of {people}"
        sent = notices.broadcast(**wanted)
        self.texts[key] = text

        assert Broadcast.objects.count() == len(self.model.broadcasts)
        if is_new:
            assert sent.broadcast.missed == sorted(self.ids[who] for who in missed)
            assert sent.foreign == strangers
            logged += len(strangers)
            self.remember(sorted(people)[:1])
        assert AuditEntry.objects.filter(action="notice.broadcast.refused").count() == logged
        return f"{member} notifies all of {people}"

    def writes(self) -> str:
        who, text, key = self.person(), f"Word {self.step}", self.key("word", self.step)

        def really() -> None:
            for _press in range(2):
                notices.write(caller_id=self.ids[who], text=text, key=key, at=self.at)

        self.both(lambda: self.model.write(who, text, self.at), really)
        self.remember([who])
        return f"{who} writes"

    def ticks(self) -> str:
        who, actor = self.person(), user_actor(self.users[self.member()])
        self.both(
            lambda: self.model.tick_off(who),
            lambda: notices.tick_off(caller_id=self.ids[who], actor=actor, at=self.at),
        )
        return f"{who} is ticked off"

    def withdraws(self) -> str:
        who, number = self.random.choice(self.said[-5:])
        if self.random.random() < 0.7:
            self.random.choice((self.is_notified, self.all_are_notified))()
            self.at += self.random.choice((0, 9, 10, 11)) * SECONDS
            assert self.found() == self.expected()
            who, number = self.said[-1]
        word = self.model.people[who].words[number - 1]
        member = self.member() if word.member is None or self.random.random() < 0.2 else word.member
        notice = Notice.objects.get(caller_id=self.ids[who], number=number)
        self.both(
            lambda: self.model.withdraw(who, number, member, self.at),
            lambda: len(
                notices.withdraw(notice_id=notice.pk, actor=user_actor(self.users[member]), at=self.at)
            ),
        )
        return f"{member} takes back {number} of {who}"

    def joins(self) -> str:
        who, member = self.person(), self.member()
        was = self.model.people[who].status
        if self.random.random() < 0.15:
            was = self.random.choice(STATUSES)
        shown = was if was in STATUSES and self.random.random() < 0.5 else None
        into = self.model.member_in.get(member) if self.random.random() < 0.6 else None
        if self.call_ids and self.random.random() < 0.05:
            into = self.call()

        def really() -> int:
            found = calls.join(
                caller_id=self.ids[who], actor=user_actor(self.users[member]), at=self.at,
                was=Status(shown) if shown else None,
                into=None if into is None else Call.objects.get(pk=self.call_ids[into]),
            )  # fmt: skip
            if found.pk not in self.call_ids:
                self.call_ids.append(found.pk)
            return self.call_ids.index(found.pk)

        self.both(lambda: self.model.join(who, member, shown, into, self.at), really)
        return f"{member} joins {who}, {shown}, into {into}"

    def holds(self) -> str:
        who, member = self.person(), self.member()
        talking = [number for number, one in enumerate(self.model.people) if one.status == "in_call"]
        if talking and self.random.random() < 0.7:
            who = self.random.choice(talking)
            inside = [
                one for one, call in self.model.member_in.items() if call == self.model.people[who].call
            ]
            member = self.random.choice(inside) if inside and self.random.random() < 0.6 else member
        self.both(
            lambda: self.model.hold(who, member, self.at),
            lambda: calls.hold(
                caller_id=self.ids[who], actor=user_actor(self.users[member]), at=self.at
            ) and None,
        )  # fmt: skip
        return f"{member} holds {who}"

    def leaves_call(self) -> str:
        member, rest = self.member_in_call(), self.random.choice((None, "hold", "anyway"))
        call = self.model.member_in.get(member, 0) if self.random.random() < 0.9 else self.call()
        self.both(
            lambda: self.model.leave_call(call, member, rest, self.at),
            lambda: calls.leave_call(
                call=Call.objects.get(pk=self.call_ids[call]), actor=user_actor(self.users[member]),
                at=self.at, rest=calls.Rest(rest) if rest else None,
            ),
        )  # fmt: skip
        return f"{member} leaves call {call}, {rest}"

    def ends_call(self) -> str:
        member, call = self.member_in_call(), self.call()
        self.both(
            lambda: self.model.end_call(call, member, self.at),
            lambda: calls.end_call(
                call=Call.objects.get(pk=self.call_ids[call]), actor=user_actor(self.users[member]), at=self.at
            ),
        )  # fmt: skip
        return f"{member} ends call {call}"

    def leaves(self) -> str:
        who = self.person()
        self.both(
            lambda: self.model.leave(who, "themselves", self.at),
            lambda: operations.leave(caller_id=self.ids[who], how=Left.THEMSELVES, actor=PATIENT, at=self.at),
        )
        return f"{who} leaves"

    def removed(self) -> str:
        who, member = self.person(), self.member()
        actor = user_actor(self.users[member])
        self.both(
            lambda: self.model.remove(who, member, self.at),
            lambda: operations.remove(caller_id=self.ids[who], actor=actor, at=self.at),
        )
        return f"{who} is removed"

    def falls_silent(self) -> str:
        """Two minutes pass; everybody is heard of at their end, except some."""
        people = {self.person() for _ in range(self.random.randint(0, 2))}
        members = {self.member()} if self.random.random() < 0.4 else set()
        self.lose(people)
        self.at += 2 * MINUTES
        beat(self.at)
        heard = [pk for who, pk in enumerate(self.ids) if who not in people]
        presence.note([presence.Ping(pk, 0, True, self.at) for pk in heard], at=self.at)
        silent = {self.users[member].pk for member in members}
        open_pages = Participation.objects.filter(gone_at=None).exclude(user__in=silent)
        presence.note_participants(
            dict.fromkeys(open_pages.values_list("pk", flat=True), self.at), at=self.at
        )

        self.model.silence(people, members, self.at)
        presence.sweep(at=self.at)
        return f"{people} and {members} fall silent"

    def lose(self, people: set[int]) -> None:
        """Let nothing be heard of these from here on: nobody says anything here unless it is said for them."""

    def resumes(self) -> str:
        gone = [number for number, one in enumerate(self.model.people) if one.how_left == "absent"]
        who = self.random.choice(gone) if gone and self.random.random() < 0.8 else self.person()
        self.both(lambda: self.model.resume(who, self.at), lambda: self.resume(who))
        return f"{who} comes back"

    def resume(self, who: int) -> None:
        """Let somebody be back.

        Raises:
            CannotResume: they may not come back.
        """
        operations.resume(caller_id=self.ids[who], at=self.at)

    def is_transferred(self) -> str:
        who, member = self.person(), self.member()
        actor = user_actor(self.users[member])
        area = self.random.choice((0, 1, 1, None))
        to_calendar = self.random.random() < 0.5
        self.both(
            lambda: self.model.transfer(who, member, area, to_calendar, self.at),
            lambda: operations.transfer(
                caller_id=self.ids[who], area=self.foreign_area if area is None else self.areas[area],
                calendar=self.house.calendar if to_calendar else None, actor=actor, at=self.at,
            ) and None,
        )  # fmt: skip
        return f"{who} is transferred to {area}"

    def clinic_switches(self) -> str:
        self.model.takes_words = takes = self.random.random() < 0.75
        areas.set_guest_notices(clinic=self.house.clinic, takes=takes, actor=SYSTEM, at=self.at)
        return f"the clinic takes notices: {takes}"

    def area_switches(self) -> str:
        area, takes = self.random.randrange(len(self.areas)), self.random.choice((None, None, True, False))
        self.model.own_switch[area] = takes
        areas.change_area(area=self.areas[area], own_guest_notices=takes, actor=SYSTEM, at=self.at)
        return f"area {area} takes notices: {takes}"

    def time_passes(self) -> str:
        """Nobody looks for half an hour: who is away by then stays away."""
        self.at += 31 * MINUTES
        return "half an hour passes"

    # --- What is then --------------------------------------------------------------------------------

    def expected(self) -> dict[int, Any]:
        found = {}
        for number, one in enumerate(self.model.people):
            found[self.ids[number]] = (
                one.status, one.since, one.how_left, one.left_at,
                None if one.call is None else self.call_ids[one.call],
                one.alone_since, one.alert, self.areas[one.area].pk, one.calendar,
                one.badge, one.colour, one.unanswered_since, len(one.words),
                [
                    (
                        word.number, word.author, None if word.member is None else self.users[word.member].pk,
                        word.text, word.broadcast is not None, word.is_withdrawn,
                    )
                    for word in one.words
                ],
            )  # fmt: skip
        people = {self.users[who].pk: self.call_ids[call] for who, call in self.model.member_in.items()}
        return {**found, -1: people, -2: {self.call_ids[call] for call in self.model.open_calls}}

    def found(self) -> dict[int, Any]:
        said: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for notice in Notice.objects.order_by("number"):
            said[notice.caller_id].append((
                notice.number, notice.author, notice.user_id, notice.text, notice.broadcast_id is not None,
                notice.withdrawn_at is not None,
            ))  # fmt: skip
        found: dict[int, Any] = {}
        for one in Caller.objects.filter(clinic=self.house.clinic):
            found[one.pk] = (
                one.status, one.status_since, one.how_left, one.left_at, one.call_id, one.alone_since, one.alert,
                one.area_id, one.calendar_id is not None, one.notice_count, COLOURS[one.last_author],
                one.unanswered_since, one.last_number, said[one.pk],
            )  # fmt: skip
        people = dict(Participation.objects.filter(gone_at=None).values_list("user_id", "call_id"))
        return {**found, -1: people, -2: set(Call.objects.filter(ended_at=None).values_list("pk", flat=True))}
