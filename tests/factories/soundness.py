"""What must be true of a waiting area at every moment, whatever was done to it and in which order."""

from django.db import transaction

from waiting_area import notices
from waiting_area.models import Call, Caller, Notice, Participation


def badges() -> dict[int, tuple[object, ...]]:
    """Return every caller's stored badge and mark."""
    columns = ("notice_count", "last_author", "unanswered_since")
    return {row[0]: row[1:] for row in Caller.objects.order_by("pk").values_list("pk", *columns)}


def rebuilt() -> dict[int, tuple[object, ...]]:
    """Return every caller's badge and mark as their notices make them, and leave what is stored (R29)."""
    with transaction.atomic():
        copies = list(Caller.objects.order_by("pk"))
        notices.restand(copies)
        found: dict[int, tuple[object, ...]] = {}
        for one in copies:
            found[one.pk] = (one.notice_count, str(one.last_author), one.unanswered_since)
        assert badges() == found
        transaction.set_rollback(True)
    return found


def assert_sound() -> None:
    """Fail when numbers have gaps, a badge is not what its notices make, or a call is not what it should be."""
    assert badges() == rebuilt()
    numbers: dict[int, list[int]] = {pk: [] for pk in Caller.objects.values_list("pk", flat=True)}
    for caller_id, number in Notice.objects.order_by("pk").values_list("caller_id", "number"):
        numbers[caller_id].append(number)
    for pk, last in Caller.objects.values_list("pk", "last_number"):
        # In the order in which they were written, too.
        assert numbers[pk] == list(range(1, last + 1)), f"caller {pk}"

    attended = set(Participation.objects.filter(gone_at=None).values_list("call_id", flat=True))
    inside = set(Caller.objects.exclude(call=None).values_list("call_id", flat=True))
    open_calls = set(Call.objects.filter(ended_at=None).values_list("pk", flat=True))
    assert attended <= open_calls
    assert inside == open_calls
    for one in Caller.objects.all():
        expected = {"in_call": {True}, "on_hold": {True, False}}.get(one.status, {False})
        assert (one.call_id is not None) in expected, f"{one}: {one.status} in {one.call_id}"
        is_alone = one.status == "in_call" and one.call_id not in attended
        assert (one.alone_since is not None) == is_alone, f"{one}: {one.status}, alone {one.alone_since}"
        assert (one.left_at is not None) == (one.status == "left") == (one.how_left != "")
