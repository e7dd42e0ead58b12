"""Write the style sheet that places the calendar's appointments: `python -m tests.calendar_rows`.

The policy lets no page say a place in a style attribute, so each has its class.
"""

from pathlib import Path

TARGET = Path(__file__).parent.parent / "static" / "calendar_rows.css"
ROWS_AN_HOUR, MOST_HOURS, MINUTES_A_ROW = 12, 25, 5


def sheet() -> str:
    """Return the style sheet: r… begins at a row, u… lasts until one, m… and e… are minutes inside a row."""
    rows = range(ROWS_AN_HOUR * MOST_HOURS + 1)
    lines = [f".r{row}{{grid-row-start:{row + 1}}}" for row in rows]
    lines += [f".u{row}{{grid-row-end:{row + 1}}}" for row in rows]
    for minute in range(1, MINUTES_A_ROW):
        part = f"calc(var(--row) * {minute} / {MINUTES_A_ROW})"
        lines += [f".m{minute}{{margin-top:{part}}}", f".e{minute}{{margin-bottom:{part}}}"]
    lines += [f".hours-{hours}{{--rows:{hours * ROWS_AN_HOUR}}}" for hours in range(1, MOST_HOURS + 1)]
    return (
        "/* Where a calendar's appointments stand. Written by `python -m tests.calendar_rows`. */\n"
        "@layer pages {\n" + "\n".join(lines) + "\n}\n"
    )


if __name__ == "__main__":
    TARGET.write_text(sheet(), "utf-8")
