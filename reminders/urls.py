"""The patient's own pages of an appointment."""

from django.urls import path

from reminders.after import views as after
from reminders.offers import views as offers
from reminders.views import appointment, choices, lost_link, move, review, self_service

app_name = "reminders"

urlpatterns = [
    path("my-appointment/<slug:slug>/", lost_link.lost_link, name="lost_link"),
    path("a/<str:token>/", appointment.appointment_link, name="appointment_link"),
    path("r/<str:token>/", review.review_link, name="review_link"),
    path("o/<str:token>/", offers.offer_link, name="offer_link"),
    path("n/<str:token>/", after.next_link, name="next_link"),
    path("u/<str:token>/", choices.choices_link, name="choices_link"),
    path("u/<str:token>/<str:kind>/", choices.unsubscribe, name="unsubscribe"),
    path("choices/<str:key>/", choices.patient_choices, name="patient_choices"),
    path("offer/<str:key>/", offers.patient_offer, name="patient_offer"),
    path("review/<str:key>/", review.patient_review, name="patient_review"),
    path("appointment/<str:key>/", appointment.patient_appointment, name="patient_appointment"),
    path("appointment/<str:key>/confirm/", appointment.patient_confirm, name="patient_confirm"),
    path("appointment/<str:key>/cancel/", appointment.patient_cancel, name="patient_cancel"),
    path("appointment/<str:key>/move/", move.patient_move, name="patient_move"),
    path("appointment/<str:key>/code/", self_service.patient_code, name="patient_code"),
    path("appointment/<str:key>/my/", self_service.patient_card, name="patient_card"),
    path("appointment/<str:key>/my/contact/", self_service.patient_contact, name="patient_contact"),
    path("appointment/<str:key>/my/export/", self_service.patient_export, name="patient_export"),
    path("appointment/<str:key>/my/choices/", self_service.patient_wishes, name="patient_wishes"),
    path("appointment/<str:key>/my/close/", self_service.patient_close, name="patient_close"),
    path("appointment/<str:key>/seen/", appointment.patient_seen, name="patient_seen"),
]
