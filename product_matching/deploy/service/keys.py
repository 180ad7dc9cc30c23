"""Who may write: API keys with scopes, kept as hashes."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from product_matching.errors import ConfigError

FILE = "keys.json"
PREFIX = "pm_"
Scope = Literal["search", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("search", "write", "admin")


@dataclass(frozen=True)
class Keys:
    """The keys that a service knows: pairs of SHA-256 and scopes.

    A key is 256 random bits, so one round of a fast hash is as hard to invert as a slow one.
    """

    known: tuple[tuple[bytes, frozenset[str]], ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Keys:
        """Reads `keys.json`; without it nobody may write.

        Raises:
            ConfigError: If the file is damaged.
        """
        path = Path(folder) / FILE
        return cls(tuple((bytes.fromhex(entry["sha256"]), frozenset(entry["scopes"])) for entry in _entries(path)))

    def allows(self, key: str, scope: Scope) -> bool:
        """Whether a key has a scope; `admin` has all of them. Takes as long for a wrong key as for a right one."""
        digest, granted = _digest(key), False
        for known, scopes in self.known:
            same = hmac.compare_digest(known, digest)
            granted |= same and bool(scopes & {scope, "admin"})
        return granted

    def name_of(self, key: str) -> str:
        """What tells a known key from others, "" for an unknown one."""
        digest = _digest(key)
        return next((known.hex() for known, _ in self.known if hmac.compare_digest(known, digest)), "")


def key_of(headers: Mapping[str, str]) -> str:
    """The key that a request brings, as `Authorization: Bearer KEY` or `X-API-Key: KEY`; "" if none."""
    given = headers.get("authorization", "")
    return given[7:].strip() if given[:7].lower() == "bearer " else headers.get("x-api-key", "")


def add_key(folder: Path, name: str, scopes: Collection[str]) -> str:
    """Makes a key, adds its hash to `keys.json`, and returns it: it cannot be read again.

    Raises:
        ConfigError: If a scope is not known, or the name is taken.
    """
    path = Path(folder) / FILE
    wrong = sorted(set(scopes) - set(SCOPES))
    if wrong or not scopes:
        raise ConfigError(f"A key has scopes of {', '.join(SCOPES)}; got {', '.join(wrong) or 'none'}.")
    entries = _entries(path)
    if any(entry.get("name") == name for entry in entries):
        raise ConfigError(f"{path} has a key named {name!r} already. Take another name, or remove that entry.")
    key = PREFIX + secrets.token_urlsafe(32)
    entries.append({"name": name, "sha256": _digest(key).hex(), "scopes": sorted(scopes)})
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"keys": entries}, file, indent=2)
    fresh.replace(path)
    return key


def _entries(path: Path) -> list[dict]:
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["keys"]
        for entry in entries:
            if len(bytes.fromhex(entry["sha256"])) != 32 or not set(entry["scopes"]) <= set(SCOPES):
                raise ValueError(f"the entry of {entry.get('name')!r}")
        return entries
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is damaged ({error}). Mend it, or remove it and make keys anew.") from error


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
