"""Registers the app."""

from django.apps import AppConfig


class RemindersConfig(AppConfig):
    name = "reminders"
