"""Replay: bookings from a file through the real outbox, judged by a check written from the rules alone."""

import csv
import json
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from clinic.demo.bookings import write_rows
from clinic.models import Clinic
from tests import replay_check
from tests.fakes.smtp_sink import SmtpSink
from tests.fakes.twilio_fake import TwilioFake


def bookings_file(folder: Path, rows: int) -> Path:
    path = folder / "bookings.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        write_rows(file, seed=11, rows=rows, day=date(2027, 4, 30))
    return path


@pytest.mark.django_db(transaction=True)
def test_replay_sends_what_the_rules_say_and_touches_nothing_else(tmp_path: Path) -> None:
    path, report, out = bookings_file(tmp_path, 30), tmp_path / "report.jsonl", StringIO()

    with SmtpSink() as sink, TwilioFake() as twilio:
        call_command(
            "replay", str(path), smtp=f"127.0.0.1:{sink.port}", twilio=twilio.base, report=report, stdout=out
        )
        mails, texts = len(sink.messages), len(twilio.messages)

    assert replay_check.main(str(path), str(report)) == 0
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    sent = [line["channel"] for line in lines if line["outcome"] == "sent"]
    assert (sent.count("email"), sent.count("sms")) == (mails, texts)
    assert mails > 0 < texts
    assert "30 bookings in" in out.getvalue()
    assert Clinic.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_check_finds_a_line_that_differs(tmp_path: Path) -> None:
    path, report = bookings_file(tmp_path, 6), tmp_path / "report.jsonl"
    call_command("replay", str(path), report=report, stdout=StringIO())
    lines = report.read_text(encoding="utf-8").splitlines()

    report.write_text("\n".join(lines[1:]) + "\n", encoding="utf-8")

    assert replay_check.main(str(path), str(report)) == 1


def test_a_broken_record_stops_the_replay(tmp_path: Path) -> None:
    path = bookings_file(tmp_path, 3)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[2][rows[0].index("language")] = "tlh"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)

    with pytest.raises(CommandError, match="line 3: language"):
        call_command("replay", str(path))
    with pytest.raises(CommandError, match="No such file"):
        call_command("replay", str(tmp_path / "none.csv"))
