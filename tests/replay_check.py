"""Does a replay's report say what the rules say? Written from the rules alone; imports nothing of the product.

    python -m tests.replay_check BOOKINGS.csv REPORT.jsonl

Every booking is made by staff and nobody reads anything. For each, the expected lines are worked out here
(P4, P5, P7, P9, P11, P14) and compared with the report's, all of them, in both directions.
"""

import csv
import json
import sys
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

H = timedelta(hours=1)
KINDS = ("details", "reminder")
AFTER = {"review": 2 * H, "next_appointment": 20 * H}


def instant(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def sms_leaves(planned: datetime, start: datetime, zone: ZoneInfo) -> datetime:
    """22:00 to 07:00 local holds an SMS until 07:00, unless that is later than two hours before the start."""
    local = planned.astimezone(zone)
    if time(7) <= local.time() < time(22):
        return planned
    day = local.date() + timedelta(days=local.time() >= time(22))
    morning = datetime.combine(day, time(7), tzinfo=zone).astimezone(UTC)
    return morning if morning <= start - 2 * H else planned


def expected(row: dict[str, str]) -> list[tuple[str, str | None, datetime | None, datetime | None, str]]:
    """Return (kind, channel, planned, sent, outcome) for one booking."""
    zone = ZoneInfo(row["time_zone"])
    booked, start = instant(row["booked_at"], zone), instant(row["starts_at"], zone)
    has_mail, has_phone = bool(row["email"]), bool(row["phone"])
    lead = start - booked
    remind = start - 48 * H if lead > 72 * H else start - 24 * H if lead >= 36 * H else None
    lines: list[tuple[str, str | None, datetime | None, datetime | None, str]] = []
    if not (has_mail or has_phone):
        return [(kind, None, None, None, "skipped") for kind in (*KINDS, *AFTER)]
    fallback = booked if not has_mail or start - booked < 5 * H else booked + 4 * H
    for kind, mail_at, sms_at in zip(KINDS, (booked, remind), (fallback, remind), strict=True):
        if mail_at is None or sms_at is None:
            lines.append((kind, None, None, None, "skipped"))
            continue
        lines.append(
            (kind, "email", mail_at, mail_at, "sent") if has_mail else (kind, "email", None, None, "skipped")
        )
        if not has_phone:
            lines.append((kind, "sms", None, None, "skipped"))
            continue
        leaves = sms_leaves(sms_at, start, zone)
        if leaves >= start:  # never after the start
            lines.append((kind, "sms", sms_at, None, "skipped"))
        else:
            lines.append((kind, "sms", sms_at, leaves, "sent"))
    end = start + timedelta(minutes=int(row["minutes"]))
    for kind, later in AFTER.items():
        # A file of bookings makes no public profile and opens nothing to book online: both are planned and, when
        # they are due, left out (P7, P9).
        due = end + later
        lines.append((kind, "email", due if has_mail else None, None, "skipped"))
        lines.append((kind, "sms", due if has_phone else None, None, "skipped"))
    return lines


def main(bookings: str, report: str) -> int:
    wanted: Counter[tuple[object, ...]] = Counter()
    with open(bookings, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        zone = ZoneInfo(row["time_zone"])
        start = instant(row["starts_at"], zone)
        for line in expected(row):
            wanted[(row["clinic"], row["calendar"], row["patient_ref"], start, *line)] += 1
    got: Counter[tuple[object, ...]] = Counter()
    keys: Counter[tuple[object, ...]] = Counter()
    without_reason = 0
    with open(report, encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)

            def at(name: str, line: dict[str, str | None] = line) -> datetime | None:
                value = line[name]
                return datetime.fromisoformat(value) if value else None

            key = (
                line["clinic"],
                line["calendar"],
                line["patient_ref"],
                at("starts_at"),
                line["kind"],
                line["channel"],
            )
            keys[key] += 1
            got[(*key, at("planned_at"), at("sent_at"), line["outcome"])] += 1
            without_reason += line["outcome"] == "skipped" and not line["reason"]
    doubles = sum(count > 1 for count in keys.values())
    missing, extra = wanted - got, got - wanted
    print(f"{len(rows)} bookings, {sum(got.values())} lines, {sum(wanted.values())} expected")
    print(
        f"{sum(missing.values())} missing, {sum(extra.values())} too many, {doubles} doubled,"
        f" {without_reason} without a reason"
    )
    for title, lines in (("missing", missing), ("too many", extra)):
        for example in sorted(lines, key=str)[:10]:
            print(title, *example)
    return 1 if missing or extra or doubles or without_reason else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
