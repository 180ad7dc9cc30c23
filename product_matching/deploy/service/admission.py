"""Who is let in: under which names the service answers, and how often one client may ask."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from product_matching.deploy.service.problems import Problem

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS = ("0.0.0.0", "::", "")
BURST = 10.0
"""Seconds whose share a client may use at once: a page asks for its pictures together."""
CLIENTS = 10_000


class Hosts:
    """Names that requests may call the service by, so that no other site's name can be pointed at it (DNS rebinding).

    Args:
        names: As in the Host header, without a port. `*.shop.example` stands for every name below, `*` for all.
            An address that means every interface (`0.0.0.0`, `::`) allows addresses, as those cannot be rebound.

    >>> hosts = Hosts(["localhost", "*.shop.example"])
    >>> hosts.allow("LOCALHOST:8000"), hosts.allow("www.shop.example"), hosts.allow("evil.example")
    (True, True, False)
    """

    def __init__(self, names: Iterable[str]) -> None:
        cleaned = [_name(name) for name in names]
        self._all = "*" in cleaned
        self._addresses = any(name in ANY_ADDRESS for name in cleaned)
        self._exact = frozenset(name for name in cleaned if not name.startswith("*"))
        self._below = tuple(name[1:] for name in cleaned if name.startswith("*."))

    def allow(self, host: str) -> bool:
        """Whether a Host header is one of these names."""
        name = _name(host)
        if self._all or (name and name in self._exact) or name.endswith(self._below):
            return True
        return self._addresses and _is_address(name)


class RateLimit:
    """A bucket of tokens for each client, filled at `rate` a second up to ten seconds' worth.

    Args:
        rate: Requests a second; 0 for no limit.
        clock: Seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock, self._most = rate, clock, max(1.0, rate * BURST)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Takes a token.

        Raises:
            Problem: 429, with the seconds until there is one.
        """
        if not self._rate:
            return
        now = self._clock()
        tokens, then = self._buckets.get(client, (self._most, now))
        tokens = min(self._most, tokens + (now - then) * self._rate)
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > CLIENTS:  # the one that was silent the longest has the fullest bucket
            self._buckets.popitem(last=False)
        if tokens < 1:
            wait = math.ceil((1 - tokens) / self._rate)
            detail = f"More than {self._rate:g} requests a second came from here. Try again in {wait} s."
            raise Problem(429, detail, headers={"Retry-After": str(wait)})


def client_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, as one customer has all of it.

    >>> client_of("192.0.2.7"), client_of("2001:db8::1:2")
    ('192.0.2.7', '2001:db8::/64')
    """
    if ":" in address:
        try:
            return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
        except ValueError:
            return address
    return address


def _name(host: str) -> str:
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return (host if host.count(":") > 1 else host.partition(":")[0]).removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
