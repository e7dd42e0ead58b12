"""The product's own settings, with one more kind of message: the text that the peers send too."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

ROOT_URLCONF = "bench.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "bench.product.BenchConfig"]
