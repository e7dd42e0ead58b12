"""Settings, URLs and entry points. Names the apps as strings and imports nothing from them."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
