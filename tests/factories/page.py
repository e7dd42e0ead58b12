"""A page as its reader has it: what stands in which field, which error is beside it, which text is shown."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from django.db import connection
from django.test.html import Element, parse_html
from django.test.utils import CaptureQueriesContext

Answer: TypeAlias = Any  # what a test's client gives back: a response with a little more


def _walk(node: Any) -> Iterator[Element]:
    if isinstance(node, Element):
        yield node
        for child in node.children:
            yield from _walk(child)


def _attributes(node: Element) -> dict[str, Any]:
    # The parser gives a class as a set of words written back, and True-like None for bare attributes.
    return {name: ("" if value is None else value) for name, value in node.attributes}


def text_of(node: Any) -> str:
    """Return what an element says, as one line."""
    if not isinstance(node, Element):
        return str(node)
    return " ".join(" ".join(text_of(child) for child in node.children).split())


def proofs(page: "Page") -> list[dict[str, str]]:
    """Return what the page's parts send with them when they fetch themselves anew."""
    found = [_attributes(node).get("hx-headers", "") for node in page.nodes]
    return [json.loads(text) for text in found if "Opened" in text]


class Page:
    """A parsed answer; parsing fails on tags that do not fit."""

    def __init__(self, response: Answer) -> None:
        self.html = response.content.decode()
        # A place where a line may break is nothing that is read.
        self.root = parse_html(self.html.replace("<wbr>", ""))
        self.nodes = list(_walk(self.root))

    def all(self, name: str, wanted: Callable[[dict[str, Any]], bool] = lambda _found: True) -> list[Element]:
        """Return all elements of a name whose attributes are as wanted."""
        return [node for node in self.nodes if node.name == name and wanted(_attributes(node))]

    @property
    def text(self) -> str:
        """Everything that is read, as one line."""
        return text_of(self.root)

    @property
    def heading(self) -> str:
        """The page's one main heading."""
        (heading,) = self.all("h1")
        return text_of(heading)

    @property
    def alerts(self) -> list[str]:
        """What the page says at once to somebody who cannot see it."""
        return [text_of(node) for node in self.nodes if _attributes(node).get("role") == "alert"]

    @property
    def fields(self) -> dict[str, str]:
        """What would be sent, by name, apart from the token: the last value where a name stands twice."""
        found: dict[str, str] = {}
        for node in self.nodes:
            attributes = _attributes(node)
            name = attributes.get("name", "")
            if not name or name == "csrfmiddlewaretoken":
                continue
            if node.name == "input":
                if attributes.get("type") in {"radio", "checkbox"} and "checked" not in attributes:
                    continue
                found[name] = attributes.get("value", "on" if "checked" in attributes else "")
            elif node.name == "textarea":
                found[name] = "".join(str(child) for child in node.children)
            elif node.name == "select":
                options = [one for one in _walk(node) if one.name == "option"]
                chosen = [one for one in options if "selected" in _attributes(one)] or options[:1]
                found[name] = _attributes(chosen[0]).get("value", "") if chosen else ""
        return found

    def values(self, name: str) -> list[str]:
        """Return the values of every field of a name, in order."""
        return [
            _attributes(node).get("value", "")
            for node in self.all("input", lambda it: it.get("name") == name)
        ]

    def error(self, name: str) -> str:
        """Return the error that stands beside a field; nothing when there is none."""
        for box in self.nodes:
            if box.name not in {"div", "fieldset"} or not _attributes(box).get("class", "").startswith(
                "field"
            ):
                continue
            inside = list(_walk(box))
            if any(_attributes(node).get("name") == name for node in inside):
                errors = [n for n in inside if "errorlist" in _attributes(n).get("class", "").split()]
                return text_of(errors[0]) if errors else ""
        raise AssertionError(f"no field {name}")

    def buttons(self) -> list[str]:
        """Return what the buttons say."""
        return [text_of(node) for node in self.all("button")]

    def links(self) -> list[str]:
        """Return where links lead."""
        return [_attributes(node)["href"] for node in self.all("a")]


def queries_of(act: Callable[[], object]) -> int:
    """Return how many times an act asks the database."""
    with CaptureQueriesContext(connection) as asked:
        act()
    return len(asked)
