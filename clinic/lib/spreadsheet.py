"""Cells that a spreadsheet must not take for formulas (A70), there and back."""

import re

# What makes a formula of a cell, also in full width; a cell that has our own mark before it gets a second one.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
MARK = "'"


def safe(text: str) -> str:
    """Return a cell's text as a spreadsheet shows it and never computes it."""
    return MARK + text if _DANGEROUS.match(text) else text


def bare(cell: str) -> str:
    """Return the text that `safe` was given; any other cell as it is."""
    return cell[1:] if cell.startswith(MARK) and _DANGEROUS.match(cell) else cell
