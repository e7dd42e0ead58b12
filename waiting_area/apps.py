"""Registers the app."""

from django.apps import AppConfig


class WaitingAreaConfig(AppConfig):
    name = "waiting_area"
