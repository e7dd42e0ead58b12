"""The product's addresses and two pages of the benchmark's own."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

ROWS = [
    {"time": f"{8 + n // 6:02}:{n % 6}0", "name": f"Anna Nowak {n}", "state": "booked"} for n in range(50)
]
TABLE = """<!doctype html><title>{{ title }}</title><table>{% for row in rows %}
<tr><td>{{ row.time }}</td><td>{{ row.name }}</td><td>{{ row.state }}</td></tr>{% endfor %}</table>"""


def trivial(request: HttpRequest) -> HttpResponse:
    """Answer two bytes, through every middleware."""
    return HttpResponse(b"ok")


def rows(request: HttpRequest) -> HttpResponse:
    """Answer a table of fifty rows."""
    return HttpResponse(_table().render({"title": "Today", "rows": ROWS}, request))


@cache
def _table() -> Any:
    return engines["django"].from_string(TABLE)  # compiled once, as the cached loader would


urlpatterns = [
    path("bench/trivial/", trivial),
    path("bench/rows/", rows),
    path("", include("config.urls")),
]
