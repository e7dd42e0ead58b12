"""Pages and streams alone, for production."""

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from uvicorn.supervisors import Multiprocess

from clinic.lib.server import ports, prepare, web
from clinic.lib.server.command import one_of_many
from clinic.live.hub import hub


class Command(BaseCommand):
    """Serve pages and streams until SIGTERM (X7)."""

    help = "Serve pages and streams; needs DATABASE_URL, REDIS_URL, and a worker and a beat beside it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
        parser.add_argument("--workers", type=int, default=1, help="number of processes (1)")
        parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM)")
        parser.add_argument("--tls-key", metavar="FILE", help="private key (PEM)")

    def handle(self, *args: Any, **given: Any) -> None:
        with one_of_many("The web server"):
            ports.check_certificate(given["tls_cert"], given["tls_key"])
            ports.check_free(given["host"], given["port"])
            with ports.bind(given["host"], given["port"]) as listener:
                prepare.compile_catalogues()
                prepare.collect_static()
                configuration = web.configuration(
                    "config.asgi:application",
                    behind_proxy=settings.BEHIND_PROXY,
                    tls_cert=given["tls_cert"],
                    tls_key=given["tls_key"],
                    workers=given["workers"],
                )
                if given["workers"] > 1:
                    listener.set_inheritable(True)
                    Multiprocess(configuration, sockets=[listener]).run()
                else:
                    web.serve(web.Server(configuration, stopping=hub.stop), listener)
                web.leave_within(2)
