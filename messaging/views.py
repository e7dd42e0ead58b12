"""What providers report."""

import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from clinic.lib import clock
from messaging.operations import record_provider_state
from messaging.signatures import is_from_twilio

log = logging.getLogger("anteroom.webhooks")


@csrf_exempt
@require_POST
def twilio_status(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Take in Twilio's report on an SMS: signed, in any order, any number of times (A79 to A82)."""
    signed = is_from_twilio(
        path_and_query=request.get_full_path(),
        params={name: request.POST[name] for name in request.POST},
        signature=request.headers.get("X-Twilio-Signature", ""),
    )
    if not signed:
        log.warning("a status report without a good signature was refused")
        return HttpResponse(status=403)
    changed = record_provider_state(
        delivery_id=delivery_id,
        reported=request.POST.get("MessageStatus", ""),
        code=f"twilio-{request.POST.get('ErrorCode', '')}"[:40],
        at=clock.now(),
    )
    if not changed:
        log.info("a status report changed nothing")
    return HttpResponse(status=204)
