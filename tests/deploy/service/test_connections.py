"""Over real sockets: who trickles is cut off, and a stop finishes what was taken."""

import asyncio

import pytest

uvicorn = pytest.importorskip("uvicorn")

from product_matching.deploy.service.connections import ImpatientProtocol  # noqa: E402


class Hasty(ImpatientProtocol):
    HEAD_SECONDS = 0.3


async def slow_app(scope, receive, send):
    await asyncio.sleep(0.6)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})


async def with_server(work):
    config = uvicorn.Config(
        slow_app,
        port=0,
        http=Hasty,
        lifespan="off",
        log_config=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        return await work(server, port)
    finally:
        server.should_exit = True
        await running


async def read(port, *parts):
    """What comes until the end, sending each next part once something came, or at once where nothing does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        got = b""
        for part in parts:
            writer.write(part)
            await writer.drain()
            if part == REQUEST:
                while b"done" not in got:
                    got += await asyncio.wait_for(reader.read(1000), 5)
        return got + await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [(), (b"GET / HTTP/1.1\r\n",), (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X-A: b\r\n")],
    ids=["nothing", "line", "head"],
)
def test_a_head_that_does_not_end_is_cut_off(parts):
    assert asyncio.run(with_server(lambda _, port: read(port, *parts))) == b""


def test_a_slow_answer_is_not_cut_off_and_a_slow_second_request_is():
    async def work(_, port):
        return await read(port, REQUEST, b"GET / HT")

    got = asyncio.run(with_server(work))
    assert got.startswith(b"HTTP/1.1 200")
    assert got.endswith(b"done")


def test_a_stop_finishes_what_was_taken():
    async def work(server, port):
        answer = asyncio.ensure_future(read(port, REQUEST.replace(b"a\r", b"b\r")))
        await asyncio.sleep(0.2)
        server.should_exit = True
        return await answer

    assert asyncio.run(with_server(work)).endswith(b"done")
