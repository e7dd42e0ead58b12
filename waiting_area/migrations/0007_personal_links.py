from datetime import timedelta

from django.db import migrations
from django.utils import timezone

LINK_LIVES_ON = timedelta(hours=12)


def open_ways(apps, schema_editor):
    """Give each coming appointment that was there before personal links were its own."""
    Appointment = apps.get_model("clinic", "Appointment")
    PersonalLink = apps.get_model("messaging", "PersonalLink")
    now = timezone.now()
    coming = Appointment.objects.filter(ends_at__gt=now, cancelled_at=None)
    links = [
        PersonalLink(
            clinic_id=clinic_id,
            purpose="waiting",
            object_id=pk,
            created_at=now,
            expires_at=ends_at + LINK_LIVES_ON,
        )
        for pk, clinic_id, ends_at in coming.values_list("pk", "clinic_id", "ends_at").iterator()
    ]
    PersonalLink.objects.bulk_create(links, batch_size=500, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("waiting_area", "0005_one_welcome_less"),
        ("clinic", "0005_live"),
        ("messaging", "0002_waiting_links"),
    ]

    operations = [migrations.RunPython(open_ways, migrations.RunPython.noop)]
