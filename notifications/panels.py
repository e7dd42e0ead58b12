"""What this app adds to floor 0's pages: the tab, the booking form's switches, the pause's banner."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from clinic.models import Appointment, Calendar, Clinic, Patient
from clinic.panels import FormPart, Panel, register_form_part, register_panel
from notifications.forms import SwitchesForm, booking_switches
from notifications.invitations import asks_consent, list_words
from notifications.models import ClinicPause
from notifications.queries import get_wishes
from notifications.registry import list_invitations, list_kinds


def communication_tab(request: HttpRequest, calendar: Calendar) -> Mapping[str, Any]:
    """Return the calendar whose tab is linked."""
    return {"calendar": calendar}


def switches(request: HttpRequest, appointment: Appointment) -> Mapping[str, Any]:
    """Return the switches of one appointment (P2)."""
    wishes = get_wishes(appointment)
    is_on = {kind.name: wishes.wants(kind.name) for kind in list_kinds()}
    return {"switches": SwitchesForm(is_on=is_on), "appointment": appointment}


def pause_banner(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any] | None:
    """Return since when a clinic's sending stands still, if it does."""
    pause = _pause(request, clinic)
    return {"pause": pause} if pause else None


def _settings(request: HttpRequest, clinic: Clinic) -> Clinic:
    """Return a clinic with its pause and its rule for invitations, read once for all panels of a page."""
    if not hasattr(request, "clinic_settings"):
        rows = Clinic.objects.select_related("sending_pause", "invitations")
        request.clinic_settings = rows.get(pk=clinic.pk)  # type: ignore[attr-defined]
    found: Clinic = request.clinic_settings  # type: ignore[attr-defined]
    return found


def _pause(request: HttpRequest, clinic: Clinic) -> ClinicPause | None:
    return getattr(_settings(request, clinic), "sending_pause", None)


def invitations(request: HttpRequest, patient: Patient) -> Mapping[str, Any]:
    """Return each kind of invitation, whether the patient gets it, and what they said (P16)."""
    words = {one.kind: one for one in list_words(patient)}
    asks = asks_consent(_settings(request, patient.clinic))
    rows = []
    for kind in list_invitations():
        word = words.get(kind.name)
        is_wanted = word.wanted_at is not None if word else not asks
        rows.append({"kind": kind, "word": word, "is_wanted": is_wanted})
    return {"rows": rows, "patient": patient, "may_change": patient.merged_into_id is None}


def consent(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any]:
    """Return whether the clinic invites only with consent, for the settings page."""
    return {"asks": asks_consent(_settings(request, clinic))}


def sending(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any]:
    """Return whether the clinic's sending stands still, for the settings page."""
    return {"pause": _pause(request, clinic)}


def register() -> None:
    """Fill floor 0's registries."""
    register_panel(
        Panel(
            "communication_tab",
            "calendar_settings",
            "notifications/_communication_tab.html",
            communication_tab,
        )
    )
    register_panel(
        Panel("switches", "appointment_side", "notifications/_appointment_switches.html", switches, order=50)
    )
    register_panel(
        Panel("invitations", "patient", "notifications/_patient_invitations.html", invitations, order=5)
    )
    register_panel(Panel("consent", "settings", "notifications/_consent.html", consent))
    register_panel(Panel("sending", "settings", "notifications/_sending.html", sending))
    register_panel(Panel("pause", "today", "notifications/_pause.html", pause_banner, order=0))
    register_form_part(
        FormPart("notifications", "booking", "notifications/_booking_switches.html", booking_switches)
    )
