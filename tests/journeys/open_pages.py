"""What the open pages of a waiting area show, and what the plain model says that they must show (R29)."""

from collections.abc import Callable
from typing import Any

from tests.waiting_area.model import Person, Word
from tests.waiting_area.walk import Walk
from waiting_area import pages
from waiting_area.models import Caller

# Whatever of the waiting area is on a page, as plain values. Left out is what goes by the browser's own clock:
# minutes in a status, and for how long a notice may be taken back.
READ = r"""
() => {
  const by = (id) => document.getElementById(id);
  const text = (one) => one && one.textContent.replace(/\s+/g, " ").trim();
  const all = (where, what, read) => [...where.querySelectorAll(what)].map(read);
  const isSeen = (one) => Boolean(one && one.getClientRects().length);
  const instant = (one) => Date.parse(one.dateTime) / 1000;
  const said = (part) => all(part, ".notice", (one) => [
    one.className, text(one.querySelector(".notice-text")), Boolean(one.querySelector("s")),
    text(one.querySelector(".notice-by")),
  ]);
  const found = {};

  const needs = by("needs-now");
  if (needs) {
    found.needs = all(needs, ".need", (one) => [text(one), one.getAttribute("href").split("?")[1] || ""]);
    found.pressing = Number(needs.dataset.pressing);
    found.title = document.title;
  }

  const list = by("callers");
  if (list) {
    found.rows = all(list, ".caller", (row) => ({
      id: row.id,
      hidden: row.hidden,
      name: text(row.querySelector(".caller-name")),
      purpose: text(row.querySelector(".caller-purpose")),
      question: text(row.querySelector(".caller-question")),
      state: row.querySelector(".caller-state").className,
      status: text(row.querySelector(".caller-status")),
      since: instant(row.querySelector(".caller-time")),
      runs: row.querySelector(".caller-time").hasAttribute("data-since"),
      badge: all(row, ".badge", (one) => [one.className, text(one)]),
      join: all(row, ".caller-join", (one) => [text(one), one.value]),
      acts: all(row, ".menu-list > a, .menu-list > button, .menu-list summary", text),
    }));
    found.counts = Object.fromEntries(
      ["waiting", "in_call", "on_hold", "left"].map((one) => [one, Number(text(by(`count-${one}`)))]));
    found.notify = [Number(text(by("notify").querySelector(".count"))), by("notify").disabled];
    found.empty = isSeen(list.querySelector(".empty"));
    found.foot = text(document.querySelector(".board-foot"));
  }

  const conversation = by("conversation");
  if (conversation) {
    found.with = text(by("talk-title"));
    found.head = text(conversation.querySelector("p"));
    found.said = said(conversation);
    found.asks = all(conversation, ".talk-answered .state", text);
    found.gone = all(by("talk"), ".note", text);
    found.answers = isSeen(by("talk").querySelector(".talk-form"));
  }

  const names = by("call-names");
  if (names) {
    const [callers, clinic] = by("people").querySelectorAll(":scope > .participants");
    found.call = {
      names: text(names),
      stage: all(by("stage-people"), ".stage-person", (one) => [
        text(one.querySelector(".stage-name")), text(one.querySelector(".caller-state")),
        one.classList.contains("is-held"),
      ]),
      callers: all(callers, ".participant", (one) => [
        one.id, text(one.querySelector(".participant-name")), text(one.querySelector("p:nth-of-type(2)")),
        all(one, "button, a", text),
      ]),
      clinic: all(clinic, ".participant", text),
      bring: all(by("people"), "#bring a", text),
      talks: all(by("talks"), ".call-talk", (one) => [text(one.querySelector("h2")), said(one)]),
    };
  } else if (location.pathname.includes("/calls/")) {
    found.out = [text(document.querySelector("h1")), all(document, ".participant", (one) => all(one, "p, a", text))];
  }

  const wait = by("wait");
  const mine = (list) => all(list, ".notice", (one) => [
    one.className, text(one.querySelector(".notice-text")),
    one.querySelector(".notice-text").classList.contains("notice-off"), text(one.querySelector(".notice-by")),
  ]);
  if (wait) {
    const form = by("write");
    found.wait = {
      status: wait.dataset.status,
      shows: [...wait.querySelectorAll(".wait-place")].filter(isSeen).map((one) => one.className),
      area: text(by("area-name")),
      place: isSeen(by("place-part")) ? Number(text(by("place"))) : null,
      next: isSeen(by("next")),
      estimate: isSeen(by("estimate")) ? text(by("estimate")) : "",
      people: text(by("people")),
      numbers: all(by("notices"), ".notice", (one) => Number(one.dataset.number)),
      said: mine(by("notices")),
      hint: isSeen(by("no-notices")),
      field: form && form.elements.text.value,
      writes: Boolean(form && !form.elements.text.readOnly && isSeen(form.querySelector("button"))),
      refusal: isSeen(by("may-not")) ? text(by("may-not")) : "",
      line: text(by("connection")),
      // A page that asks for its next token may come to hear something else, or bring its caller back.
      renewing: window.renewing,
    };
  } else if (location.pathname.startsWith("/w/")) {
    found.over = [text(document.querySelector("h1")), mine(document)];
  }
  return found;
}
"""

STATUS = {"waiting": "Waiting", "in_call": "In a call", "on_hold": "On hold", "left": "Left"}
HOW_LEFT = {
    "themselves": "left by themselves",
    "absent": "the connection was lost",
    "removed": "removed",
    "ended": "the call ended",
}
ALERT = {"alone": "Nobody is with them", "vanished": "The connection of the person with them was lost"}
SHOWS = {
    "waiting": "wait-place when-waiting",
    "in_call": "wait-place when-in_call",
    "on_hold": "wait-place when-on_hold",
}
OVER = {
    "themselves": "You have left the waiting area",
    "absent": "You were away for too long",
    "removed": "You are no longer in the waiting area",
    "ended": "The call is over",
}
CLINIC = "Gabinety Rynek"
PRESENT = ("waiting", "on_hold", "in_call")


class Expected:
    """What pages must show after a walk's last step, told from its model.

    Args:
        shown: the notices that a caller's own page has shown, by person and number.
    """

    def __init__(self, walk: Walk, shown: set[tuple[int, int]]) -> None:
        self.walk, self.model, self.shown = walk, walk.model, shown

    # --- Small words -------------------------------------------------------------------------------

    def clock(self, word: Word) -> str:
        return f"{word.at.astimezone(self.walk.house.clinic.zone):%H:%M}"

    def staff(self, call: int | None) -> list[str]:
        members = [] if call is None else self.model.members_in(call)
        return [self.walk.users[member].name for member in members]

    def in_order(self, is_wanted: Callable[[Person], bool]) -> list[int]:
        """Return the numbers of some people in the order of their arrival."""
        numbers = [number for number, one in enumerate(self.model.people) if is_wanted(one)]
        return sorted(numbers, key=lambda number: self.model.people[number].arrived)

    def purpose(self, person: Person) -> str:
        return "dr Tomasz Wilczek · A question" if person.calendar else "A question"

    # --- For the clinic's people -------------------------------------------------------------------

    def bar(self, title: str) -> dict[str, Any]:
        """Return what every page of theirs counts, in its title as well."""
        people = self.model.people
        alone = sum(1 for one in people if one.alert)
        asking = [one for one in people if one.unanswered_since is not None]
        everybody = "status=waiting&status=in_call&status=on_hold&status=left"
        gone = everybody if any(not one.is_here for one in asking) else ""
        needs = [[f"{alone} alone", ""]] if alone else []
        needs += [[f"{len(asking)} wrote", gone]] if asking else []
        pressing = alone + len(asking)
        count = f"({pressing}) " if pressing else ""
        return {
            "needs": needs,
            "pressing": pressing,
            "title": f"{count}{title} · Anteroom",
        }

    def board(self, statuses: tuple[str, ...] = (), area: int | None = None) -> dict[str, Any]:
        """Return a list of callers, filtered by statuses and an area."""
        people = [one for one in self.model.people if area is None or one.area == area]
        rows = self.in_order(lambda one: area in (None, one.area) and one.status in (statuses or PRESENT))
        here = sum(1 for number in rows if self.model.people[number].is_here)
        takes_words = self.model.area_takes_words(area or 0)
        return {
            **self.bar(f"Waiting area · {CLINIC}"),
            "rows": [self.row(number) for number in rows],
            "counts": {status: sum(1 for one in people if one.status == status) for status in STATUS},
            "notify": [here, not here],
            "empty": not rows,
            "foot": f"Patients {'may' if takes_words else 'cannot'} write to you. Sound and alerts",
        }

    def row(self, number: int) -> dict[str, Any]:
        person, name = self.model.people[number], self.walk.names[number]
        staff, asks = self.staff(person.call), person.unanswered_since is not None
        status = [STATUS[person.status]]
        status += [f"with {', '.join(staff)}"] if staff else []
        status += [HOW_LEFT[person.how_left]] if person.how_left else []
        status += [ALERT[person.alert or "alone"]] if person.alert or person.alone_since else []
        answered = ["Mark as answered"] if asks else []
        answered += ["I look after them"] if person.alert == "vanished" and not asks else []
        acts = ["Conversation", *answered]
        if person.is_here:
            hold = ["Hold"] if person.alone_since else []
            acts = ["Notify", *answered, *hold, "Transfer", "Remove"]
        join = "Join" if person.status == "waiting" or staff else "Rejoin"
        words = [word.text for word in person.words if word.author == "caller"]
        return {
            "id": f"caller-{self.walk.ids[number]}",
            "hidden": False,
            "name": name,
            "purpose": self.purpose(person),
            "question": words[-1] if asks else None,
            "state": f"caller-state caller-{person.status}",
            "status": " ".join(status),
            "since": (person.left_at or person.since).timestamp(),
            "runs": person.is_here,
            "badge": self.badge(person),
            "join": [[f"{join}: {name}", person.status]] if person.is_here else [],
            "acts": acts,
        }

    def badge(self, person: Person) -> list[list[str]]:
        """Return the badge beside a name, with its class and its words: none without notices."""
        if not person.badge:
            return []
        kind = {"blue": "clinic", "orange": "caller"}[person.colour]
        author = {"blue": "the clinic", "orange": "them"}[person.colour]
        asks = person.unanswered_since is not None
        notices = "1 notice, from" if person.badge == 1 else f"{person.badge} notices, the last from"
        mark = " badge-unanswered" if asks else ""
        words = f"{person.badge}{notices} {author}{', unanswered' if asks else ''}"
        return [[f"badge badge-{kind}{mark}", words]]

    def conversation(self, number: int) -> dict[str, Any]:
        """Return a conversation that is a page of its own."""
        return {**self.bar(f"{self.walk.names[number]} · {CLINIC}"), **self.talk(number)}

    def talk(self, number: int) -> dict[str, Any]:
        """Return a conversation that stands open."""
        person = self.model.people[number]
        staff, since = self.staff(person.call), person.unanswered_since
        head = [self.purpose(person), STATUS[person.status]]
        head += [f"with {', '.join(staff)}"] if staff else []
        wall = since.astimezone(self.walk.house.clinic.zone) if since else None
        return {
            "with": self.walk.names[number],
            "head": " · ".join(head),
            "said": self.said(number),
            "asks": [f"Unanswered since {wall:%H:%M}"] if wall else [],
            "gone": [] if person.is_here else ["They have left. Nothing can be sent to them any more."],
            "answers": person.is_here,
        }

    def said(self, number: int) -> list[list[Any]]:
        """Return a caller's notices as the clinic's people read them."""
        found: list[list[Any]] = []
        for word in self.model.people[number].words:
            name = self.walk.names[number] if word.member is None else self.walk.users[word.member].name
            about = [name, self.clock(word)]
            if word.broadcast is not None:
                count = self.recipients(word.broadcast)
                about.append(f"to {count} caller{'' if count == 1 else 's'}")
            if word.is_withdrawn:
                about.append("taken back")
            elif word.author == "clinic":
                about.append("shown" if (number, word.number) in self.shown else "not seen yet")
            off = " notice-withdrawn" if word.is_withdrawn else ""
            found.append(
                [f"notice notice-{word.author}{off}", word.text, word.is_withdrawn, " · ".join(about)]
            )
        return found

    def recipients(self, broadcast: int) -> int:
        words = [word for one in self.model.people for word in one.words]
        return sum(1 for word in words if word.broadcast == broadcast)

    def call(self, member: int, call: int) -> dict[str, Any]:
        """Return the page of a call that a member has opened, wherever they are by now."""
        inside = self.in_order(lambda one: one.call == call)
        if self.model.member_in.get(member) == call:
            return {**self.bar(f"Call · {CLINIC}"), "call": self.call_going_on(member, call, inside)}
        if call not in self.model.open_calls:
            return {**self.bar(f"The call is over · {CLINIC}"), "out": ["The call is over", []]}
        callers = [(self.walk.names[one], STATUS[self.model.people[one].status]) for one in inside]
        rows = [[name, status, f"Rejoin: {name}", f"Rejoin: {name}"] for name, status in callers]
        return {**self.bar(f"You are out of this call · {CLINIC}"), "out": ["You are out of this call", rows]}

    def call_going_on(self, member: int, call: int, inside: list[int]) -> dict[str, Any]:
        names, people = self.walk.names, self.model.people
        waiting = self.in_order(lambda one: one.status == "waiting")
        staff = [
            f"{self.walk.users[one].name}{' (you)' if one == member else ''}"
            for one in self.model.members_in(call)
        ]
        return {
            "names": ", ".join(names[one] for one in inside),
            "stage": [
                [names[one], STATUS[people[one].status], people[one].status == "on_hold"] for one in inside
            ],
            "callers": [self.participant(one, len(inside) > 1) for one in inside],
            "clinic": staff,
            "bring": [names[one] for one in waiting],
            "talks": [[f"Notices with {names[one]}", self.said(one)] for one in inside],
        }

    def participant(self, number: int, has_company: bool) -> list[Any]:
        person, name = self.model.people[number], self.walk.names[number]
        act = "Hold" if person.status == "in_call" else "Take off hold"
        write = f"Write {person.badge} unanswered" if person.unanswered_since else "Write"
        goodbye = [f"Say goodbye: {name}"] if has_company else []
        return [
            f"participant-{self.walk.ids[number]}",
            name,
            STATUS[person.status],
            [f"{act}: {name}", write, *goodbye],
        ]

    # --- For callers -------------------------------------------------------------------------------

    def waiting_screen(self, number: int, draft: str, *, is_fresh: bool) -> dict[str, Any]:
        """Return a caller's own page.

        Args:
            draft: what they have typed and not sent.
            is_fresh: the page has come anew since they could write last.
        """
        person = self.model.people[number]
        if not person.is_here:
            return {"over": [OVER[person.how_left], self.mine(person)]}
        writes = self.model.may_write(number)
        refusal = ""
        if draft and not writes:
            refusal = f"{self.why_not(person)} What you typed was not sent."
            refusal += f" {draft}" if is_fresh else ""
        place = self.model.place(number)
        # How long others waited is the product's own sum.
        caller = Caller.objects.select_related("area__clinic", "clinic").get(pk=self.walk.ids[number])
        return {
            "wait": {
                "status": person.status,
                "shows": [SHOWS[person.status]],
                "area": ["", "Upstairs"][person.area],
                "place": place,
                "next": place == 1,
                "estimate": pages.standing_of(caller, at=self.walk.at)["estimate"],
                "people": self.people(person),
                "numbers": [word.number for word in person.words],
                "said": self.mine(person),
                "hint": not person.words,
                "field": draft if writes or (draft and not is_fresh) else None,
                "writes": writes,
                "refusal": refusal,
                "line": "Connected. Please keep this page open.",
                "renewing": 0,
            }
        }

    def mine(self, person: Person) -> list[list[Any]]:
        """Return a caller's notices as they read them."""
        return [
            [
                f"notice notice-{word.author}",
                "This notice was withdrawn." if word.is_withdrawn else word.text,
                word.is_withdrawn,
                f"{'You' if word.author == 'caller' else CLINIC} · {self.clock(word)}",
            ]
            for word in person.words
        ]

    def people(self, person: Person) -> str:
        """Return who is with a caller, as a sentence."""
        if person.status != "in_call":
            return ""
        if staff := self.staff(person.call):
            return f"You are in a call with {', '.join(staff)}."
        return "Somebody will be back with you soon. Please stay on this page."

    def why_not(self, person: Person) -> str:
        if person.status == "in_call":
            return "You cannot write here while you are in a call."
        return "The clinic takes no messages here at the moment."
