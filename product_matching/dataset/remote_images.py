"""Images by address: fetched once, kept, and never from inside the network."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import urllib3

from product_matching._folders import write_whole
from product_matching.errors import DataError

_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class ImageFetcher:
    """Downloads images into a folder, each address once.

    A name in a table can point anywhere, so every address on the way, redirects included, must resolve to public ones
    alone, and the connection goes to the very address that was checked (else a second look-up could answer differently,
    "DNS rebinding").

    Attributes:
        folder: Where files are kept, named after the hash of their address.
        private: Allow addresses of the own machine and network.
        max_bytes: A longer answer is cut off and refused.
        seconds: Limit of each connection and each silence while reading.
        total_seconds: Limit of reading one image.
        redirects: How many are followed.
        retries: Further tries after a lost connection or an answer 429, 500, 502, 503 or 504, ever longer apart.
    """

    folder: Path
    private: bool = False
    max_bytes: int = 20_000_000
    seconds: float = 10.0
    total_seconds: float = 60.0
    redirects: int = 3
    retries: int = 2

    def fetch(self, address: str) -> Path:
        """The local file of an address, downloaded if it is not there yet.

        Raises:
            DataError: With what was wrong, and no file left behind.
        """
        path = self.folder / hashlib.sha256(address.encode("utf-8")).hexdigest()
        if not path.exists():
            try:
                content = self._download(address)
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise DataError(f"{address!r} cannot be fetched: {_told(error)}") from error
            write_whole(path, content)
        return path

    def _download(self, address: str) -> bytes:
        for _ in range(self.redirects + 1):
            response = self._get(address)
            try:
                if response.status in _REDIRECTS and response.headers.get("Location"):
                    address = urljoin(address, response.headers["Location"])
                    continue
                if response.status != 200:
                    raise DataError(f"{address!r} cannot be fetched: the server answers {response.status}")
                return self._read(response)
            finally:
                response.release_conn()
                response.close()
        raise DataError(f"{address!r} cannot be fetched: more than {self.redirects} redirects")

    def _get(self, address: str) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DataError(f"{address!r} is no http or https address")
        host = parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else 80)
        options = {
            "port": port,
            "timeout": urllib3.Timeout(self.seconds),
            "retries": urllib3.Retry(
                self.retries, redirect=False, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504),
                raise_on_status=False,
            ),
        }  # fmt: skip
        where = self._resolve(host, port)
        if parts.scheme == "https":  # the certificate is the host's, whatever address it has
            pool = urllib3.HTTPSConnectionPool(where, server_hostname=host, assert_hostname=host, **options)
        else:
            pool = urllib3.HTTPConnectionPool(where, **options)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "product-matching", "Accept": "image/*"}
        return pool.request("GET", target, headers=headers, redirect=False, preload_content=False)

    def _resolve(self, host: str, port: int) -> str:
        found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        closed = [address for address in found if not ipaddress.ip_address(address.partition("%")[0]).is_global]
        if closed and not self.private:
            raise DataError(f"{host!r} is in a private network ({closed[0]}); --allow-private-addresses permits it")
        return found[0]

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        content, until = bytearray(), time.monotonic() + self.total_seconds
        for chunk in response.stream(_CHUNK):
            content += chunk
            if len(content) > self.max_bytes:
                raise ValueError(f"it has more than {self.max_bytes:,} bytes")
            if time.monotonic() > until:
                raise ValueError(f"it takes more than {self.total_seconds:g} seconds")
        return bytes(content)


def is_address(name: str) -> bool:
    """Whether the name of an image is an address rather than a path."""
    return name.lower().startswith(("http://", "https://"))


def _told(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).partition(": ")[2] or str(reason) or type(error).__name__
