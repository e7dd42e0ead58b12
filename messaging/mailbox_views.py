"""The phone and mailbox of the embedded installation: what each patient got, as they would see it."""

import re

from csp.decorators import csp_replace
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from clinic.access import Member, get_for, staff
from clinic.models import Patient
from messaging.models import Delivery, SentText
from messaging.queries import list_mailbox

_ADDRESS = re.compile(r"(https?://[^\s<>\"]+)")


@require_safe
@staff("messages.see")
def mailbox(request: HttpRequest, member: Member) -> HttpResponse:
    """List the clinic's patients who got something, and what the chosen one got."""
    kept = list_mailbox(clinic=member.clinic)
    wanted = request.GET.get("patient", "")
    patient = None
    if wanted.isdecimal() and len(wanted) < 19:
        patient = get_for(member, Patient, int(wanted), "messages.see").standing
        kept = kept.filter(delivery__message__patient=patient)
    page = Paginator(kept, 30).get_page(request.GET.get("page"))
    texts = [{"kept": one, "pieces": _ADDRESS.split(one.text)} for one in page.object_list]
    return render(request, "messaging/mailbox.html", {"texts": texts, "page": page, "patient": patient})


@require_safe
@xframe_options_sameorigin
@csp_replace(
    {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "frame-ancestors": ["'self'"],
        "form-action": ["'none'"],
        "script-src": None,
        "img-src": None,
    }
)
@staff("messages.see")
def mailbox_letter(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show an e-mail's HTML for a sandboxed frame: no script, styles of its own, links in a new tab."""
    delivery = get_for(member, Delivery, pk, "messages.see")
    kept = SentText.objects.filter(delivery=delivery, has_live_links=True).first()
    if kept is None:
        raise Http404
    return HttpResponse(kept.html)
