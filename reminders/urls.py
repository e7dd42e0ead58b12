"""The patient's own pages of an appointment."""

from django.urls import path

from reminders.views import appointment, lost_link, move, review

app_name = "reminders"

urlpatterns = [
    path("my-appointment/<slug:slug>/", lost_link.lost_link, name="lost_link"),
    path("a/<str:token>/", appointment.appointment_link, name="appointment_link"),
    path("r/<str:token>/", review.review_link, name="review_link"),
    path("review/<str:key>/", review.patient_review, name="patient_review"),
    path("appointment/<str:key>/", appointment.patient_appointment, name="patient_appointment"),
    path("appointment/<str:key>/confirm/", appointment.patient_confirm, name="patient_confirm"),
    path("appointment/<str:key>/cancel/", appointment.patient_cancel, name="patient_cancel"),
    path("appointment/<str:key>/move/", move.patient_move, name="patient_move"),
    path("appointment/<str:key>/seen/", appointment.patient_seen, name="patient_seen"),
]
