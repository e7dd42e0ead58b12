"""Questions whose SQL is written once: they answer for the values of each time, as Django's own do (F15)."""

from datetime import date, timedelta
from unittest.mock import patch

import pytest
from django.db.models import QuerySet
from pytest_django.fixtures import DjangoAssertNumQueries

from clinic.lib.prepared import Prepared
from clinic.models import Calendar, DayException, Membership
from clinic.people.models import Clinic
from tests.factories.house import NOW, House


def test_values_of_each_time_count_and_none_of_the_time_before(rynek: House, markt: House) -> None:
    first, second = rynek, markt
    ask = Prepared(lambda *, clinic: Calendar.objects.filter(clinic=clinic).values_list("pk", "name"))
    assert ask(clinic=first.clinic.pk) == [(first.calendar.pk, first.calendar.name)]
    assert ask(clinic=second.clinic.pk) == [(second.calendar.pk, second.calendar.name)]
    assert ask(clinic=0) == []


def test_sql_is_written_once_for_each_number_of_values(rynek: House, markt: House) -> None:
    with patch.object(Prepared, "_write", autospec=True, side_effect=Prepared._write) as write:
        ask = Prepared(lambda *, ids: Calendar.objects.filter(pk__in=ids).order_by("pk").values_list("pk"))
        one, two = rynek.calendar.pk, markt.calendar.pk
        assert ask(ids=[one]) == [(one,)]
        assert ask(ids=[two]) == [(two,)]
        assert ask(ids=[one, two]) == [(one,), (two,)]
        assert ask(ids=[]) == []
    assert write.call_count == 3


def test_instants_and_dates_are_found_and_come_back_as_django_gives_them(rynek: House) -> None:
    house = rynek
    DayException.objects.create(calendar=house.calendar, day=date(2027, 5, 4))
    by_day = Prepared(lambda *, day: DayException.objects.filter(day=day).values_list("calendar_id", "day"))
    assert by_day(day=date(2027, 5, 4)) == [(house.calendar.pk, date(2027, 5, 4))]
    assert by_day(day=date(2027, 5, 5)) == []
    Clinic.objects.filter(pk=house.clinic.pk).update(created_at=NOW)
    by_instant = Prepared(
        lambda *, after, until: Clinic.objects.filter(
            created_at__gt=after, created_at__lte=until
        ).values_list("pk", "created_at")
    )
    second = timedelta(seconds=1)
    assert (house.clinic.pk, NOW) in by_instant(after=NOW - second, until=NOW)
    assert by_instant(after=NOW, until=NOW + second) == []


def test_same_value_in_two_places_and_equal_values_of_two_names(rynek: House) -> None:
    house = rynek

    def build(*, clinic: int, calendar: int) -> QuerySet[Calendar]:
        return Calendar.objects.filter(clinic=clinic, pk=calendar, practitioner__clinic=clinic)

    ask = Prepared(build)
    assert ask(clinic=house.clinic.pk, calendar=house.calendar.pk) == [house.calendar]
    assert ask(clinic=house.clinic.pk, calendar=house.clinic.pk + 10**6) == []


def test_value_that_is_not_asked_for_as_it_is_is_refused(rynek: House) -> None:
    ask = Prepared(lambda *, clinic: Calendar.objects.filter(clinic=clinic + 1).values_list("pk"))
    with pytest.raises(TypeError, match="each of its values as it is"):
        ask(clinic=rynek.clinic.pk)


def test_objects_come_with_what_belongs_to_them(
    rynek: House, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    house = rynek

    def build(*, user: int) -> QuerySet[Membership]:
        return Membership.objects.select_related("clinic", "user").filter(user_id=user)

    ask = Prepared(build)
    theirs = Membership.objects.filter(clinic=house.clinic).select_related("user", "clinic")[0]
    with django_assert_num_queries(1):
        (one,) = ask(user=theirs.user_id)
        assert (one, one.clinic, one.user) == (theirs, house.clinic, theirs.user)
        assert (one.role, one.clinic.time_zone, one.user.email) == (
            theirs.role,
            house.clinic.time_zone,
            theirs.user.email,
        )
    assert one._state.adding is False
