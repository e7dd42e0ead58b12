"""Who looked: one entry for each opening of a page, however often it then fetches what changed in it (R35)."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.core import signing
from django.db import models
from django.http import HttpRequest

from clinic.audit.operations import Actor, record_seen

SALT = "clinic.audit.opening"
HEADER = "Opened"
# A page that stays open for longer is looked at once more.
LIFE = timedelta(hours=1)


@contextmanager
def opened(
    request: HttpRequest, actor: Actor, obj: models.Model, *, at: datetime, along: Sequence[models.Model] = ()
) -> Iterator[None]:
    """Write down, once the page is made, that somebody read an object.

    The page's parts carry `request.seen` as their `hx-headers`: this server's signed word that there is an
    entry. No other header keeps one from being written.

    Args:
        at: the aware instant of the look.
        along: what the page shows of others besides; when these change, it is another look.
    """
    what = [actor.kind, actor.user_id, obj._meta.model_name, obj.pk, *(one.pk for one in along)]
    proof = request.headers.get(HEADER, "")
    is_known = _is_proof(proof, what)
    request.seen = json.dumps(  # type: ignore[attr-defined]
        {HEADER: proof if is_known else signing.dumps(what, salt=SALT)}
    )
    yield
    if not is_known:
        for one in (obj, *along):
            record_seen(actor, one, at=at)


def _is_proof(proof: str, what: list[object]) -> bool:
    try:
        return bool(signing.loads(proof, salt=SALT, max_age=LIFE) == what)
    except signing.BadSignature:
        return False
