"""Registers the app: its kind of listener and its receivers."""

from django.apps import AppConfig


class WaitingAreaConfig(AppConfig):
    name = "waiting_area"

    def ready(self) -> None:
        """Fill the registries below."""
        from clinic.live.subjects import register_kind  # noqa: PLC0415 - models must be loaded first
        from waiting_area import listening, receivers  # noqa: F401, PLC0415

        register_kind(listening.KIND)
