"""Holds the coverage of the whole run against what each part must reach (R38).

    python -m tests.coverage_gate coverage.json

The whole must reach OVERALL; every file that matches a pattern of COMPLETE, all of its lines.
"""

import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

# R38.
OVERALL = 98.0  # percent of lines
COMPLETE = [
    "clinic/access.py",
    "clinic/appointments/occupancy.py",
    "messaging/*.py",  # with its backends
    "reminders/rules.py",
    "notifications/rules.py",
]


def shortfalls(report: dict[str, Any]) -> list[str]:
    """Return one line for each part of a coverage report (coverage's JSON) that falls short."""
    found = []
    overall = report["totals"]["percent_covered"]
    if overall < OVERALL:
        found.append(f"{overall:.1f} % of all lines are covered; {OVERALL} % must be.")
    for pattern in COMPLETE:
        files = {name: file for name, file in report["files"].items() if fnmatch(name, pattern)}
        if not files:
            found.append(f"No file is named {pattern} any more; tests/coverage_gate.py lists it.")
        for name, file in files.items():
            if missing := file["missing_lines"]:
                found.append(f"{name} must be covered wholly; lines {missing} are not.")
    return found


def main(arguments: list[str]) -> int:
    """Print the shortfalls of the report named; return the exit code."""
    found = shortfalls(json.loads(Path(arguments[0]).read_text()))
    print("\n".join(found) or "Coverage is as it must be.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
