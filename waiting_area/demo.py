"""The demonstration's callers: who waits at the present moment, and what was said to them."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from random import Random

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.calendars.rules import MIDNIGHT
from clinic.demo.cast import make_person
from clinic.demo.house import ASSISTANTS, CLINICS, ClinicPlan
from clinic.people.models import Clinic, User
from waiting_area import areas, calls, notices, operations, presence, replies
from waiting_area.models import Caller, WaitingArea
from waiting_area.queries import Week

# Nobody's browser stands behind these callers: their pages "pinged" this far ahead, so that they stay.
STAY = timedelta(hours=8)

_PURPOSES = {
    "pl": ("Konsultacja o 10:20", "Wyniki badań krwi", "Recepta", "Kontrola po zabiegu", "Pytanie o lek"),
    "de": ("Sprechstunde 10:20", "Laborwerte", "Rezept", "Kontrolle nach dem Eingriff", "Frage zum Medikament"),
    "ro": ("Consultație la 10:20", "Rezultatele analizelor", "O rețetă", "Control după intervenție", "O întrebare"),
    "en": ("Appointment at 10:20", "Blood test results", "A prescription", "Follow-up", "A question"),
}  # fmt: skip
_WELCOME = {
    "pl": "Lekarz połączy się z Państwem w tym oknie. Prosimy przygotować listę leków.",
    "de": "Sie werden hier in diesem Fenster aufgerufen. Bitte halten Sie Ihre Medikamentenliste bereit.",
    "ro": "Medicul vă va chema în această fereastră. Vă rugăm să pregătiți lista medicamentelor.",
    "en": "The doctor will call you in this window. Please have the list of your medicines ready.",
}
_REPLIES = {
    "pl": (
        "Za chwilę ktoś się Państwem zajmie.",
        "Mamy około 10 minut opóźnienia. Dziękujemy za cierpliwość.",
        "Recepta jest wystawiona. Kod przyjdzie SMS-em.",
        "Prosimy zadzwonić do nas w tej sprawie.",
    ),
    "de": (
        "Gleich ist jemand für Sie da.",
        "Wir sind etwa 10 Minuten in Verzug. Vielen Dank für Ihre Geduld.",
        "Ihr Rezept ist ausgestellt.",
        "Bitte rufen Sie uns dazu an.",
    ),
    "ro": (
        "Cineva va fi imediat cu dumneavoastră.",
        "Avem o întârziere de aproximativ 10 minute. Vă mulțumim pentru răbdare.",
        "Rețeta dumneavoastră este eliberată.",
        "Vă rugăm să ne sunați în această privință.",
    ),
    "en": (
        "Somebody will be with you in a moment.",
        "We are about 10 minutes late. Thank you for your patience.",
        "Your prescription is issued.",
        "Please call us about this.",
    ),
}
_HOURS = {
    **{weekday: [(time(7), time(19))] for weekday in range(5)},
    5: [(time(8), time(13))],
}
_ALL_DAY = [(time(0), MIDNIGHT)]
_LATE = {
    "pl": "Mamy około 10 minut opóźnienia. Dziękujemy za cierpliwość.",
    "de": "Wir sind etwa 10 Minuten in Verzug. Vielen Dank für Ihre Geduld.",
}
# Minutes ago: who came, and when the clinic wrote to them.
_WAITING = ((34, (12,)), (21, (12, 5)), (9, ()), (2, ()))
# Minutes ago: who came and was taken, and whether the call has ended.
_TAKEN = ((150, 139, True), (128, 112, True), (101, 92, True), (72, 58, True), (26, 7, False))


def fill(*, seed: int, at: datetime) -> None:
    """Let a few callers come, wait, be taken and leave in each of the demonstration's clinics."""
    made = Clinic.objects.in_bulk([plan.slug for plan in CLINICS], field_name="slug")
    for plan in CLINICS:
        if (clinic := made.get(plan.slug)) is None:
            continue
        area = areas.make_area(clinic=clinic, actor=SYSTEM, at=at)
        areas.change_area(area=area, welcomes=_WELCOME, actor=SYSTEM, at=at)
        replies.set_replies(clinic=clinic, replies=_REPLIES, actor=SYSTEM, at=at)
        for act in sorted(
            _acts(Random(f"{seed} callers {plan.slug}"), plan, area, at), key=lambda one: one[0]
        ):
            act[1]()
        # Last: those came in at whatever hour it is.
        areas.change_area(area=area, hours=_hours(clinic, at), actor=SYSTEM, at=at)
        here = Caller.objects.present().filter(area=area).values_list("pk", flat=True)
        presence.note([presence.Ping(pk, 1, True, at + STAY) for pk in here], at=at)


def _hours(clinic: Clinic, now: datetime) -> Week:
    """Return a practice's hours; whoever tries the demonstration today finds it open, however late it is."""
    today = now.astimezone(clinic.zone).weekday()
    return {**_HOURS, today: _ALL_DAY}


def _acts(
    rng: Random, plan: ClinicPlan, area: WaitingArea, now: datetime
) -> list[tuple[datetime, Callable[[], None]]]:
    """Return what happened, each with its instant."""
    made: dict[int, int] = {}
    staff = user_actor(User.objects.get(email=ASSISTANTS[plan.slug]))
    found: list[tuple[datetime, Callable[[], None]]] = []

    def before(minutes: int) -> datetime:
        return now - timedelta(minutes=minutes, seconds=rng.randrange(50))

    def come(number: int, key: str, at: datetime, person_seed: int) -> None:
        person = make_person(Random(person_seed), languages=plan.languages, number=0, no_email=1, no_phone=1)
        purpose = Random(person_seed).choice(_PURPOSES[person.language])
        caller = operations.arrive(
            area=area, name=person.name, purpose=purpose, language=person.language, key=key,
            actor=PATIENT, at=at,
        )  # fmt: skip
        made[number] = caller.pk

    def write(number: int, key: str, at: datetime) -> None:
        notices.notify(caller_id=made[number], text=_LATE[plan.language], key=key, actor=staff, at=at)

    def take(number: int, at: datetime) -> None:
        call = calls.join(caller_id=made[number], actor=staff, at=at)
        here = call.participations.get(gone_at=None)
        presence.note_participants({here.pk: now + STAY}, at=at)

    def end(number: int, at: datetime) -> None:
        call = Caller.objects.select_related("call").get(pk=made[number]).call
        assert call is not None
        calls.end_call(call=call, actor=staff, at=at)

    for number, (came, written) in enumerate(_WAITING):
        arrived = before(came)
        found.append(
            (arrived, partial(come, number, f"{rng.getrandbits(128):032x}", arrived, rng.randrange(2**31)))
        )
        for minutes in written:
            found.append(
                (before(minutes), partial(write, number, f"{rng.getrandbits(128):032x}", found[-1][0]))
            )
    for number, (came, taken, has_ended) in enumerate(_TAKEN, len(_WAITING)):
        arrived, called = before(came), before(taken)
        found.append(
            (arrived, partial(come, number, f"{rng.getrandbits(128):032x}", arrived, rng.randrange(2**31)))
        )
        found.append((called, partial(take, number, called)))
        if has_ended:
            ended = called + timedelta(minutes=rng.randrange(5, 9))
            found.append((ended, partial(end, number, ended)))
    return found
