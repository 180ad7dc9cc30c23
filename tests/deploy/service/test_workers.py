"""Two processes on one port."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from types import SimpleNamespace

import pytest

from product_matching.cli import main
from product_matching.deploy.service import Settings, add_key, run_service, supervisor
from product_matching.deploy.service.supervisor import Supervisor
from product_matching.errors import ConfigError

pytestmark = pytest.mark.slow

MUG = {"title": "zebra striped mug", "attributes": {"glaze": "matt"}}


def ask(address, path, method="GET", body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers |= {"Content-Type": "application/json", "Connection": "close"}  # each connection may meet another worker
    request = urllib.request.Request(address + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def until(condition, seconds=400):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not become so")


def products(address):
    """How many products each process finds."""
    pattern = r'^product_matching_index_products{pid="(\d+)"} (\S+)$'
    found = re.findall(pattern, ask(address, "metrics"), re.MULTILINE)
    return {int(pid): float(value) for pid, value in found}


@pytest.mark.timeout(900)  # two processes load the model
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no signals")
def test_workers_share_a_port_and_what_was_written(tiny_bundle, tmp_path):
    key = add_key(tmp_path, "w", ["write"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "product_matching", "serve", str(tiny_bundle), "--workers", "2"]
    command += ["--port", str(port), "--state", str(tmp_path), "--json"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        told = json.loads(process.stdout.readline())
        assert told["state"] == str(tmp_path)
        address = told["address"]
        pids = until(lambda: 0.0 not in (found := products(address)).values() and len(found) == 2 and found)
        (before,) = set(pids.values())
        ask(address, "v1/products/zebra", "PUT", MUG, Authorization=f"Bearer {key}")
        assert until(lambda: list(products(address).values()) == [before + 1] * 2, 120)
        for _ in range(10):
            found = json.loads(ask(address, "v1/search", "POST", {"text": "mug", "filters": ["glaze=matt"]}))
            assert [hit["product_id"] for hit in found["results"]] == ["zebra"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(180) == 0, (tmp_path / "log").read_text()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_cannot_be_is_told(tiny_bundle, tmp_path, capsys):
    assert main(["serve", str(tiny_bundle), "--workers", "0"]) == 2
    assert "--workers takes a number from 1 to 64; got 0" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="follow"):
        run_service(tiny_bundle, Settings(tmp_path, follow=0), workers=2)


class Worker:
    def __init__(self, config=None, sockets=None, code=None):
        self.exitcode, self.pid, self.started = code, 1, False
        self.process = SimpleNamespace(is_alive=lambda: code is None)

    def start(self):
        self.started = True


def test_a_worker_that_cannot_start_ends_the_service_at_first_only(monkeypatch):
    monkeypatch.setattr(supervisor, "Process", Worker)
    clock = [100.0]
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    one = Supervisor.__new__(Supervisor)  # without its handlers of signals
    one.config, one.sockets, one.should_exit = None, [], threading.Event()
    one._opened, one._again = threading.Event(), 0.0
    one.processes = [Worker(), Worker(code=3)]
    one.keep_subprocess_alive()
    assert one.should_exit.is_set()
    one.should_exit.clear()
    one._opened.set()
    one.keep_subprocess_alive()
    assert not one.should_exit.is_set()
    assert [worker.started for worker in one.processes] == [False, True]
    one.processes[0] = Worker(code=-9)
    one.keep_subprocess_alive()  # not so soon again
    assert not one.processes[0].started
    clock[0] += supervisor.PAUSE
    one.keep_subprocess_alive()
    assert one.processes[0].started
