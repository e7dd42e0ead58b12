"""The patient's own page of an appointment."""

from django.urls import path

from reminders import views

app_name = "reminders"

urlpatterns = [
    path("a/<str:token>/", views.appointment_link, name="appointment_link"),
    path("appointment/<str:key>/", views.patient_appointment, name="patient_appointment"),
    path("appointment/<str:key>/confirm/", views.patient_confirm, name="patient_confirm"),
    path("appointment/<str:key>/cancel/", views.patient_cancel, name="patient_cancel"),
    path("appointment/<str:key>/seen/", views.patient_seen, name="patient_seen"),
]
