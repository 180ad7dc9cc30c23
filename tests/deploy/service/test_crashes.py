"""kill -9 while products and events are written: what was acknowledged is there, once, and search agrees."""

import random
import signal
import subprocess
import sys

from product_matching.deploy.service.store import Store

WRITER = """
import sys, numpy as np
from product_matching.deploy.service.store import Store
from product_matching.deploy.service.stored_product import StoredProduct
store, life = Store(__import__("pathlib").Path(sys.argv[1])), sys.argv[2]
for step in range(10**6):
    name = f"crash{step % 7}"
    if step % 5 == 4:
        store.put(StoredProduct(name, deleted=True))
        print("gone", name, 0, flush=True)
    else:
        fields = {"title": f"crashing mug {name}", "description": "", "tags": "", "version": int(life) * 10**6 + step}
        store.put(StoredProduct(name, fields, vector=np.ones(4, np.float32), model="another"))
        print("put", name, fields["version"], flush=True)
    event = f"{life}-{step}"
    row = {"user_id": "U1", "product_id": name, "timestamp": float(step), "event": "view", "weight": 1.0}
    store.add_interactions([{**row, "event_id": event}])
    print("event", event, 0, flush=True)
"""


def test_acknowledged_writes_outlive_kill_9(fresh, tmp_path):
    draw, products, events = random.Random(0), {}, []
    for life in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(life)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            # Killed after so many answers, not so many seconds, which a busy machine stretches.
            lines = [process.stdout.readline() for _ in range(draw.randrange(30, 90))]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout
        for kind, name, version in (line.split() for line in lines if line.endswith("\n")):
            if kind == "event":
                events.append(name)
            else:
                products[name] = None if kind == "gone" else int(version)
    store = Store(tmp_path)
    kept = {product.product_id: None if product.deleted else product.fields["version"] for product in store.products()}
    rows = [row["event_id"].removeprefix("given-") for row in store.interactions()]
    store.close()
    assert len(events) > 20
    assert set(events) <= set(rows)
    assert len(rows) == len(set(rows)) <= len(events) + 4
    # The write that was at hand may have been kept without an answer.
    assert sum(kept[name] != version for name, version in products.items()) <= 1
    with fresh() as client:
        body = {"text": "crashing mug", "k": 100, "filters": ["version>=0"]}
        found = client.post("/v1/search", json=body).json()["results"]
        versions = {hit["product_id"]: hit["attributes"]["version"] for hit in found}
        assert versions == {name: version for name, version in kept.items() if version is not None}
        assert len(found) == len(versions)
