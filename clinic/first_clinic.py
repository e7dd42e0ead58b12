"""What an empty installation begins with (X8)."""

from datetime import datetime, time

from django.db import connection, transaction

from clinic.audit.operations import user_actor
from clinic.calendars.operations import create_calendar, create_service, set_opening_hours
from clinic.people.enums import Role
from clinic.people.models import Clinic, User
from clinic.people.operations import add_member, create_clinic, create_practitioner

WORKDAYS = range(5)


class EmptyNoMore(Exception):
    """Somebody else was first."""


@transaction.atomic
def make_first_clinic(
    *,
    clinic_name: str,
    country: str,
    language: str,
    time_zone: str,
    practitioner: str,
    name: str,
    email: str,
    password: str,
    service: str,
    at: datetime,
) -> tuple[User, Clinic]:
    """Make the clinic, its administrator, and one calendar open on workdays from 8 to 16.

    Raises:
        EmptyNoMore: there is a user already.
    """
    if connection.vendor == "postgresql":  # SQLite lets one transaction write at a time anyway
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {User._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
    if User.objects.exists():
        raise EmptyNoMore
    user = User.objects.create_user(email, name, password, language=language)
    actor = user_actor(user)
    clinic = create_clinic(
        name=clinic_name, country=country, language=language, time_zone=time_zone, actor=actor, at=at
    )
    add_member(clinic=clinic, user=user, role=Role.ADMIN, actor=actor, at=at)
    who = create_practitioner(clinic=clinic, name=practitioner, actor=actor, at=at)
    calendar = create_calendar(practitioner=who, name=practitioner, actor=actor, at=at)
    create_service(calendar=calendar, name=service, minutes=20, actor=actor, at=at)
    week = {weekday: [(time(8), time(16))] for weekday in WORKDAYS}
    set_opening_hours(calendar=calendar, week=week, actor=actor, at=at)
    return user, clinic
