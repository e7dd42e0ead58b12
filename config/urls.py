"""Every address of the product; each app owns the part below its include."""

from django.conf import settings
from django.urls import include, path

urlpatterns = [
    path("", include("clinic.urls")),
    path("", include("notifications.urls")),
    path("", include("messaging.urls")),
    path("", include("reminders.urls")),
    path("", include("waiting_area.urls")),
]

if settings.ANYMAIL_BACKEND:
    urlpatterns += [path("hooks/anymail/", include("anymail.urls"))]

if settings.EMBEDDED_MAILBOX:
    urlpatterns += [path("", include("messaging.mailbox_urls"))]
