"""What an import would do, and confirming it: `import_plan` and `import_run`."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from clinic.importing import keeping
from clinic.importing import views as importing
from clinic.importing.words import _REASONS
from clinic.lib import clock
from clinic.models import Appointment, AuditEntry, AuditValue, Calendar, Patient, User
from clinic.people.queries import find_patients
from messaging.models import Delivery
from tests.factories.files import Table
from tests.factories.house import HTMX, NOW, House, logged_in, make_patient
from tests.factories.page import Answer, Page, queries_of


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def look(office: Client, house: House, content: str) -> Page:
    """Upload a table and return the page that says what would happen."""
    response = office.post(house.url("settings/import/"), {"file": Table(content)})
    assert response.status_code == 302, Page(response).error("file")
    return Page(office.get(house.url("settings/import/check/")))


def confirm(office: Client, house: House, page: Page, **more: Any) -> Answer:
    return office.post(house.url("settings/import/check/"), {"digest": page.fields["digest"], **more})


def run(office: Client, house: House) -> Page:
    """Press *Go on* until the import is over."""
    for _press in range(100):
        page = Page(office.get(house.url("settings/import/run/")))
        if "Go on" not in page.buttons():
            return page
        assert office.post(house.url("settings/import/run/")).status_code == 302
    raise AssertionError("never over")


def imported(office: Client, house: House, content: str, **more: Any) -> Page:
    response = confirm(office, house, look(office, house, content), **more)
    assert (response.status_code, response["Location"]) == (302, house.url("settings/import/run/"))
    return run(office, house)


def numbers(page: Page) -> dict[str, str]:
    """Return the numbers that the page shows, by what they are of."""
    labels = (
        "New patient cards", "New appointments", "Changed patient cards", "Left as they are", "Bad rows", "New",
        "Changed", "Was there already", "Left out, as something changed meanwhile",
    )  # fmt: skip
    found = {}
    for row in page.all("li", lambda it: it.get("class") == "row"):
        texts = [str(child) for child in row.children if str(child).strip()]
        words = [text.split(">", 1)[1].rsplit("<", 1)[0].strip() for text in texts]
        if len(words) == 2 and words[0] in labels:
            found[words[0]] = words[1]
    return found


PATIENTS = "patient_ref;patient_name;email;phone;language\n"
VISITS = "calendar;patient_ref;patient_name;email;service;booked_at;starts_at;minutes;outcome\n"


def visit(house: House, start: str = "2027-05-20 10:00", **more: str) -> str:
    cells = {
        "calendar": house.calendar.name, "ref": "N1", "name": "Ewa Nowa", "email": "ewa@patients.example",
        "service": "Consultation", "booked_at": "", "start": start, "minutes": "", "outcome": "",
    }  # fmt: skip
    return ";".join({**cells, **more}.values()) + "\n"


# --- Patients --------------------------------------------------------------------------------------


def test_new_changed_and_known_cards_are_told_apart_and_only_that_is_done(
    rynek: House, office: Client
) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(reference="Z1")
    known = make_patient(rynek.clinic, "Jan Kot")
    content = PATIENTS + (
        "N1;Ewa Nowa;ewa@patients.example;512 345 670;de\n"
        f"Z1;{rynek.patient.name};new@patients.example;;\n"
        f";Jan Kot;{known.email};;\n"
    )

    page = look(office, rynek, content)

    assert numbers(page) == {
        "New patient cards": "1", "Changed patient cards": "1", "Left as they are": "1", "Bad rows": "0",
    }  # fmt: skip
    assert "Line 2 · Ewa Nowa ewa@patients.example · 512 345 670" in page.text.replace("+48 ", "")
    old = rynek.patient.email
    assert f"found by patient_ref; E-mail: {old} → new@patients.example" in page.text
    assert Patient.objects.filter(name="Ewa Nowa").count() == 0

    done = imported(office, rynek, content)

    assert numbers(done) == {"New": "1", "Changed": "1"}
    made = Patient.objects.get(reference="N1")
    assert (made.clinic, made.name, made.email, made.phone, made.language) == (
        rynek.clinic, "Ewa Nowa", "ewa@patients.example", "+48512345670", "de",
    )  # fmt: skip
    rynek.patient.refresh_from_db()
    # Empty cells change nothing.
    assert (rynek.patient.email, rynek.patient.phone) == ("new@patients.example", "+48512345678")
    entry = AuditEntry.objects.get(action="clinic.imported")
    assert (entry.actor_user, entry.clinic) == (rynek.admin, rynek.clinic)
    assert AuditValue.objects.get(entry=entry).new == {
        "created": 1, "changed": 1, "already_there": 0, "left_out": 0, "told": 0,
    }  # fmt: skip


def test_second_import_of_the_same_file_has_nothing_to_do(rynek: House, office: Client) -> None:
    content = PATIENTS + "N1;Ewa Nowa;ewa@patients.example;;\n;Jan Kot;;;\n;Ola Bez;ola@patients.example;;\n"
    imported(office, rynek, content)

    page = look(office, rynek, content)

    assert numbers(page)["Left as they are"] == "3"
    assert "There is nothing to import." in page.text
    assert "digest" not in page.fields


def test_times_are_shown_as_the_calendar_has_them(rynek: House, office: Client) -> None:
    Calendar.objects.filter(pk=rynek.calendar.pk).update(time_zone="Europe/Bucharest")
    line = f"{rynek.calendar.name};;Jan Nowy;jan@patients.example;Consultation;;2027-05-20 09:30;;\n"

    page = look(office, rynek, VISITS + line)

    assert "20 May 2027 09:30" in page.text
    assert "08:30" not in page.text


def test_changes_are_named_in_the_readers_language(rynek: House, office: Client) -> None:
    User.objects.filter(pk=rynek.admin.pk).update(language="pl")

    page = look(office, rynek, PATIENTS + f";{rynek.patient.name};{rynek.patient.email};;de\n")

    assert "; Język wiadomości: en → de" in page.text


def test_card_without_reference_is_found_by_name_and_address_and_gets_the_reference(
    rynek: House, office: Client
) -> None:
    imported(office, rynek, PATIENTS + f"Z9;{rynek.patient.name};{rynek.patient.email};;\n")

    rynek.patient.refresh_from_db()
    assert (rynek.patient.reference, rynek.patient.version) == ("Z9", 2)
    assert Patient.objects.filter(clinic=rynek.clinic).count() == 1
    assert find_patients(clinic=rynek.clinic, text="z9") == [rynek.patient]


def test_card_that_was_merged_away_means_the_one_it_went_into(rynek: House, office: Client) -> None:
    gone = make_patient(rynek.clinic, rynek.patient.name, reference="OLD")
    Patient.objects.filter(pk=gone.pk).update(merged_into=rynek.patient, merged_at=NOW)

    imported(office, rynek, PATIENTS + f"OLD;{rynek.patient.name};moved@patients.example;;\n")

    rynek.patient.refresh_from_db()
    gone.refresh_from_db()
    assert (rynek.patient.email, gone.email) == ("moved@patients.example", "zofia@patients.example")


def test_row_of_a_card_merged_under_another_name_follows_it(rynek: House, office: Client) -> None:
    gone = make_patient(rynek.clinic, "Zofia Gąsior", reference="OLD")
    Patient.objects.filter(pk=gone.pk).update(merged_into=rynek.patient, merged_at=NOW)

    imported(office, rynek, PATIENTS + "OLD;Zofia  Gąsior;moved@patients.example;;\n")

    rynek.patient.refresh_from_db()
    assert (rynek.patient.email, rynek.patient.name) == ("moved@patients.example", "Zofia Pawłowska-Gąsior")
    assert Patient.objects.filter(clinic=rynek.clinic).count() == 2


def test_reference_of_a_merged_card_is_nobody_elses(rynek: House, office: Client) -> None:
    gone = make_patient(rynek.clinic, "Zofia Gąsior", reference="OLD")
    Patient.objects.filter(pk=gone.pk).update(merged_into=rynek.patient, merged_at=NOW)

    page = look(office, rynek, PATIENTS + "OLD;Jan Kot;moved@patients.example;;\n")

    assert "“OLD” This reference belongs to a patient card with another name." in page.text


def test_card_tells_that_it_got_a_reference(rynek: House, office: Client) -> None:
    imported(office, rynek, PATIENTS + f"Z9;{rynek.patient.name};{rynek.patient.email};;\n")

    assert (
        "changed , Reference: – · Anna Maj"
        in Page(office.get(rynek.url(f"patients/{rynek.patient.pk}/"))).text
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("N1;;e@patients.example;;", "patient_name This must not be empty."),
        (f"N1;{'x' * 121};;;", "This is too long: at most 120 characters."),
        ("N1;Ewa;no address;;", "email · “no address” This is not an e-mail address."),
        ("N1;Ewa;;12;", "phone · “12” This is not a phone number."),
        ("N1;Ewa;;;tlh", "language · “tlh” This must be one of: de, en, pl, ro."),
        ("N1;Ewa \u202e;;;", "There is a line break in it, or another character that cannot be written."),
        ("N1;Ewa", "Line 2 The line has fewer columns than the first line."),
        (
            "N1;Ewa;;;;more",
            "The line has more columns than the first line: a text may lack its quotation marks.",
        ),
        ('N1;"Ewa;;;', "The quotation marks do not match, or a cell is far too long."),
        ("Z1;Other Name;;;", "“Z1” This reference belongs to a patient card with another name."),
        (";Jan Kot;;512 345 678;", "“Jan Kot” Several patient cards fit. Say which by its reference."),
    ],
)
def test_bad_row_is_named_by_line_column_and_value(
    line: str, said: str, rynek: House, office: Client
) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(reference="Z1")
    for email in ("one@patients.example", "two@patients.example"):
        make_patient(rynek.clinic, "Jan Kot", email=email, language="de")

    page = look(office, rynek, PATIENTS + (line if "Kot" not in line else line + "ro") + "\n")

    assert numbers(page)["Bad rows"] == "1"
    assert said in page.text


def test_same_patient_twice_in_one_file_must_say_the_same(rynek: House, office: Client) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(reference="Z1")
    name = rynek.patient.name

    page = look(office, rynek, PATIENTS + f"Z1;{name};one@x.example;;\nZ1;{name};two@x.example;;\n")

    assert "Line 3 · patient_ref" in page.text
    assert "Line 2 says something else of the same patient." in page.text


def test_reasons_are_in_the_readers_language(rynek: House, office: Client) -> None:
    rynek.admin.language = "de"
    rynek.admin.save()

    page = look(office, rynek, PATIENTS + "N1;Ewa;no address;;\n")

    assert "„no address“ Das ist keine E-Mail-Adresse." in page.text


def test_good_rows_are_imported_only_by_choice(rynek: House, office: Client) -> None:
    content = PATIENTS + "N1;Ewa Nowa;;;\nN2;;;;\n"
    page = look(office, rynek, content)

    refused = confirm(office, rynek, page)

    assert refused.status_code == 422
    assert Page(refused).error("skip_bad") == (
        "There are bad rows. Tick this, or mend the file and upload it again."
    )
    assert not Patient.objects.filter(reference="N1").exists()
    assert numbers(imported(office, rynek, content, skip_bad="on")) == {"New": "1", "Changed": "0"}


# --- Appointments ----------------------------------------------------------------------------------


def test_appointments_are_booked_with_new_cards_and_nobody_is_told(rynek: House, office: Client) -> None:
    before = Delivery.objects.count()

    imported(
        office, rynek,
        VISITS + visit(rynek) + visit(rynek, "2027-05-20 11:00", minutes="45", booked_at="2027-04-01 09:00"),
    )  # fmt: skip

    card = Patient.objects.get(reference="N1")
    rows = Appointment.objects.filter(patient=card).order_by("starts_at")
    assert [(row.starts_at, row.minutes, row.booked_at) for row in rows] == [
        (datetime(2027, 5, 20, 8, tzinfo=UTC), 30, NOW),
        (datetime(2027, 5, 20, 9, tzinfo=UTC), 45, datetime(2027, 4, 1, 7, tzinfo=UTC)),
    ]
    planned = Delivery.objects.exclude(state="skipped")
    assert planned.filter(message__appointment__in=rows).count() == 0
    assert Delivery.objects.count() >= before


def test_patients_are_told_when_it_is_ticked(rynek: House, office: Client) -> None:
    imported(office, rynek, VISITS + visit(rynek), notify="on")

    row = Appointment.objects.get(patient__reference="N1")
    kinds = Delivery.objects.filter(message__appointment=row, state="planned")
    assert "details" in set(kinds.values_list("message__kind", flat=True))
    assert AuditValue.objects.get(entry__action="clinic.imported").new["told"] == 1


@pytest.mark.parametrize(("ticked", "messages"), [({}, 0), ({"notify": "on"}, 1)])
def test_old_address_is_told_of_a_new_one_only_when_it_is_ticked(
    ticked: dict[str, str], messages: int, rynek: House, office: Client
) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(reference="Z1")
    before = set(Delivery.objects.values_list("pk", flat=True))

    imported(office, rynek, PATIENTS + f"Z1;{rynek.patient.name};new@patients.example;;\n", **ticked)

    told = Delivery.objects.exclude(pk__in=before).filter(message__appointment=None)
    assert told.count() == messages


def test_moved_and_cancelled_appointments_are_not_booked_again(rynek: House, office: Client) -> None:
    content = VISITS + visit(rynek) + visit(rynek, "2027-05-20 11:00")
    imported(office, rynek, content)
    first, second = Appointment.objects.filter(patient__reference="N1").order_by("starts_at")
    office.post(
        rynek.url(f"appointments/{first.pk}/move/"),
        {"version": first.version, "day": "2027-05-21", "time": "9:00"},
    )
    office.post(rynek.url(f"appointments/{second.pk}/cancel/"), {"version": second.version, "by": "clinic"})

    assert numbers(look(office, rynek, content)) == {
        "New appointments": "0", "Left as they are": "2", "Bad rows": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"calendar": "dr Nobody"}, "calendar · “dr Nobody” The clinic has no calendar of this name."),
        ({"service": "Surgery"}, "“Surgery” This calendar has no such service."),
        ({"start": "5 May at noon"}, "starts_at · “5 May at noon” This is not a local time."),
        ({"start": "2027-02-30 10:00"}, "There is no such day or hour."),
        ({"start": "2028-03-26 02:30"}, "This time does not exist: the clocks jump over it that night."),
        ({"start": "2101-01-01 10:00"}, "Years from 1970 to 2100 are taken."),
        ({"minutes": "0"}, "This must be from 1 to 1440 minutes."),
        ({"minutes": "soon"}, "minutes · “soon” This is not a whole number."),
        ({"outcome": "gone"}, "This must be one of: done, no_show, cancelled."),
        ({"outcome": "done"}, "outcome · “done” The appointment is still to come."),
        ({"booked_at": "2027-05-21 10:00"}, "It was booked after its start."),
        ({"booked_at": "2027-05-19 10:00"}, "This lies in the future."),
        ({"start": "2027-05-13 11:10"}, "In this calendar somebody else has this time, or part of it."),
    ],
)
def test_bad_appointment_is_told(cells: dict[str, str], said: str, rynek: House, office: Client) -> None:
    page = look(office, rynek, VISITS + visit(rynek, **cells))

    assert numbers(page)["Bad rows"] == "1"
    assert said in page.text


def test_rows_that_overlap_each_other_name_the_first(rynek: House, office: Client) -> None:
    page = look(
        office,
        rynek,
        VISITS + visit(rynek) + visit(rynek, "2027-05-20 10:29", ref="N2", name="Jan Kot", email=""),
    )

    assert "Line 2 has this time, or part of it, in the same calendar." in page.text


def test_rows_that_touch_are_good(rynek: House, office: Client) -> None:
    page = look(office, rynek, VISITS + visit(rynek) + visit(rynek, "2027-05-20 10:30"))

    assert numbers(page)["New appointments"] == "2"


def test_hour_that_happens_twice_is_the_first_unless_its_offset_says_otherwise(
    rynek: House, office: Client
) -> None:
    imported(
        office, rynek,
        VISITS + visit(rynek, "2027-10-31 02:30") + visit(rynek, "2027-10-31 02:30+01:00"),
    )  # fmt: skip

    rows = Appointment.objects.filter(patient__reference="N1").order_by("starts_at")
    assert [row.starts_at for row in rows] == [
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 1, 30, tzinfo=UTC),
    ]


def test_past_appointments_keep_their_outcome(rynek: House, office: Client) -> None:
    imported(
        office,
        rynek,
        VISITS + visit(rynek, "2027-04-20 10:00", outcome="no_show", booked_at="2027-04-01 08:00"),
    )

    assert Appointment.objects.get(patient__reference="N1").status == "no_show"


# --- Confirming ------------------------------------------------------------------------------------


def test_what_changed_since_it_was_shown_is_shown_anew(rynek: House, office: Client) -> None:
    page = look(office, rynek, VISITS + visit(rynek))
    other = make_patient(rynek.clinic, "Faster Person")
    office.post(
        rynek.url("appointments/book/"),
        {
            "book": "1", "calendar": rynek.calendar.pk, "service": rynek.service.pk, "day": "2027-05-20",
            "time": "10:00", "patient": other.pk,
        },
    )  # fmt: skip

    response = confirm(office, rynek, page, notify="on")

    assert response.status_code == 409
    again = Page(response)
    assert again.alerts == [
        "Something changed since this was shown. Nothing was imported; this is what would happen now."
    ]
    assert numbers(again)["Bad rows"] == "1"
    assert not Patient.objects.filter(reference="N1").exists()


def test_what_changes_while_it_runs_is_left_out_and_named(
    rynek: House, office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = look(office, rynek, VISITS + visit(rynek) + visit(rynek, "2027-05-20 12:00"))
    confirm(office, rynek, page)
    card = make_patient(rynek.clinic, "Faster Person")
    office.post(
        rynek.url("appointments/book/"),
        {
            "book": "1", "calendar": rynek.calendar.pk, "service": rynek.service.pk, "day": "2027-05-20",
            "time": "10:00", "patient": card.pk,
        },
    )  # fmt: skip

    done = run(office, rynek)

    assert numbers(done) == {"New": "1", "Changed": "0", "Left out, as something changed meanwhile": "1"}
    assert "Line 2 · starts_at In this calendar somebody else has this time" in done.text


def test_second_confirmation_imports_nothing_more(rynek: House, office: Client) -> None:
    page = look(office, rynek, PATIENTS + "N1;Ewa Nowa;;;\n")
    confirm(office, rynek, page)
    run(office, rynek)

    again = confirm(office, rynek, page)

    assert (again.status_code, again["Location"]) == (302, rynek.url("settings/import/run/"))
    run(office, rynek)
    assert Patient.objects.filter(name="Ewa Nowa").count() == 1
    assert AuditEntry.objects.filter(action="clinic.imported").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_members_who_import_the_same_at_once_import_it_once(rynek: House) -> None:
    content = PATIENTS + "".join(f";Person {n};;;\n" for n in range(60))
    browsers = [logged_in(rynek.admin), logged_in(rynek.admin)]
    pages = [look(office, rynek, content) for office in browsers]
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def press(office: Client, page: Page) -> None:
        try:
            barrier.wait(10)
            with clock.held_at(NOW):
                confirm(office, rynek, page)
                run(office, rynek)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=pair) for pair in zip(browsers, pages, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert Patient.objects.filter(name__startswith="Person ").count() == 60


def test_other_members_and_clinics_do_not_find_the_file(rynek: House, markt: House, office: Client) -> None:
    look(office, rynek, PATIENTS + "N1;Ewa Nowa;;;\n")

    assert logged_in(markt.admin).get(markt.url("settings/import/check/"))["Location"] == markt.url(
        "settings/import/"
    )
    assert not Patient.objects.filter(reference="N1").exists()


def test_another_clinics_reference_is_nobody_here(rynek: House, markt: House, office: Client) -> None:
    Patient.objects.filter(pk=markt.patient.pk).update(reference="M1")

    imported(office, rynek, PATIENTS + "M1;Ewa Nowa;ewa@patients.example;;\n")

    markt.patient.refresh_from_db()
    assert markt.patient.name == "Ottilie Kanarienvogel"
    assert Patient.objects.get(clinic=rynek.clinic, reference="M1").name == "Ewa Nowa"


def test_file_is_kept_for_an_hour(rynek: House, office: Client) -> None:
    page = look(office, rynek, PATIENTS + "N1;Ewa Nowa;;;\n")
    cache.clear()

    assert confirm(office, rynek, page)["Location"] == rynek.url("settings/import/")
    assert office.get(rynek.url("settings/import/run/"))["Location"] == rynek.url("settings/import/")
    assert keeping.KEPT_SECONDS == 3600


def test_rest_that_is_kept_no_more_is_told(rynek: House, office: Client) -> None:
    confirm(office, rynek, look(office, rynek, PATIENTS + "N1;Ewa Nowa;;;\n"))
    cache.delete(f"import:steps:{rynek.clinic.pk}:{rynek.admin.pk}")

    done = run(office, rynek)

    assert done.alerts == [
        "The rest of the file is kept no more. Upload it again: what is imported already stays as it is."
    ]


def test_large_file_goes_part_by_part_with_and_without_script(
    rynek: House, office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "ROWS_AT_ONCE", 2)
    confirm(office, rynek, look(office, rynek, PATIENTS + "".join(f"N{n};Person {n};;;\n" for n in range(5))))

    part = office.post(rynek.url("settings/import/run/"), headers=HTMX)

    assert "<html" not in part.content.decode()
    assert "2 / 5" in Page(part).text
    assert Patient.objects.filter(name__startswith="Person ").count() == 2
    assert office.post(rynek.url("settings/import/run/")).status_code == 302
    assert numbers(run(office, rynek)) == {"New": "5", "Changed": "0"}


def test_looking_asks_as_often_for_many_rows_as_for_few(rynek: House, office: Client) -> None:
    counts = []
    for number in (2, 200):
        rows = [
            visit(
                rynek,
                f"2027-06-{n % 28 + 1:02} {8 + n // 28:02}:00",
                ref=f"N{n}",
                name=f"Person {n}",
                email="",
            )
            for n in range(number)
        ]
        assert numbers(look(office, rynek, VISITS + "".join(rows)))["New appointments"] == str(number)
        counts.append(queries_of(lambda: office.get(rynek.url("settings/import/check/"))))

    assert counts[0] == counts[1]


def test_every_reason_has_its_sentence() -> None:
    assert all(str(sentence).endswith(".") for sentence in _REASONS.values())


def test_second_import_waits_until_the_first_is_over(
    rynek: House, office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "ROWS_AT_ONCE", 1)
    first = PATIENTS + "A1;Anna Cicha;;;\nA2;Beata Cicha;;;\n"
    confirm(office, rynek, look(office, rynek, first))
    office.post(rynek.url("settings/import/run/"))
    page = look(office, rynek, PATIENTS + "B1;Celina Cicha;;;\n")

    refused = confirm(office, rynek, page)

    assert refused.status_code == 409
    assert Page(refused).alerts == [
        "Your import before is not over yet. Nothing was imported of this file; it waits here until that one is"
        " done. Go to the import under way"
    ]
    assert numbers(run(office, rynek))["New"] == "2"
    assert confirm(office, rynek, Page(refused)).status_code == 302
    assert numbers(run(office, rynek))["New"] == "1"
    assert set(Patient.objects.exclude(reference="").values_list("reference", flat=True)) == {
        "A1",
        "A2",
        "B1",
    }


def test_import_cannot_begin_while_a_part_of_another_is_written(rynek: House, office: Client) -> None:
    page = look(office, rynek, PATIENTS + "B1;Celina Cicha;;;\n")
    key = f"import:claim:{rynek.clinic.pk}:{rynek.admin.pk}"
    cache.add(key, 1)

    assert confirm(office, rynek, page).status_code == 409
    cache.delete(key)
    assert confirm(office, rynek, page).status_code == 302
    assert cache.get(key) is None
