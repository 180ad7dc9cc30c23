"""Asks a service from Python."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import urllib3

from product_matching.errors import ProductMatchingError

Image = bytes | str | Path
BUSY = (429, 503)


class ServiceError(ProductMatchingError):
    """The service did not do what it was asked.

    Attributes:
        status: HTTP status; 0 where it could not be reached.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """A service that `product-matching serve` runs. May be used by several threads.

    Where the service is busy (429, 503) or the connection breaks, it asks again, after the time that the service names:
    every request may be sent twice, since writes count once.

    >>> client = Client("http://127.0.0.1:8000", key="pm_…")
    >>> client.search("red mug", k=5, filters=["price<20"])["results"]  # doctest: +SKIP

    Args:
        address: Of the service.
        key: An API key, for what needs one.
        timeout: Seconds for one try.
        retries: Further tries.
    """

    def __init__(
        self, address: str = "http://127.0.0.1:8000", *, key: str = "", timeout: float = 30.0, retries: int = 5
    ) -> None:
        self.address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        again = urllib3.Retry(
            retries,
            backoff_factor=0.2,
            status_forcelist=BUSY,
            allowed_methods=None,
            redirect=0,
            raise_on_status=False,
            raise_on_redirect=False,
        )
        self._pool = urllib3.PoolManager(4, timeout=timeout, retries=again)

    def search(
        self, text: str = "", *, image: Image | None = None, product_id: str | None = None, k: int = 12, **options: Any
    ) -> dict[str, Any]:
        """The best products for words, a picture, both, or another product.

        Args:
            text: Words.
            image: A picture: its path or its bytes.
            product_id: Find products like this one.
            k: How many.
            options: As of `POST /v1/search`: image_weight, offset, filters, facets, group_by, diversity,
                min_probability, spelling.

        Returns:
            `results`, a list of product_id, score, probability, rank, title, attributes, and what else the route tells.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        asked = {"text": text, "product_id": product_id, "k": k, **options}
        return self._post("/v1/search", _with_image(asked, image))

    def match(self, pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """How probable it is that two things belong together: probability, score, match of each pair.

        Args:
            pairs: Two items each: product_id, or any of text, title, description, tags, image.
        """
        body = [{"left": _item(left), "right": _item(right)} for left, right in pairs]
        return self._post("/v1/match", {"pairs": body})["pairs"]

    def recommend(
        self, user_id: str | None = None, *, history: Sequence[str] | None = None, k: int = 12, **options: Any
    ) -> list[dict[str, Any]]:
        """Products for a shopper, by id or by what they took; options are filters and include_seen."""
        taken = None if history is None else list(history)
        return self._post("/v1/recommend", {"user_id": user_id, "history": taken, "k": k, **options})["results"]

    def embed(self, items: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Vectors of length one, float32 `[items, D]`; items as of `match`."""
        found = self._post("/v1/embed", {"items": [_item(item) for item in items]})
        return np.array(found["embeddings"], np.float32).reshape(-1, found["dim"])

    def put_product(
        self,
        product_id: str,
        *,
        title: str = "",
        description: str = "",
        tags: Sequence[str] = (),
        image: Image | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keeps a product; False where just this was there already. Needs a key with the scope write."""
        body = {"title": title, "description": description, "tags": list(tags), "attributes": dict(attributes or {})}
        return self._ask("PUT", _product(product_id), _with_image(body, image))["changed"]

    def delete_product(self, product_id: str) -> None:
        """Takes a product out. Needs a key with the scope write."""
        self._ask("DELETE", _product(product_id))

    def add_interactions(self, interactions: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Keeps what shoppers did; tells how many were accepted, and how many duplicates. Needs the scope write.

        Args:
            interactions: user_id, product_id, timestamp (seconds since 1970), and, if wanted, event, weight, event_id.
        """
        return self._post("/v1/interactions", {"interactions": [dict(event) for event in interactions]})

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        given = {} if body is None else {"json": {name: value for name, value in body.items() if value is not None}}
        try:
            answer = self._pool.request(method, self.address + path, headers=self._headers, **given)
        except urllib3.exceptions.HTTPError as error:
            raise ServiceError(0, f"{self.address} cannot be reached ({type(error).__name__}). Does it run?") from error
        try:
            content = json.loads(answer.data) if answer.data else {}
        except ValueError:
            content = {}
        if answer.status >= 300:
            raise ServiceError(answer.status, _reason(answer.status, content))
        return content


def _reason(status: int, content: Any) -> str:
    told = content if isinstance(content, dict) else {}
    places = [f"{error.get('place')}: {error.get('message')}" for error in told.get("errors") or []]
    return f"{status}: " + "; ".join([told.get("detail") or told.get("title") or "no reason was given", *places])


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    return _with_image({name: value for name, value in item.items() if name != "image"}, item.get("image"))


def _with_image(body: dict[str, Any], image: Image | None) -> dict[str, Any]:
    if image is None:
        return body
    data = image if isinstance(image, bytes) else Path(image).read_bytes()
    return {**body, "image": base64.b64encode(data).decode()}


def _product(product_id: str) -> str:
    return f"/v1/products/{quote(product_id, safe='')}"
