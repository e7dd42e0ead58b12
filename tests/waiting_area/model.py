"""The waiting area once more, as plainly as it can be written, for the real one to be compared with.

Nothing here comes from the product: people, calls and words are plain objects, and whatever can be told
from the words is told from them each time.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


class Refused(Exception):
    """What was asked for is refused, under this name."""


@dataclass
class Word:
    number: int
    author: str
    member: int | None  # who wrote it for the clinic
    text: str
    at: datetime
    broadcast: int | None = None
    is_withdrawn: bool = False


@dataclass
class Person:
    area: int
    arrived: datetime
    since: datetime
    seen: datetime
    calendar: bool = False
    status: str = "waiting"
    how_left: str = ""
    left_from: str = ""
    left_at: datetime | None = None
    call: int | None = None
    alone_since: datetime | None = None
    alert: str = ""
    words: list[Word] = field(default_factory=list)
    ticked: int = 0

    @property
    def is_here(self) -> bool:
        return self.status != "left"

    @property
    def standing_words(self) -> list[Word]:
        return [word for word in self.words if not word.is_withdrawn]

    @property
    def badge(self) -> int:
        return len(self.standing_words)

    @property
    def colour(self) -> str:
        words = self.standing_words
        return {"clinic": "blue", "caller": "orange"}[words[-1].author] if words else ""

    @property
    def unanswered_since(self) -> datetime | None:
        answers = [
            word.number
            for word in self.standing_words
            if word.author == "clinic" and word.member is not None and word.broadcast is None
        ]
        settled = max([self.ticked, *answers])
        open_questions = [
            word.at for word in self.standing_words if word.author == "caller" and word.number > settled
        ]
        return open_questions[0] if open_questions else None

    def may_return(self, at: datetime) -> bool:
        return self.how_left == "absent" and self.left_at is not None and at - self.left_at <= 30 * MINUTE


class Model:
    """A clinic with some areas; people, calls and members are numbers."""

    def __init__(self, areas: int) -> None:
        self.people: list[Person] = []
        self.by_key: dict[str, int] = {}
        self.open_calls: set[int] = set()
        self.calls = 0
        self.member_in: dict[int, int] = {}  # members who are in a call
        self.broadcasts: dict[str, int] = {}
        self.takes_words = True
        self.own_switch: list[bool | None] = [None] * areas

    # --- Small questions -----------------------------------------------------------------------------

    def inside(self, call: int) -> list[Person]:
        return [one for one in self.people if one.call == call]

    def members_in(self, call: int) -> list[int]:
        """Return who of the clinic is in a call, in the order of joining."""
        return [member for member, where in self.member_in.items() if where == call]

    def attended(self, call: int) -> bool:
        return call in self.member_in.values()

    def area_takes_words(self, area: int) -> bool:
        own = self.own_switch[area]
        return self.takes_words if own is None else own

    def may_write(self, who: int) -> bool:
        person = self.people[who]
        return person.status in {"waiting", "on_hold"} and self.area_takes_words(person.area)

    def place(self, who: int) -> int | None:
        """Return which of those who wait in their area somebody is, counted from 1."""
        queue = [
            number
            for number, one in enumerate(self.people)
            if one.status == "waiting" and one.area == self.people[who].area
        ]
        queue.sort(key=lambda number: self.people[number].arrived)
        return queue.index(who) + 1 if who in queue else None

    # --- Coming and going ----------------------------------------------------------------------------

    def arrive(self, key: str, area: int, at: datetime) -> int:
        latest = self.by_key.get(key)
        if latest is not None and self.people[latest].is_here:
            return latest
        self.people.append(Person(area, at, at, at))
        self.by_key[key] = len(self.people) - 1
        return len(self.people) - 1

    def _goes(self, person: Person, how: str, at: datetime) -> None:
        call = person.call
        person.left_from, person.status, person.how_left, person.left_at = person.status, "left", how, at
        person.call, person.alone_since, person.alert = None, None, ""
        self._close_empty(call)

    def _close_empty(self, call: int | None) -> None:
        if call is not None and not self.inside(call):
            self.open_calls.discard(call)
            self.member_in = {who: where for who, where in self.member_in.items() if where != call}

    def leave(self, who: int, how: str, at: datetime) -> bool:
        person = self.people[who]
        if person.is_here:
            self._goes(person, how, at)
            return True
        if person.may_return(at):
            person.how_left = how
            return True
        return False

    def resume(self, who: int, at: datetime) -> None:
        person = self.people[who]
        if person.is_here:
            return
        if not person.may_return(at):
            raise Refused("CannotResume")
        # A call went on without them; everything else is as it was.
        if person.left_from == "in_call":
            person.status, person.since = "waiting", at
        else:
            person.status = person.left_from
        person.how_left, person.left_from, person.left_at, person.seen = "", "", None, at

    def _refuse_if_attended(self, person: Person, member: int) -> None:
        is_in_call = person.status == "in_call" and person.call is not None and self.attended(person.call)
        if is_in_call and self.member_in.get(member) != person.call:
            raise Refused("Attended")

    def remove(self, who: int, member: int, at: datetime) -> bool:
        self._refuse_if_attended(self.people[who], member)
        return self.leave(who, "removed", at)

    def transfer(self, who: int, member: int, area: int | None, calendar: bool, at: datetime) -> None:
        if area is None:
            raise Refused("ValueError")
        person = self.people[who]
        if not person.is_here:
            raise Refused("HasLeft")
        self._refuse_if_attended(person, member)
        person.area, person.calendar = area, calendar
        if person.status != "waiting":
            call = person.call
            person.status, person.since, person.call = "waiting", at, None
            person.alone_since, person.alert = None, ""
            self._close_empty(call)

    def silence(self, people: set[int], members: set[int], at: datetime) -> None:
        """Everybody was heard of just now, except these, who have said nothing for longer than is waited."""
        for number, person in enumerate(self.people):
            if person.is_here and number in people:
                self._goes(person, "absent", at)
        for person in self.people:
            if person.alone_since is not None and at - person.alone_since >= MINUTE:
                person.alert = "alone"
        for member in sorted(members):
            if member in self.member_in:
                call = self.member_in.pop(member)
                if not self.attended(call):
                    for person in self.inside(call):
                        if person.status == "in_call":
                            person.status, person.since, person.alert = "on_hold", at, "vanished"

    # --- Calls ---------------------------------------------------------------------------------------

    def join(self, who: int, member: int, was: str | None, into: int | None, at: datetime) -> int:
        person, own = self.people[who], self.member_in.get(member)
        if not person.is_here:
            raise Refused("HasLeft")
        if was is not None and person.status != was:
            raise Refused("WrongState")
        if into is not None and own != into:
            raise Refused("NotInCall")
        elsewhere = person.call if person.status == "in_call" and person.call != into else None
        if into is not None and elsewhere is not None and self.attended(elsewhere):
            raise Refused("NotInCall")
        there = into if into is not None else person.call
        if own is not None and own != there:
            raise Refused("InAnotherCall")
        if there is None:
            there, self.calls = self.calls, self.calls + 1
            self.open_calls.add(there)
        self.member_in[member] = there
        before = person.call
        if person.status != "in_call":
            person.status, person.since = "in_call", at
        person.call = there
        if before != there:
            self._close_empty(before)
        person.alert = ""
        for other in self.inside(there):
            other.alone_since, other.alert = None, ""
        return there

    def hold(self, who: int, member: int, at: datetime) -> None:
        person = self.people[who]
        if person.status != "in_call" or person.call is None:
            raise Refused("WrongState")
        if self.attended(person.call) and self.member_in.get(member) != person.call:
            raise Refused("NotInCall")
        self._hold(person, at)

    def _hold(self, person: Person, at: datetime) -> None:
        person.status, person.since, person.alone_since, person.alert = "on_hold", at, None, ""

    def leave_call(self, call: int, member: int, rest: str | None, at: datetime) -> None:
        if self.member_in.get(member) != call:
            raise Refused("NotInCall")
        others = [who for who, where in self.member_in.items() if where == call and who != member]
        alone = [one for one in self.inside(call) if one.status == "in_call" and not others]
        if alone and rest is None:
            raise Refused("NotHeld")
        del self.member_in[member]
        for person in alone:
            if rest == "hold":
                self._hold(person, at)
            else:
                person.alone_since = at

    def end_call(self, call: int, member: int, at: datetime) -> None:
        if call not in self.open_calls:
            raise Refused("CallOver")
        if self.attended(call) and self.member_in.get(member) != call:
            raise Refused("NotInCall")
        inside = self.inside(call)
        ended = [person for person in inside if person.status == "in_call"] or inside
        for person in ended:
            self._goes(person, "ended", at)
        if len(ended) < len(inside):
            self.member_in = {who: where for who, where in self.member_in.items() if where != call}

    # --- Words ---------------------------------------------------------------------------------------

    def _say(
        self, person: Person, author: str, member: int | None, text: str, at: datetime, broadcast: int | None
    ) -> None:
        person.words.append(Word(len(person.words) + 1, author, member, text, at, broadcast))

    def notify(self, who: int, member: int, text: str, at: datetime) -> None:
        if not self.people[who].is_here:
            raise Refused("HasLeft")
        self._say(self.people[who], "clinic", member, text, at, None)
        self._look_after(self.people[who])

    def _look_after(self, person: Person) -> None:
        if person.alert == "vanished":
            person.alert = ""

    def write(self, who: int, text: str, at: datetime) -> None:
        if not self.may_write(who):
            raise Refused("MayNotWrite")
        self._say(self.people[who], "caller", None, text, at, None)

    def broadcast(self, key: str, people: set[int], member: int, text: str, at: datetime) -> set[int]:
        """Return who had left already."""
        if key in self.broadcasts:
            return set()
        if not any(self.people[who].is_here for who in people):
            raise Refused("NobodyHere")
        self.broadcasts[key] = len(self.broadcasts)
        for who in people:
            if self.people[who].is_here:
                self._say(self.people[who], "clinic", member, text, at, self.broadcasts[key])
        return {who for who in people if not self.people[who].is_here}

    def tick_off(self, who: int) -> bool:
        person = self.people[who]
        if person.unanswered_since is None and person.alert != "vanished":
            return False
        person.ticked = len(person.words)
        self._look_after(person)
        return True

    def withdraw(self, who: int, number: int, member: int, at: datetime) -> int:
        """Return how many notices were taken back."""
        word = self.people[who].words[number - 1]
        if word.member != member or at - word.at > timedelta(seconds=10):
            raise Refused("TooLate")
        together = [word]
        if word.broadcast is not None:
            every = [one for person in self.people for one in person.words]
            together = [one for one in every if one.broadcast == word.broadcast]
        standing = [one for one in together if not one.is_withdrawn]
        for one in standing:
            one.is_withdrawn = True
        return len(standing)
