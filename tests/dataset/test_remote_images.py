"""Images by address, from a server on this machine."""

import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from product_matching.dataset import load_data, remote_images
from product_matching.dataset.remote_images import ImageFetcher
from product_matching.errors import DataError


def png():
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(self.path)
        if self.path.startswith("/hop"):
            left = int(self.path.rpartition("/")[2])
            self.answer(302, location=f"/hop/{left - 1}" if left else "/a.png")
        elif self.path == "/inside":
            self.answer(302, location="http://169.254.169.254/latest/meta-data")
        elif self.path == "/file":
            self.answer(302, location="file:///etc/passwd")
        elif self.path == "/shy" and self.server.seen.count("/shy") < 3:
            self.answer(503)
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b"x")
                time.sleep(0.05)
        elif self.path == "/absent":
            self.answer(404)
        else:
            self.answer(200, b"x" * 5000 if self.path == "/large" else png())

    def answer(self, status, body=b"", location=""):
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def shop():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.at = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetcher(tmp_path):
    return ImageFetcher(tmp_path / "cache", private=True, max_bytes=4000, seconds=2, total_seconds=0.5)


def test_an_image_is_fetched_once(shop, fetcher):
    first = fetcher.fetch(f"{shop.at}/a.png?size=2")
    assert first.read_bytes() == png()
    assert fetcher.fetch(f"{shop.at}/a.png?size=2") == first
    assert shop.seen == ["/a.png?size=2"]


def test_redirects_are_followed_up_to_a_limit(shop, fetcher):
    assert fetcher.fetch(f"{shop.at}/hop/2").read_bytes() == png()
    with pytest.raises(DataError, match="more than 3 redirects"):
        fetcher.fetch(f"{shop.at}/hop/9")


def test_a_busy_server_is_asked_again(shop, fetcher):
    assert fetcher.fetch(f"{shop.at}/shy").read_bytes() == png()
    assert shop.seen == ["/shy"] * 3


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/absent", "answers 404"),
        ("/large", "more than 4,000 bytes"),
        ("/drip", "more than 0.5 seconds"),
        ("/file", "no http or https address"),
    ],
)
def test_what_cannot_be_fetched_leaves_nothing_behind(shop, fetcher, path, said):
    with pytest.raises(DataError, match=said):
        fetcher.fetch(shop.at + path)
    assert not fetcher.folder.exists()


def test_own_network_is_closed_by_default(shop, tmp_path):
    closed = ImageFetcher(tmp_path / "cache")
    for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "10.1.2.3", "[::ffff:127.0.0.1]"):
        with pytest.raises(DataError, match="private network"):
            closed.fetch(f"http://{host}:{shop.server_port}/a.png")
    assert shop.seen == []


def test_a_redirect_into_the_network_is_refused(shop, tmp_path, monkeypatch):
    # The first address passes for a public one; the one it leads to is looked at all the same.
    resolve = ImageFetcher._resolve
    monkeypatch.setattr(
        ImageFetcher, "_resolve", lambda self, host, port: host if host == "127.0.0.1" else resolve(self, host, port)
    )
    with pytest.raises(DataError, match=r"private network \(169.254.169.254\)"):
        ImageFetcher(tmp_path / "cache").fetch(f"{shop.at}/inside")


def test_the_connection_goes_to_the_address_that_was_checked(shop, tmp_path, monkeypatch):
    looked_up = []

    def changing(host, port, *_, **__):
        looked_up.append(host)
        name_is_first = looked_up == ["shop.example"]
        return [(2, 1, 6, "", (host if host[0].isdigit() else "127.0.0.1" if name_is_first else "10.0.0.1", port))]

    monkeypatch.setattr(remote_images.socket, "getaddrinfo", changing)
    monkeypatch.setattr(remote_images.ipaddress.IPv4Address, "is_global", True)
    fetched = ImageFetcher(tmp_path / "cache").fetch(f"http://shop.example:{shop.server_port}/a.png")
    assert fetched.read_bytes() == png()
    assert looked_up.count("shop.example") == 1


def test_a_catalogue_of_addresses(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "p.csv").write_text(f"product_id,image\n1,{shop.at}/a.png\n2,{shop.at}/absent\n3,{shop.at}/a.png\n")
    catalog = load_data(tmp_path / "p.csv", private_addresses=True)
    assert catalog.table["image"].tolist() == [f"{shop.at}/a.png"] * 2
    assert {Path(path).read_bytes() for path in catalog.image_paths()} == {png()}
    assert catalog.rejected[["row", "column"]].to_numpy().tolist() == [[3, "image"]]
    assert sorted(shop.seen) == ["/a.png", "/absent"]
