"""Addresses of floor 0."""

from django.urls import path

from clinic import pages
from clinic.appointments import calendar_views as diary
from clinic.appointments import free_views, hours_views
from clinic.appointments import views as appointments
from clinic.calendars import views as calendars
from clinic.directory.views import booking, operator, public
from clinic.directory.views import staff as directory
from clinic.exporting import views as exporting
from clinic.feeds import views as feeds
from clinic.importing import views as importing
from clinic.people import card_views as cards
from clinic.people import views as people

app_name = "clinic"

urlpatterns = [
    path("", people.home, name="home"),
    path("start/", pages.first_clinic, name="first_clinic"),
    path("log-in/", people.log_in, name="log_in"),
    path("log-out/", people.log_out, name="log_out"),
    path("language/", people.set_language, name="set_language"),
    path("style/", pages.style, name="style"),
    path("offline/", pages.offline, name="offline"),
    path("sw.js", pages.service_worker, name="service_worker"),  # at the root: it minds every page
    path("find/", public.find, name="find"),
    path("p/<slug:slug>/", public.practitioner_profile, name="practitioner_profile"),
    path("clinic/<slug:slug>/", public.clinic_profile, name="clinic_profile"),
    path("sitemap.xml", public.sitemap, name="sitemap"),
    path("robots.txt", public.robots, name="robots"),
    path("reviews/", operator.reported_reviews, name="reported_reviews"),
    path("reviews/<int:pk>/", operator.review_decide, name="review_decide"),
    path("p/<slug:practitioner>/book/", booking.book_service, name="book_service"),
    path("p/<slug:practitioner>/book/done/", booking.book_done, name="book_done"),
    path("p/<slug:practitioner>/book/<int:service>/", booking.book_time, name="book_time"),
    path("p/<slug:practitioner>/book/<int:service>/<slug:start>/", booking.book_details, name="book_details"),
    path("c/<slug:slug>/", appointments.today, name="today"),
    path("c/<slug:slug>/calendar/", diary.calendar, name="calendar"),
    path("c/<slug:slug>/calendar/print/", diary.calendar_print, name="calendar_print"),
    path("c/<slug:slug>/calendar/free/", free_views.calendar_free, name="calendar_free"),
    path("c/<slug:slug>/calendar/absences/", hours_views.absences, name="absences"),
    path("c/<slug:slug>/calendar/absences/<int:pk>/", hours_views.absence, name="absence"),
    path("c/<slug:slug>/calendar/<int:pk>/hours/", hours_views.calendar_hours, name="calendar_hours"),
    path("c/<slug:slug>/listen/", people.listen, name="listen"),
    path("c/<slug:slug>/appointments/book/", appointments.appointment_book, name="appointment_book"),
    path("c/<slug:slug>/appointments/<int:pk>/", appointments.appointment, name="appointment"),
    path("c/<slug:slug>/appointments/<int:pk>/card/", appointments.appointment_card, name="appointment_card"),
    path(
        "c/<slug:slug>/appointments/<int:pk>/restore/",
        appointments.appointment_restore,
        name="appointment_restore",
    ),
    path("c/<slug:slug>/appointments/<int:pk>/move/", appointments.appointment_move, name="appointment_move"),
    path(
        "c/<slug:slug>/appointments/<int:pk>/cancel/",
        appointments.appointment_cancel,
        name="appointment_cancel",
    ),
    path("c/<slug:slug>/appointments/<int:pk>/mark/", appointments.appointment_mark, name="appointment_mark"),
    path("c/<slug:slug>/patients/", people.patients, name="patients"),
    path("c/<slug:slug>/patients/find/", people.patient_find, name="patient_find"),
    path("c/<slug:slug>/patients/new/", people.patient_new, name="patient_new"),
    path("c/<slug:slug>/patients/<int:pk>/", cards.patient, name="patient"),
    path("c/<slug:slug>/patients/<int:pk>/notes/", cards.patient_note_new, name="patient_note_new"),
    path("c/<slug:slug>/patients/<int:pk>/merge/<int:other>/", cards.patient_merge, name="patient_merge"),
    path("c/<slug:slug>/notes/<int:pk>/", cards.patient_note, name="patient_note"),
    path("c/<slug:slug>/notes/<int:pk>/delete/", cards.patient_note_delete, name="patient_note_delete"),
    path("c/<slug:slug>/patients/<int:pk>/edit/", people.patient_edit, name="patient_edit"),
    path(
        "c/<slug:slug>/patients/<int:pk>/email-works/",
        people.patient_email_works,
        name="patient_email_works",
    ),
    path("c/<slug:slug>/settings/", calendars.settings, name="settings"),
    path("c/<slug:slug>/settings/calendars/<int:pk>/", calendars.calendar_settings, name="calendar_settings"),
    path(
        "c/<slug:slug>/settings/calendars/<int:pk>/services/<int:service>/",
        calendars.calendar_service,
        name="calendar_service",
    ),
    path("c/<slug:slug>/settings/calendars/<int:pk>/feeds/", feeds.calendar_feeds, name="calendar_feeds"),
    path("c/<slug:slug>/settings/feeds/<int:pk>/revoke/", feeds.feed_revoke, name="feed_revoke"),
    path("c/<slug:slug>/settings/feeds/<int:pk>/replace/", feeds.feed_rotate, name="feed_rotate"),
    path("feed/<slug:token>/calendar.ics", feeds.feed, name="feed"),
    path("c/<slug:slug>/settings/import/", importing.import_file, name="import_file"),
    path("c/<slug:slug>/settings/import/check/", importing.import_plan, name="import_plan"),
    path("c/<slug:slug>/settings/import/run/", importing.import_run, name="import_run"),
    path(
        "c/<slug:slug>/settings/import/empty/<slug:kind>/", importing.import_template, name="import_template"
    ),
    path("c/<slug:slug>/settings/export/", exporting.export_file, name="export_file"),
    path("c/<slug:slug>/settings/profile/", directory.clinic_settings, name="clinic_settings"),
    path(
        "c/<slug:slug>/settings/practitioners/<int:pk>/",
        directory.practitioner_settings,
        name="practitioner_settings",
    ),
    path("c/<slug:slug>/reviews/", directory.reviews, name="reviews"),
    path("c/<slug:slug>/reviews/<int:pk>/answer/", directory.review_answer, name="review_answer"),
    path("c/<slug:slug>/reviews/<int:pk>/report/", directory.review_report, name="review_report"),
]
