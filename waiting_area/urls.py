"""Addresses of the waiting area: the callers' by its key, the staff's below their clinic."""

from django.urls import path

from waiting_area.views import (
    calls,
    conversation,
    dashboard,
    entry,
    needs,
    personal,
    settings,
    waiting_screen,
    writing,
)

app_name = "waiting_area"

urlpatterns = [
    path("w/p/<str:token>/", personal.personal_link, name="personal_link"),
    path("w/appointment/<str:key>/", personal.personal, name="personal"),
    path("w/<slug:key>/", entry.entry, name="entry"),
    path("w/<slug:key>/wait/", waiting_screen.wait, name="wait"),
    path("w/<slug:key>/state/", waiting_screen.wait_state, name="wait_state"),
    path("w/<slug:key>/listen/", waiting_screen.wait_listen, name="wait_listen"),
    path("w/<slug:key>/resume/", waiting_screen.wait_resume, name="wait_resume"),
    path("w/<slug:key>/write/", writing.wait_write, name="wait_write"),
    path("w/<slug:key>/leave/", waiting_screen.wait_leave, name="wait_leave"),
    path("c/<slug:slug>/waiting/", dashboard.callers, name="callers"),
    path("c/<slug:slug>/waiting/needs/", needs.needs, name="needs"),
    path("c/<slug:slug>/waiting/notify/", conversation.callers_notify, name="callers_notify"),
    path("c/<slug:slug>/waiting/sent/<int:pk>/", conversation.broadcast_sent, name="broadcast_sent"),
    path(
        "c/<slug:slug>/waiting/notices/<int:pk>/withdraw/",
        conversation.notice_withdraw,
        name="notice_withdraw",
    ),
    path("c/<slug:slug>/waiting/<int:pk>/", conversation.caller_notify, name="caller_notify"),
    path("c/<slug:slug>/waiting/<int:pk>/remove/", dashboard.caller_remove, name="caller_remove"),
    path("c/<slug:slug>/waiting/<int:pk>/answered/", dashboard.caller_tick_off, name="caller_tick_off"),
    path("c/<slug:slug>/waiting/<int:pk>/hold/", dashboard.caller_hold, name="caller_hold"),
    path("c/<slug:slug>/waiting/<int:pk>/transfer/", dashboard.caller_transfer, name="caller_transfer"),
    path("c/<slug:slug>/waiting/<int:pk>/join/", dashboard.caller_join, name="caller_join"),
    path("c/<slug:slug>/calls/<slug:key>/", calls.call, name="call"),
    path("c/<slug:slug>/calls/<slug:key>/listen/", calls.call_listen, name="call_listen"),
    path("c/<slug:slug>/calls/<slug:key>/leave/", calls.call_leave, name="call_leave"),
    path("c/<slug:slug>/calls/<slug:key>/end/", calls.call_end, name="call_end"),
    path("c/<slug:slug>/calls/<slug:key>/hold/<int:pk>/", calls.call_hold, name="call_hold"),
    path("c/<slug:slug>/calls/<slug:key>/bring/<int:pk>/", calls.call_bring, name="call_bring"),
    path("c/<slug:slug>/calls/<slug:key>/part/<int:pk>/", calls.call_part, name="call_part"),
    path("c/<slug:slug>/waiting/alerts/", settings.my_alerts, name="my_alerts"),
    path("c/<slug:slug>/settings/waiting/", settings.waiting_settings, name="waiting_settings"),
    path("c/<slug:slug>/settings/waiting/<int:pk>/", settings.area_settings, name="area_settings"),
]
