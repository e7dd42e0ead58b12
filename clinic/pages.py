"""Pages that belong to no part of floor 0 alone."""

import hashlib
from functools import cache
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from clinic.access import operators
from clinic.first_clinic import EmptyNoMore, make_first_clinic
from clinic.lib import clock
from clinic.lib.contrast import Pair, list_pairs, read_tokens
from clinic.lib.page_language import language_of
from clinic.people.forms import FirstClinicForm
from clinic.people.models import User


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say plainly that the page was too old to be sent."""
    return render(request, "403_csrf.html", status=403)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def first_clinic(request: HttpRequest) -> HttpResponse:
    """Make the first clinic with its administrator; there is no such page once anybody can log in (X8)."""
    if User.objects.exists():
        raise Http404
    form = FirstClinicForm(request.POST or None, initial={"language": translation.get_language()})
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            validate_password(wanted["password"], User(email=wanted["email"], name=wanted["name"]))
            user, clinic = make_first_clinic(service=_("Consultation"), at=clock.now(), **wanted)
        except ValidationError as error:
            form.add_error("password", error)
        except EmptyNoMore as error:
            raise Http404 from error
        else:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect("clinic:today", slug=clinic.slug)
    return render(request, "clinic/first_clinic.html", {"form": form}, status=422 if form.errors else 200)


class SampleForm(forms.Form):
    """One field of each sort, for the style page."""

    name = forms.CharField(
        label=gettext_lazy("Name"), help_text=gettext_lazy("Patients read it in messages and on their page.")
    )
    email = forms.EmailField(label=gettext_lazy("E-mail"))
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    text = forms.CharField(label=gettext_lazy("Notice"), widget=forms.Textarea, required=False)
    tell = forms.BooleanField(
        label=gettext_lazy("Patients may confirm and cancel by themselves"), required=False
    )


@cache
def _colours() -> dict[str, list[Pair]]:
    css = (Path(settings.BASE_DIR) / "static" / "anteroom.css").read_text("utf-8")
    return {theme: list(list_pairs(tokens)) for theme, tokens in read_tokens(css).items()}


@require_safe
@operators
def style(request: HttpRequest) -> HttpResponse:
    """Show every piece of which pages are made, in both themes beside each other."""
    sample = {"name": "Ioana Pușcașu", "email": "ioana@", "language": "ro", "tell": "on"}
    themes = [
        {
            "name": theme,
            "label": label,
            "pairs": _colours()[theme],
            "form": SampleForm({f"{theme}-{field}": value for field, value in sample.items()}, prefix=theme),
        }
        for theme, label in (("light", _("Light")), ("dark", _("Dark")))
    ]
    return render(request, "clinic/style.html", {"themes": themes})


# --- Without a connection --------------------------------------------------------------------------

DRAWN_WITH = ("anteroom.css", "public.css", "icon.svg", "offline.js")


@cache
def _offline_page(language: str) -> str:
    # Without the request: what waits to be said to this person must not be kept, nor be taken for said.
    with translation.override(language):
        return render_to_string("clinic/offline.html")


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Say that there is no connection: browsers keep this page for when there is none (X5)."""
    language = language_of(request, translation.get_language() or "en")
    response = HttpResponse(_offline_page(language))
    response["Content-Language"] = language
    return response


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Give the browser the script that keeps the offline page, in the language of the page that asks for it.

    The script differs when the page or what it is drawn with does: that is how a browser learns of a change.
    """
    language = language_of(request, translation.get_language() or "en")
    context = {
        "language": language,
        "page": f"{reverse('clinic:offline')}?language={language}",
        "version": hashlib.sha256(_offline_page(language).encode()).hexdigest()[:12],
        "drawn_with": [static(name) for name in DRAWN_WITH],
    }
    return render(request, "clinic/service_worker.js", context, content_type="text/javascript; charset=utf-8")
