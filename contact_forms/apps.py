"""Registers the app."""

from django.apps import AppConfig


class ContactFormsConfig(AppConfig):
    name = "contact_forms"
