"""Pages that belong to no part of floor 0 alone."""

from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from clinic.first_clinic import EmptyNoMore, make_first_clinic
from clinic.lib import clock
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
