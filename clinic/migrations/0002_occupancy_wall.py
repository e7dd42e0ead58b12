"""Overlaps are kept out by the database itself (D2)."""

from django.db import migrations

from clinic.appointments.occupancy_wall import build, tear_down


class Migration(migrations.Migration):
    dependencies = [("clinic", "0001_initial")]
    operations = [migrations.RunPython(build, tear_down)]
