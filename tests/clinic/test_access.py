"""The choke point's own guards."""

import pytest

from clinic.access import staff


def test_an_action_nobody_defined_is_refused_at_import() -> None:
    with pytest.raises(KeyError, match=r"everything\.do"):
        staff("everything.do")
