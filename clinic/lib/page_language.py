"""The language of a page that its address may ask for: `?language=pl` (X1)."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

LANGUAGES = frozenset(code for code, _name in settings.LANGUAGES)


def language_of(request: HttpRequest, otherwise: str) -> str:
    """Return the language that the address asks for, or another."""
    wanted = request.GET.get("language", "")
    return wanted if wanted in LANGUAGES else otherwise


def shown_in(language: str, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Make a response in a language, and say so in its header."""
    with translation.override(language):
        request.LANGUAGE_CODE = translation.get_language()
        response = view()
    # The locale middleware would name the browser's language, which this page is not written in.
    response.headers.setdefault("Content-Language", language)
    return response
