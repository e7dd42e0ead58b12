from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="personallink",
            name="purpose",
            field=models.CharField(
                choices=[("appointment", "Appointment"), ("waiting", "Waiting")], max_length=12
            ),
        ),
    ]
