"""The gate itself tells what is missing."""

import json
from pathlib import Path

import pytest

from tests import coverage_gate


def test_gate_names_each_shortfall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage_gate, "OVERALL", 98.0)
    monkeypatch.setattr(coverage_gate, "COMPLETE", ["a/*.py", "gone.py"])
    report = {
        "totals": {"percent_covered": 97.5},
        "files": {"a/b.py": {"missing_lines": [3]}, "c.py": {"missing_lines": [1]}},
    }

    assert coverage_gate.shortfalls(report) == [
        "97.5 % of all lines are covered; 98.0 % must be.",
        "a/b.py must be covered wholly; lines [3] are not.",
        "No file is named gone.py any more; tests/coverage_gate.py lists it.",
    ]


def test_gate_passes_what_is_covered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(coverage_gate, "COMPLETE", [])
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps({"totals": {"percent_covered": 98.0}, "files": {}}))

    assert coverage_gate.main([str(path)]) == 0
