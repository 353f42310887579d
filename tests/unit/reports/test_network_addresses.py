"""Which networks an address lies in, compared with what the standard library says of it."""

import ipaddress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.reports.formats.reading import Problems, Values
from vangnet.reports.model.normal_forms import lies_in, spans

_NETWORKS = ("10.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4", "198.51.100.7/32")
_NOW = datetime(2026, 11, 22, tzinfo=UTC)


@given(st.ip_addresses(v=4) | st.sampled_from(_NETWORKS).flatmap(lambda network: st.ip_addresses(network=network)))
def test_an_address_lies_in_a_network_as_the_library_has_it(address: ipaddress.IPv4Address) -> None:
    expected = any(address in ipaddress.ip_network(network) for network in _NETWORKS)
    assert lies_in(address, {4: spans(*_NETWORKS)}) is expected


@pytest.mark.parametrize(
    "written",
    [
        str(ipaddress.IPv4Address(0)), "0.0.0.1", "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0",
        "169.253.255.255",
        "169.254.0.0", "169.254.255.255", "169.255.0.0", "223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
        "::", "::1", "::2", "fe7f:ffff::", "fe80::", "febf:ffff::", "fec0::", "feff::", "ff00::", "ff02::1",
    ],
)  # fmt: skip
def test_nobody_is_reached_at_the_addresses_of_which_the_library_says_so(written: str) -> None:
    address = ipaddress.ip_address(written)
    nobody = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    taken = Values(Problems(), now=_NOW).network_address(written)
    assert (taken is None) is nobody
