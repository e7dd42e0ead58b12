"""Addresses of the phone-and-mailbox page."""

app_name = "mailbox"

urlpatterns: list = []
