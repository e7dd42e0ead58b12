"""Addresses of floor 0."""

app_name = "clinic"

urlpatterns: list = []
