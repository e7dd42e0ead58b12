"""The peer of `bench.pages`: the same project the way Django's documentation serves it with uvicorn."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
