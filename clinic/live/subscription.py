"""Hearing the bus: one subscription per server process, however many streams are open."""

import asyncio
import contextlib
import logging
import random

import redis.asyncio
from django.conf import settings
from redis.asyncio.client import PubSub

from clinic.live.bus import channel
from clinic.live.events import unpack
from clinic.live.hub import Hub

log = logging.getLogger("anteroom.live")

# A subscription that is quiet this long is asked whether it is still there, in seconds.
QUIET = 5.0


async def hear(hub: Hub) -> None:
    """Give everything on the bus to the hub until cancelled, over any number of lost connections."""
    while True:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2.0)
        try:
            async with client.pubsub() as subscription:
                await subscription.subscribe(channel())
                await _hear_until_lost(hub, subscription)
        except (redis.RedisError, OSError) as error:
            log.warning("the bus was lost: %s", type(error).__name__)
        finally:
            with contextlib.suppress(redis.RedisError, OSError):
                await client.aclose()
        await asyncio.sleep(0.5 + random.random() / 2)


async def _hear_until_lost(hub: Hub, subscription: PubSub) -> None:
    asked = False
    while True:
        message = await subscription.get_message(timeout=QUIET)
        if message is None:
            if asked:
                raise redis.ConnectionError("no answer")
            await subscription.ping()
            asked = True
            continue
        asked = False
        if message["type"] == "subscribe":
            # Whatever was said while nobody here listened: the pages ask for it themselves.
            hub.sync_all()
        elif message["type"] == "message":
            try:
                event = unpack(message["data"])
            except (ValueError, KeyError, TypeError):
                log.error("the bus carried something that is no event")
            else:
                hub.deliver_soon(event)
