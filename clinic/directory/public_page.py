"""What makes a page public: indexed, in the language its address names, without a cookie (D1)."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language

from clinic.lib.page_language import language_of, shown_in

View = Callable[..., HttpResponse]


def public_page(view: View) -> View:
    """Let search engines index a view's page, and keep the way back to it fast; it holds nothing of its reader."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language = language_of(request, get_language() or "en")
        response = shown_in(language, request, lambda: view(request, *args, **kwargs))
        if response.status_code == 200:
            response.headers.setdefault("Cache-Control", "no-cache")
            response.headers.setdefault("X-Robots-Tag", "all")
        return response

    return guarded


def address_of(path: str, **parameters: str) -> str:
    """Return a path with those parameters that say something."""
    said = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(said)}" if said else path


def page_context(request: HttpRequest, **parameters: str) -> dict[str, Any]:
    """Return what the page's head and foot say of its own addresses: one for each language, and the one that counts.

    Args:
        parameters: what else in the address makes it another page (a city, a page's number).
    """
    asked = language_of(request, "")
    own = address_of(request.path, **parameters)
    languages: Mapping[str, str] = {
        code: address_of(request.path, **parameters, language=code) for code, _name in settings.LANGUAGES
    }
    return {
        "site": settings.PUBLIC_URL,
        "canonical": languages[asked] if asked else own,
        "default_address": own,
        "languages": languages,
        # What a link from here carries, so that the language stays.
        "asked_language": asked,
        "language_query": f"?language={asked}" if asked else "",
        "login_address": reverse("clinic:log_in"),
    }


def around(request: HttpRequest, page: Page, **parameters: str) -> dict[str, Any]:
    """Return a page of a list, and the addresses of the pages before and after, as far as there are any."""

    def step(number: int) -> str:
        return address_of(
            getattr(request, "shown_at", request.path),
            **parameters,
            page=str(number),
            language=language_of(request, ""),
        )

    return {
        "page": page,
        "before": step(page.previous_page_number()) if page.has_previous() else "",
        "after": step(page.next_page_number()) if page.has_next() else "",
    }
