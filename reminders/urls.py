"""The patient's own pages of an appointment."""

from django.urls import path

from reminders import review_views, views

app_name = "reminders"

urlpatterns = [
    path("a/<str:token>/", views.appointment_link, name="appointment_link"),
    path("r/<str:token>/", review_views.review_link, name="review_link"),
    path("review/<str:key>/", review_views.patient_review, name="patient_review"),
    path("appointment/<str:key>/", views.patient_appointment, name="patient_appointment"),
    path("appointment/<str:key>/confirm/", views.patient_confirm, name="patient_confirm"),
    path("appointment/<str:key>/cancel/", views.patient_cancel, name="patient_cancel"),
    path("appointment/<str:key>/seen/", views.patient_seen, name="patient_seen"),
]
