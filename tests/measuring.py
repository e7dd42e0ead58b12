"""Coverage, let go for a while: being measured takes a test half as long again."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def unmeasured(config: pytest.Config) -> Iterator[None]:
    """Do not count the lines that the block goes through; nothing where nobody measures."""
    controller = getattr(config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    if controller is None or not controller.started:
        yield
        return
    controller.pause()
    try:
        yield
    finally:
        controller.resume()
