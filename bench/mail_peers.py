"""One run of a peer, in a process with its packages: queue, then time its own command."""

import os
import sys
import time

import django
from django.conf import settings

TEXT_FROM = "bench-text"


def configure(database: str, port: str) -> None:
    """Set up a Django project that holds nothing but the two peers."""
    user, _, rest = database.removeprefix("postgres://").partition("@")
    address, _, name = rest.partition("/")
    host, _, db_port = address.partition(":")
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office", "mailer"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": name,
                "USER": user,
                "HOST": host,
                "PORT": db_port,
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=int(port),
        POST_OFFICE={"THREADS_PER_PROCESS": 5, "BATCH_SIZE": 500},
        MAILER_LOCK_PATH=os.path.join(os.environ["ANTEROOM_DATA"], "mailer"),
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        LOGGING_CONFIG=None,
    )
    django.setup()


def post_office(count: int, subject: str, text: str) -> float:
    """Return the seconds `send_queued_mail --processes 2` takes, once it is running."""
    from post_office import mail  # noqa: PLC0415 - after configure()
    from post_office.models import STATUS, Email  # noqa: PLC0415

    Email.objects.all().delete()
    mail.send_many(
        [
            {
                "sender": "no-reply@bench.example",
                "recipients": [f"p{n}@patients.example"],
                "subject": subject,
                "message": text,
            }
            for n in range(count)
        ]
    )
    began = time.perf_counter()
    mail.send_queued_mail_until_done(
        lockfile=os.path.join(os.environ["ANTEROOM_DATA"], "post_office"), processes=2, log_level=0
    )
    took = time.perf_counter() - began
    if Email.objects.filter(status=STATUS.sent).count() != count:
        sys.exit("post_office did not send everything")
    return took


def mailer(count: int, subject: str, text: str) -> float:
    """Return the seconds `send_all` takes."""
    from mailer import send_mail  # noqa: PLC0415
    from mailer.engine import send_all  # noqa: PLC0415
    from mailer.models import Message  # noqa: PLC0415

    for n in range(count):
        send_mail(subject, text, "no-reply@bench.example", [f"p{n}@patients.example"])
    began = time.perf_counter()
    send_all()
    took = time.perf_counter() - began
    if Message.objects.exists():
        sys.exit("mailer did not send everything")
    return took


def main(which: str, database: str, port: str, count: str) -> None:
    """Print the seconds of one run."""
    configure(database, port)
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    subject, text = os.environ["BENCH_SUBJECT"], os.environ["BENCH_TEXT"]
    print({"post_office": post_office, "mailer": mailer}[which](int(count), subject, text))


if __name__ == "__main__":
    main(*sys.argv[1:])
