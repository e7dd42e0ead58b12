"""The addresses of all public pages."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse

from clinic.people.models import Clinic, Practitioner


class _OurSitemap(Sitemap):
    """Addresses begin with the configured one, whatever host the request named (K33)."""

    @property
    def protocol(self) -> str:  # type: ignore[override]
        return urlsplit(settings.PUBLIC_URL).scheme

    def get_domain(self, site: Any = None) -> str:
        """Return the host, with its port, at which the product is reached."""
        return urlsplit(settings.PUBLIC_URL).netloc


class Pages(_OurSitemap):
    def items(self) -> list[str]:
        """Return the names of pages that are always there."""
        return ["clinic:find"]

    def location(self, item: str) -> str:
        """Return a page's path."""
        return reverse(item)


class Practitioners(_OurSitemap):
    def items(self) -> QuerySet[Practitioner, str]:
        """Return the slugs of who is listed."""
        rows = Practitioner.objects.filter(is_listed=True).order_by("pk")
        return rows.values_list("slug", flat=True)

    def location(self, item: str) -> str:
        """Return a profile's path."""
        return reverse("clinic:practitioner_profile", kwargs={"slug": item})


class Clinics(_OurSitemap):
    def items(self) -> QuerySet[Clinic, str]:
        """Return the slugs of clinics that have somebody listed."""
        rows = Clinic.objects.filter(practitioners__is_listed=True).distinct().order_by("pk")
        return rows.values_list("slug", flat=True)

    def location(self, item: str) -> str:
        """Return a profile's path."""
        return reverse("clinic:clinic_profile", kwargs={"slug": item})


# Quoted: at run time the class takes no parameter.
SITEMAPS: "dict[str, type[Sitemap[Any]] | Sitemap[Any]]" = {
    "pages": Pages,
    "practitioners": Practitioners,
    "clinics": Clinics,
}
