"""Addresses of the outbox."""

from django.urls import path

from messaging import views

app_name = "messaging"

urlpatterns = [
    path("hooks/twilio/status/<int:delivery_id>/", views.twilio_status, name="twilio_status"),
]
