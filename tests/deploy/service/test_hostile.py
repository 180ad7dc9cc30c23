"""What nobody honest sends: refused with 4xx, and the service lives on."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image

pytestmark = pytest.mark.slow


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb():
    """A PNG of a few hundred bytes that says it is 60,000 x 60,000."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def large():
    """A real PNG of 36 million pixels, small as a file."""
    out = io.BytesIO()
    Image.new("1", (6000, 6000)).save(out, "PNG")
    return out.getvalue()


def in_base64(data):
    return base64.b64encode(data).decode()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
BODIES = {
    "no query": {},
    "null": {"text": None},
    "a list": [],
    "a number": {"text": 7},
    "unknown field": {"text": "a", "address": "http://169.254.169.254/"},
    "k zero": {"text": "a", "k": 0},
    "k huge": {"text": "a", "k": 10**9},
    "k text": {"text": "a", "k": "many"},
    "10 MB of text": {"text": "a" * 10_000_000},
    "longer than a body": {"text": "a" * 13_000_000},
    "no base64": {"image": "%%%"},
    "empty picture": {"image": in_base64(b"")},
    "no picture": {"image": in_base64(b"hello")},
    "an address for a picture": {"image": "http://169.254.169.254/latest"},
    "svg": {"image": in_base64(SVG)},
    "bomb": {"image": in_base64(bomb())},
    "large": {"image": in_base64(large())},
    "half a picture": {"image": in_base64(b"\x89PNG\r\n\x1a\n" + b"\0" * 50)},
    "a bad filter": {"text": "a", "filters": ["price<cheap"]},
    "a slow filter": {"text": "a", "filters": [" " * 199 + "!"]},
    "many filters": {"text": "a", "filters": ["price<1"] * 100},
    "path as product": {"product_id": "../../etc/passwd"},
    "a weight out of range": {"text": "a", "image_weight": 7},
}
RAW = {
    "nan": b'{"text": "a", "image_weight": NaN}',
    "infinity": b'{"text": "a", "image_weight": 1e999}',
    "half an object": b'{"text": ',
    "no utf-8": b'{"text": "\xff\xfe"}',
    "lone surrogate": b'{"text": "\\ud800"}',
    "deep": b'{"text": ' + b"[" * 100_000,
    "a huge number": b'{"text": "a", "k": ' + b"9" * 5000 + b"}",
    "nothing": b"",
}


def check(client, answer):
    assert 400 <= answer.status_code < 500, answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert len(answer.content) < 10_000, "what was sent is not sent back"
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("name", BODIES)
def test_bodies(client, name):
    check(client, client.post("/v1/search", json=BODIES[name]))


@pytest.mark.parametrize("name", RAW)
def test_raw_bodies(client, name):
    check(client, client.post("/v1/search", content=RAW[name], headers={"Content-Type": "application/json"}))


def test_the_kind_of_the_body(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        check(client, client.post("/v1/search", content=b"{}", headers={"Content-Type": kind}))
    check(client, client.post("/v1/search", data={"image": "text"}, files={"other": b"x"}))
    check(client, client.post("/v1/search", files=[("image", b"x"), ("image", b"y")]))


def test_a_body_without_length_is_limited_too(client):
    parts = (b"a" * 1_000_000 for _ in range(14))
    answer = client.post("/v1/search", content=parts, headers={"Content-Type": "application/json"})
    check(client, answer)
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE"])
def test_methods(client, method):
    check(client, client.request(method, "/v1/search"))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/match", {"pairs": []}),
        ("/v1/match", {"pairs": [{"left": {"text": "a"}, "right": {}}]}),
        ("/v1/match", {"pairs": [{"left": {"text": "a"}, "right": {"product_id": "nobody"}}]}),
        ("/v1/match", {"pairs": [{"left": {"text": "a"}, "right": {"text": "b"}}] * 65}),
        ("/v1/embed", {"items": [{"text": "a", "title": "b"}]}),
        ("/v1/embed", {"items": [{"tags": ["a|b"]}]}),
        ("/v1/recommend", {}),
        ("/v1/recommend", {"user_id": "a", "history": []}),
    ],
)
def test_other_routes(client, path, body):
    check(client, client.post(path, json=body))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": " "},
        {"title": "a", "attributes": {"image": "/etc/passwd"}},
        {"title": "a", "attributes": {"a=b": 1}},
        {"title": "a", "attributes": {"a": [1]}},
        {"title": "a", "image": in_base64(bomb())},
    ],
)
def test_products_that_cannot_be_written(client, key, body):
    check(client, client.put("/v1/products/hostile", json=body, headers=key))


@pytest.mark.parametrize("name", ["-a", "a" * 200, "a%00", "a%0ab", "..%2fa", "a%3Cscript%3E"])
def test_ids_that_cannot_be_written(client, key, name):
    check(client, client.put(f"/v1/products/{name}", json={"title": "a"}, headers=key))
