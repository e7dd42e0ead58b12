"""Addresses of the phone-and-mailbox page; present in embedded installations only."""

from django.urls import path

from messaging import mailbox_views

app_name = "mailbox"

urlpatterns = [
    path("c/<slug:slug>/mailbox/", mailbox_views.mailbox, name="mailbox"),
    path("c/<slug:slug>/mailbox/<int:pk>/", mailbox_views.mailbox_letter, name="mailbox_letter"),
]
