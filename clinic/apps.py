"""Registers the app."""

from django.apps import AppConfig


class ClinicConfig(AppConfig):
    name = "clinic"

    def ready(self) -> None:
        from clinic import receivers  # noqa: F401, PLC0415
        from clinic.live.subjects import register_kind  # noqa: PLC0415
        from clinic.people import listening  # noqa: PLC0415

        register_kind(listening.KIND)
