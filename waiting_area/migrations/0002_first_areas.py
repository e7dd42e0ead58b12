from django.db import migrations

from waiting_area.areas import readable_key


def open_areas(apps, schema_editor):
    """Give each clinic that was there before waiting areas were one of its own."""
    Clinic = apps.get_model("clinic", "Clinic")
    WaitingArea = apps.get_model("waiting_area", "WaitingArea")
    for clinic in Clinic.objects.filter(waiting_areas=None):
        WaitingArea.objects.create(
            clinic=clinic, key=readable_key(clinic.name), name=clinic.name, is_default=True
        )


class Migration(migrations.Migration):
    dependencies = [("waiting_area", "0001_initial")]

    operations = [migrations.RunPython(open_areas, migrations.RunPython.noop)]
