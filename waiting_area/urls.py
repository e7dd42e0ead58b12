"""Addresses of the waiting area: the callers' by its key, the staff's below their clinic."""

from django.urls import path

from waiting_area.views import dashboard, entry, settings, waiting_screen

app_name = "waiting_area"

urlpatterns = [
    path("w/<slug:key>/", entry.entry, name="entry"),
    path("w/<slug:key>/wait/", waiting_screen.wait, name="wait"),
    path("w/<slug:key>/state/", waiting_screen.wait_state, name="wait_state"),
    path("w/<slug:key>/listen/", waiting_screen.wait_listen, name="wait_listen"),
    path("w/<slug:key>/resume/", waiting_screen.wait_resume, name="wait_resume"),
    path("w/<slug:key>/leave/", waiting_screen.wait_leave, name="wait_leave"),
    path("c/<slug:slug>/waiting/", dashboard.callers, name="callers"),
    path("c/<slug:slug>/waiting/<int:pk>/", dashboard.caller_notify, name="caller_notify"),
    path("c/<slug:slug>/waiting/<int:pk>/remove/", dashboard.caller_remove, name="caller_remove"),
    path("c/<slug:slug>/waiting/alerts/", settings.my_alerts, name="my_alerts"),
    path("c/<slug:slug>/settings/waiting/", settings.waiting_settings, name="waiting_settings"),
    path("c/<slug:slug>/settings/waiting/<int:pk>/", settings.area_settings, name="area_settings"),
]
