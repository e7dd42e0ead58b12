"""Who watches over the waiting area, and how each of them wants to hear of it (W10)."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.people.models import Clinic, Membership
from waiting_area.announcing import announce_watch
from waiting_area.models import Watch
from waiting_area.queries import watch_of


@transaction.atomic
def name_watchers(*, clinic: Clinic, memberships: Collection[int], actor: Actor, at: datetime) -> None:
    """Say who watches over the clinic's waiting area; with nobody named, all members do (W10).

    Whoever is named no more keeps their sound and volume.

    Args:
        memberships: ids of the clinic's own; others are passed by.
    """
    # Two administrators who save at once: the second finds what the first has left.
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    own = {one.pk: one for one in Membership.objects.filter(clinic=clinic)}
    wanted = set(memberships) & set(own)
    named = set(Watch.objects.filter(membership__in=own, is_named=True).values_list("pk", flat=True))
    if wanted == named:
        return
    for pk in sorted(wanted - named):
        Watch.objects.update_or_create(membership=own[pk], defaults={"is_named": True})
    Watch.objects.filter(pk__in=named - wanted).update(is_named=False)
    old, new = ({"members": sorted(own[pk].user_id for pk in ids)} for ids in (named, wanted))
    record(actor, "waiting_watchers.changed", clinic, old=old, new=new, at=at)
    announce_watch(clinic.pk)


@transaction.atomic
def change_own_watch(
    *,
    membership: Membership,
    sound: str,
    volume: int,
    is_muted: bool,
    notifies: bool,
    actor: Actor,
    at: datetime,
) -> Watch:
    """Change how a member hears of the waiting area, on every page of theirs (W10).

    Raises:
        ValidationError: there is no such sound, or the volume is not from 0 to 100.
    """
    found = Watch.objects.select_for_update().filter(membership=membership).first()
    watch = found or watch_of(membership)
    wanted = {"sound": sound, "volume": volume, "is_muted": is_muted, "notifies": notifies}
    old = {name: getattr(watch, name) for name in wanted}
    for name, value in wanted.items():
        setattr(watch, name, value)
    watch.clean_fields(exclude=["membership"])
    changed = [name for name in wanted if old[name] != wanted[name]]
    if changed:
        watch.save()
        record(
            actor,
            "watch.changed",
            membership,
            old={name: old[name] for name in changed},
            new={name: wanted[name] for name in changed},
            at=at,
        )
    return watch
