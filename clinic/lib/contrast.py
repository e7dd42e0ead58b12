"""How well the colours of the style sheet can be told apart, by the formula of WCAG 2 (X6)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Tokens = Mapping[str, str]

LEAST_FOR_TEXT = 4.5
LEAST_FOR_MARKS = 3.0
SHEETS = ("sheet", "page", "hover")
MEANINGS = ("brand", "clinic", "caller", "done", "warning", "danger")
# Which ink stands on which surface somewhere in the product.
TEXTS = (
    *((ink, surface) for ink in ("text", "muted", *MEANINGS) for surface in SHEETS),
    *((ink, f"{ink}-surface") for ink in MEANINGS),
    *(("text", f"{meaning}-surface") for meaning in MEANINGS),
    *(("brand-strong", surface) for surface in SHEETS),
    ("on-brand", "brand"),
    ("on-brand", "brand-strong"),
    ("on-danger", "danger"),
    ("on-danger", "danger-strong"),
    ("sheet", "text"),
    ("sheet", "clinic"),
    ("sheet", "caller"),
)
MARKS = (
    *(("edge", surface) for surface in SHEETS),
    ("switch-knob", "edge"),
    ("switch-knob", "brand"),
)

_BLOCK = re.compile(r"([^{};]+)\{([^{}]*)\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DECLARATION = re.compile(r"--([\w-]+)\s*:\s*([^;]+);")


@dataclass(frozen=True, slots=True)
class Pair:
    """An ink on a surface; `least` is the ratio below which some people cannot read or find it."""

    ink: str
    surface: str
    ratio: float
    least: float


def read_tokens(css: str) -> dict[str, dict[str, str]]:
    """Return the tokens of the light and of the dark theme, each with all its values filled in.

    Raises:
        ValueError: the two places that say what dark is (by the system's wish, and by the attribute) differ.
    """
    light: dict[str, str] = {}
    dark: dict[str, dict[str, str]] = {"system": {}, "attribute": {}}
    for selector, body in _BLOCK.findall(_COMMENT.sub("", css)):
        found = dict(_DECLARATION.findall(body))
        if ':not([data-theme="light"])' in selector:
            dark["system"].update(found)
        elif '[data-theme="dark"]' in selector and "color-scheme: dark" in body:
            dark["attribute"].update(found)
        elif ":root" in selector and not set(found) & set(light):
            light.update(found)
    if dark["system"] != dark["attribute"]:
        raise ValueError("Dark is one thing by the system's wish and another by data-theme.")
    return {"light": _filled(light), "dark": _filled({**light, **dark["system"]})}


def _filled(tokens: Tokens) -> dict[str, str]:
    return {
        name: re.sub(r"var\(--([\w-]+)\)", lambda found: tokens[found[1]], value)
        for name, value in tokens.items()
    }


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour written as #rrggbb."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    """Return the contrast of two colours: 1 when they are the same, 21 for black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def list_pairs(tokens: Tokens) -> Iterator[Pair]:
    """Yield every pair that is in use, with its contrast in this theme."""
    for pairs, least in ((TEXTS, LEAST_FOR_TEXT), (MARKS, LEAST_FOR_MARKS)):
        for ink, surface in pairs:
            yield Pair(ink, surface, ratio(tokens[ink], tokens[surface]), least)
