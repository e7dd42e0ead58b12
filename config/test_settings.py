"""Settings of the tests: the product's own, without a developer's .env, in a folder of their own."""

import atexit
import os
import shutil
import tempfile

os.environ["ANTEROOM_ENV_FILE"] = os.devnull
os.environ["ANTEROOM_DATA"] = tempfile.mkdtemp(prefix="anteroom-test-")
os.environ["ANTEROOM_MAILBOX"] = "true"  # its pages exist on both engines
atexit.register(shutil.rmtree, os.environ["ANTEROOM_DATA"], ignore_errors=True)

from config.settings import *  # noqa: E402, F403
from config.settings import DATA_DIR, DATABASES, EMBEDDED, STATIC_ROOT, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Looked up when asked for: each test client would otherwise list every file first.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
STATIC_ROOT.mkdir(exist_ok=True)
# A live server's threads must let go of the database before it is thrown away.
DATABASES["default"]["CONN_MAX_AGE"] = 0
if EMBEDDED:  # a server in a thread cannot share a database in memory
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.05}
