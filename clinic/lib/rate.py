"""How often something may happen, counted in the cache."""

import logging

import redis
from django.core.cache import cache

log = logging.getLogger("anteroom.rate")


def is_within(name: str, *, most: int, seconds: int) -> bool:
    """Count one more of `name`; return whether it is among the first `most` of its span.

    A span begins with the first count. While the cache cannot be reached everything is within: a lost
    Redis must not close the door.

    Args:
        seconds: the length of a span.
    """
    key = f"rate:{name}"
    try:
        cache.add(key, 0, seconds)
        return int(cache.incr(key)) <= most
    except ValueError:
        # The span ended between the two; the next one begins with this count.
        cache.set(key, 1, seconds)
        return True
    except redis.RedisError as error:
        log.warning("the cache could not be reached: %s", type(error).__name__)
        return True
