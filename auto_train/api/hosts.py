"""Host names: which one a request asks for, and which are the service's own."""

import ipaddress
from collections.abc import Collection

OWN_NAMES = frozenset(["localhost"])
ANY = "*"


def host_of(netloc: str) -> str:
    """Return the name or address in ``name:port`` or ``[::1]:port``, in small letters and without a dot at its end."""
    text = netloc.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].removesuffix(".")


def is_own_name(name: str, hosts: Collection[str]) -> bool:
    """Tell whether a service on a loopback address goes by this name.

    Args:
        name: as :func:`host_of` returns it.
        hosts: names allowed besides localhost and the loopback addresses; ``*`` allows every name.
    """
    if ANY in hosts or name in OWN_NAMES or is_loopback(name):
        return True
    # an address of IPv6 may be written without its brackets here
    return name in {host_of(host) for host in hosts} | {host.lower() for host in hosts}


def is_loopback(address: str) -> bool:
    """Tell whether this is an address that only the same machine reaches; names are none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
