"""See the migration before."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("waiting_area", "0004_welcomes")]
    operations = [migrations.RemoveField(model_name="waitingarea", name="welcome")]
