"""The product's own settings, with one more kind of listener: the streams' benchmark's callers."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "bench.streams_product.StreamsConfig"]
