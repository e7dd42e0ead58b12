"""Which network a connection is of."""

import pytest

from clinic.directory.limits import hidden, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_contacts_are_counted_under_a_name_that_tells_nothing() -> None:
    assert hidden("Ann@x.example") == hidden("ann@X.example") != hidden("ann@y.example")
    assert "ann" not in hidden("ann@x.example")
