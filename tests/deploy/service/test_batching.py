import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from product_matching.deploy.service.batching import Batcher
from product_matching.deploy.service.cache import RecentCache, content_key
from product_matching.deploy.service.problems import Problem
from product_matching.errors import DataError


def doubled(items):
    if "bad" in items:
        raise DataError("bad")
    return np.array([[2.0 * item] for item in items])


async def run_with(run, work, **options):
    sizes = []
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(run, executor=executor, observe=sizes.append, **options)
        batcher.start()
        try:
            return await work(batcher), sizes
        finally:
            await batcher.close()


def test_many_share_a_pass_and_each_gets_its_own():
    async def work(batcher):
        return await asyncio.gather(*(batcher.submit(number) for number in range(20)))

    rows, sizes = asyncio.run(run_with(doubled, work, max_batch=8))
    assert [row[0] for row in rows] == [2.0 * number for number in range(20)]
    assert sizes == [8, 8, 4]


def test_one_that_cannot_be_read_costs_only_itself():
    async def work(batcher):
        return await asyncio.gather(*(batcher.submit(item) for item in (1, "bad", 3)), return_exceptions=True)

    (one, bad, three), _ = asyncio.run(run_with(doubled, work))
    assert (one[0], three[0]) == (2.0, 6.0)
    assert isinstance(bad, DataError)


def test_a_full_queue_refuses_and_closing_finishes_what_was_taken():
    go = threading.Event()

    def slow(items):
        go.wait(10)
        return doubled(items)

    async def work(batcher):
        first = asyncio.ensure_future(batcher.submit(0))
        await asyncio.sleep(0.05)
        waiting = [asyncio.ensure_future(batcher.submit(number)) for number in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await batcher.submit(3)
        assert refused.value.status == 429
        assert refused.value.headers["Retry-After"]
        go.set()
        await batcher.close()
        return [(await task)[0] for task in (first, *waiting)]

    async def whole():
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(slow, executor=executor, max_batch=1, max_queue=2)
            batcher.start()
            return await work(batcher)

    assert asyncio.run(whole()) == [0.0, 2.0, 4.0]


def test_who_gave_up_is_left_out():
    async def work(batcher):
        task = asyncio.ensure_future(batcher.submit(1))
        await asyncio.sleep(0)
        task.cancel()
        return await batcher.submit(2)

    row, sizes = asyncio.run(run_with(doubled, work))
    assert row[0] == 4.0
    assert sizes == [1]


def test_the_service_batches_and_gives_the_same_vectors(client):
    texts = [f"mug number {number}" for number in range(24)]
    single = [
        client.post("/v1/embed", json={"items": [{"text": text + " "}]}).json()["embeddings"][0] for text in texts
    ]
    together = client.post("/v1/embed", json={"items": [{"text": text} for text in texts]}).json()["embeddings"]
    np.testing.assert_allclose(together, single, atol=1e-5)
    assert 'product_matching_batch_size_bucket{kind="text",le="1.0"}' in client.get("/metrics").text


def test_the_cache_forgets_what_was_not_asked_for_the_longest():
    cache = RecentCache(2)
    cache.put(b"a", 1)
    cache.put(b"b", 2)
    assert cache.get(b"a") == 1
    cache.put(b"c", 3)
    assert (cache.get(b"a"), cache.get(b"b"), cache.get(b"c")) == (1, None, 3)
    assert (cache.hits, cache.misses) == (3, 1)
    assert content_key(["ab", ""]) != content_key(["a", "b"])
