"""Settings, all from the environment, with defaults that run on one machine without servers.

Two ways to run (requirement X7): *embedded* (no DATABASE_URL: SQLite, in-process broker) and
*production* (PostgreSQL and Redis). `.env.example` lists every variable.
"""

import os
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
ENV_FILE = Path(env.str("ANTEROOM_ENV_FILE", default=str(BASE_DIR / ".env")))
if ENV_FILE.is_file():
    environ.Env.read_env(ENV_FILE)

# --- Where this installation keeps its state -------------------------------------------------
DATA_DIR = Path(env.str("ANTEROOM_DATA", default=str(BASE_DIR / "var"))).expanduser().absolute()
DATABASE_URL = env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="")
EMBEDDED = not DATABASE_URL
PRODUCTION = env.bool("ANTEROOM_PRODUCTION", default=False)

# --- What production cannot do without -------------------------------------------------------
PUBLIC_URL = env.str("PUBLIC_URL", default=embedded.served_at()).rstrip("/")
EMAIL_URL = env.str("EMAIL_URL", default="")
ANYMAIL_BACKEND = env.str("ANYMAIL_BACKEND", default="")
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", default="")
TWILIO_FROM = env.str("TWILIO_FROM", default="")
TWILIO_API_BASE = env.str("TWILIO_API_BASE", default="https://api.twilio.com").rstrip("/")

if PRODUCTION:
    embedded.refuse_if_incomplete(
        {
            "SECRET_KEY": env.str("SECRET_KEY", default=""),
            "DATABASE_URL": DATABASE_URL,
            "REDIS_URL": REDIS_URL,
            "PUBLIC_URL": env.str("PUBLIC_URL", default=""),
            "EMAIL_URL or ANYMAIL_BACKEND": EMAIL_URL or ANYMAIL_BACKEND,
            "TWILIO_ACCOUNT_SID": TWILIO_ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": TWILIO_AUTH_TOKEN,
            "TWILIO_FROM": TWILIO_FROM,
        }
    )

# --- Django ----------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default="") or embedded.secret_key(DATA_DIR)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
SECURE = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = embedded.allowed_hosts(PUBLIC_URL, env.list("ALLOWED_HOSTS", default=[]))
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "clinic.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "clinic:log_in"
LOGIN_REDIRECT_URL = "clinic:home"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "csp",
    "django_htmx",
    "heroicons",
    "template_partials",
    "anymail",
    "clinic",
    "notifications",
    "messaging",
    "reminders",
    "waiting_area",
    "contact_forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "clinic.middleware.staff_language",
    "clinic.middleware.private_pages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "clinic.middleware.method_refused",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "clinic.context.page",
            ],
            "builtins": [
                "template_partials.templatetags.partials",
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django_htmx.templatetags.django_htmx",
                "clinic.templatetags.clinic",
            ],
        },
    }
]
FORM_RENDERER = "clinic.forms.Renderer"

# --- Database --------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]]
if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "anteroom.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # A transaction that reads and then writes fails at once under WAL unless it
                # takes the write lock first; waiting helps only those that ask for it early.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # FULL: a power cut must not forget that a message was sent (docs/decisions/0009).
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
            },
        }
    }
else:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    DATABASES["default"].update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
    if "postgresql" not in str(DATABASES["default"]["ENGINE"]):
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database.")

CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            # A silent Redis must not hold a page's thread.
            "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# --- Queue -----------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": 3600,
        "socket_timeout": 5,
        "socket_connect_timeout": 0.5,
    }
    if REDIS_URL
    # The in-memory transport sleeps a whole second between polls unless told otherwise.
    else {"polling_interval": 0.05}
)
# The bell hangs up after half a second: a silent Redis never holds a web thread.
BELL_TRANSPORT_OPTIONS = (
    {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry_on_timeout": False}
    if REDIS_URL
    else CELERY_BROKER_TRANSPORT_OPTIONS
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for Redis as long as it takes
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# A ring nobody heard is worthless soon: it must not pile up while no worker runs.
FRESH = {"expires": 10}
CELERY_BEAT_SCHEDULE = {
    "send due e-mail": {
        "task": "messaging.send_due",
        "schedule": 2.0,
        "kwargs": {"channel": "email"},
        "options": FRESH,
    },
    "send due SMS": {
        "task": "messaging.send_due",
        "schedule": 2.0,
        "kwargs": {"channel": "sms"},
        "options": FRESH,
    },
    "settle what was left open": {"task": "messaging.settle", "schedule": 5.0, "options": FRESH},
    "see who is gone": {"task": "waiting_area.sweep_presence", "schedule": 3.0, "options": FRESH},
    "forget who left long ago": {
        "task": "waiting_area.forget",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
}

# --- Log-in ----------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
# Per account *and* address: a stranger cannot lock a member out, nor one member a whole clinic.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "clinic.people.views.tried_name"
AXES_LOCKOUT_CALLABLE = "clinic.people.views.too_many_tries"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True

# --- Cookies and headers ---------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "clinic.pages.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=365 * 24 * 3600) if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
# That these two are off is no oversight: docs/decisions/0008.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_SSL_REDIRECT = SECURE and env.bool("SSL_REDIRECT", default=True)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_HANDLERS = [
    "clinic.lib.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- Languages and time ----------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("pl", _("Polish")), ("de", _("German")), ("ro", _("Romanian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Static files ----------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Messages to patients --------------------------------------------------------------------
# "mailbox": kept in the application and shown on the phone-and-mailbox page (embedded).
MAIL_TRANSPORT = "smtp" if EMAIL_URL else "anymail" if ANYMAIL_BACKEND else "mailbox"
SMS_TRANSPORT = "twilio" if TWILIO_ACCOUNT_SID else "mailbox"
EMBEDDED_MAILBOX = env.bool("ANTEROOM_MAILBOX", default=EMBEDDED and not PRODUCTION)
if ANYMAIL_BACKEND:
    EMAIL_BACKEND = ANYMAIL_BACKEND
    ANYMAIL = {
        key.removeprefix("ANYMAIL_"): value
        for key, value in os.environ.items()
        if key.startswith("ANYMAIL_") and key != "ANYMAIL_BACKEND"
    } | {"REQUESTS_TIMEOUT": (5, 20)}
MAIL_FROM = env.str("MAIL_FROM", default="Anteroom <no-reply@anteroom.example>")
# Bounces come back to LOCAL+token@DOMAIN, so that each finds the delivery it belongs to.
MAIL_RETURN_ADDRESS = env.str("MAIL_RETURN_ADDRESS", default="bounces@anteroom.example")
OUTBOX_BELL = True  # a commit asks for a sweep at once; a replay asks by itself
LIVE_BUS = True  # open pages are told of what happens; a replay has none
# The European Economic Area and its neighbours.
EUROPE = (
    "AT,BE,BG,CH,CY,CZ,DE,DK,EE,ES,FI,FR,GB,GR,HR,HU,IE,IS,IT,LI,LT,LU,LV,MD,MT,NL,NO,PL,PT,RO,SE,SI,SK,UA"
)
# Where patients who book online may be sent SMS to; empty: everywhere (A5).
SMS_COUNTRIES = env.list("SMS_COUNTRIES", default=[] if EMBEDDED else EUROPE.split(","))
SEND_CONNECTIONS = env.int("SEND_CONNECTIONS", default=8)
SEND_LEASE_SECONDS = env.int("SEND_LEASE_SECONDS", default=120)
UNKNOWN_RETRY_AFTER_SECONDS = env.int("UNKNOWN_RETRY_AFTER_SECONDS", default=600)

# --- Logs: identifiers only, never names, numbers or texts (X4) -------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {"anteroom": {"level": env.str("LOG_LEVEL", default="INFO")}},
}
