"""Addresses of who wants what."""

from django.urls import path

from notifications import views

app_name = "notifications"

urlpatterns = [
    path(
        "c/<slug:slug>/settings/calendars/<int:pk>/communication/",
        views.calendar_communication,
        name="calendar_communication",
    ),
    path(
        "c/<slug:slug>/appointments/<int:pk>/messages/",
        views.appointment_switches,
        name="appointment_switches",
    ),
    path(
        "c/<slug:slug>/patients/<int:pk>/invitations/",
        views.patient_invitations,
        name="patient_invitations",
    ),
    path("c/<slug:slug>/settings/invitations/", views.clinic_invitations, name="clinic_invitations"),
    path("c/<slug:slug>/settings/sending/", views.sending_pause, name="sending_pause"),
]
