"""Clinics, users and their memberships, practitioners, patient cards."""

from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from clinic.people.enums import Language, PhoneMark, Plan, Role
from clinic.people.rules import ORDER_LENGTH, WORD_LENGTH


class Clinic(models.Model):
    """An institution; the tenant. Everything below belongs to exactly one clinic."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    country = models.CharField(_("country"), max_length=2, default="PL")  # ISO 3166, upper case
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.POLISH)
    time_zone = models.CharField(_("time zone"), max_length=60, default="Europe/Warsaw")
    plan = models.CharField(_("plan"), max_length=10, choices=Plan, default=Plan.BASIC)
    address = models.CharField(_("address"), max_length=200, blank=True)
    city = models.CharField(_("city"), max_length=80, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    # What its public profile says of it (D1).
    about = models.CharField(max_length=2000, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, name: str, password: str | None = None, **more: object) -> "User":
        """Make a user; without a password they cannot log in until they set one."""
        user = self.model(email=email.strip().lower(), name=name, **more)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, name: str, password: str | None = None) -> "User":
        """Make an operator of the installation."""
        return self.create_user(email, name, password, is_staff=True, is_superuser=True)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in; a member of any number of clinics. `is_superuser`: an operator."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.ENGLISH)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in a clinic."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} in {self.clinic_id}"


class Practitioner(models.Model):
    """The doctor whom patients see."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="practitioners")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    name = models.CharField(_("name"), max_length=120)
    # The public profile (D1): its address, what it says, and whether it is there at all.
    slug = models.SlugField(max_length=80, unique=True)
    specialty = models.CharField(max_length=120, blank=True)
    about = models.CharField(max_length=2000, blank=True)
    is_listed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic", "name"], name="practitioner_name")]
        indexes = [
            models.Index(fields=["name"], name="practitioner_listed", condition=models.Q(is_listed=True))
        ]

    def __str__(self) -> str:
        return self.name


class Patient(models.Model):
    """The patient card of one clinic."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="patients")
    reference = models.CharField(_("reference"), max_length=40, blank=True)
    name = models.CharField(_("name"), max_length=120)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)  # E.164
    phone_mark = models.CharField(max_length=12, choices=PhoneMark, blank=True, default=PhoneMark.NONE)
    language = models.CharField(_("language"), max_length=2, choices=Language)
    email_bounced_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    # A second card of the same person, whose appointments and messages went to this one.
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged_cards"
    )
    merged_at = models.DateTimeField(null=True, blank=True)
    # Raised by every change of the card: two people who change it at once are told apart by it.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "reference"],
                condition=~models.Q(reference=""),
                name="patient_reference",
            )
        ]
        indexes = [models.Index(fields=["clinic", "name"], name="patient_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def standing(self) -> "Patient":
        """The card itself, or the one that it went into; that one never went into another."""
        return self.merged_into or self

    @property
    def is_reachable(self) -> bool:
        """Whether any address stands on the card (P11, E1.8)."""
        return bool(self.phone or (self.email and not self.email_bounced_at))

    @property
    def masked_name(self) -> str:
        """First name and initial: all that a forwarded link may show (E2.11)."""
        first, _space, rest = self.name.strip().partition(" ")
        last = rest.split()[-1] if rest.split() else ""
        return f"{first} {last[0]}." if last else first


class PatientNote(models.Model):
    """What a member of staff wrote on a patient card; patients never see it."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="notes")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    text = models.CharField(max_length=2000)
    written_at = models.DateTimeField()
    changed_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["patient", "-written_at"], name="patient_note")]

    def __str__(self) -> str:
        return f"note {self.pk}"


class PatientWord(models.Model):
    """A word by which a patient card is found, folded (`clinic.people.rules.words_of`).

    Derived from the card and written by `clinic.people.words` alone. On PostgreSQL both texts are compared
    byte by byte, as SQLite does: then an index serves every beginning of a word, and its order.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+", db_index=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="words", db_index=False)
    word = models.CharField(max_length=WORD_LENGTH)
    name = models.CharField(
        max_length=ORDER_LENGTH
    )  # the card's, folded: among equal words it says who is first

    class Meta:
        indexes = [
            models.Index(fields=["clinic", "word", "name", "patient"], name="patient_word"),
            models.Index(fields=["patient", "word"], name="patient_own_word"),
        ]

    def __str__(self) -> str:
        return f"a word of patient {self.patient_id}"
