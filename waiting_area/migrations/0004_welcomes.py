"""The text for people waiting was one; it is the clinic's language's now."""

from typing import Any

from django.db import migrations


def keep(apps: Any, _editor: Any) -> None:
    areas = apps.get_model("waiting_area", "WaitingArea")
    for area in areas.objects.exclude(welcome="").select_related("clinic"):
        area.welcomes = {area.clinic.language: area.welcome}
        area.save(update_fields=["welcomes"])


class Migration(migrations.Migration):
    dependencies = [("waiting_area", "0003_whole")]
    operations = [migrations.RunPython(keep, migrations.RunPython.noop)]
