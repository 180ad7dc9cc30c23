import doctest

import pytest

from product_matching.deploy.service import add_key, admission
from product_matching.deploy.service.admission import LOOPBACK, Hosts, RateLimit, client_of
from product_matching.deploy.service.problems import Problem


def test_the_examples_are_true():
    assert doctest.testmod(admission).failed == 0


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "localhost."])
def test_this_machine_is_let_in(host):
    assert Hosts(LOOPBACK).allow(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "a@b"]
)
def test_other_names_are_not(host):
    assert not Hosts(LOOPBACK).allow(host)


def test_names_below_and_addresses_of_every_interface():
    hosts = Hosts(["*.shop.example", "0.0.0.0"])
    assert hosts.allow("a.b.shop.example:80")
    assert hosts.allow("192.168.1.7:8000")
    assert hosts.allow("[2001:db8::1]")
    assert not hosts.allow("shop.example")
    assert not hosts.allow("xshop.example")
    assert Hosts(["*"]).allow("whatever")


def test_a_client_has_its_rate_and_ten_seconds_of_it_at_once():
    now = [0.0]
    limit = RateLimit(2.0, clock=lambda: now[0])

    def taken(client):
        try:
            limit.take(client)
        except Problem as problem:
            assert problem.status == 429
            return int(problem.headers["Retry-After"])
        return 0

    assert [taken("a") for _ in range(20)] == [0] * 20
    assert taken("a") == 1
    assert taken("b") == 0, "others are not to blame"
    now[0] += 1.0
    assert [taken("a") for _ in range(3)] == [0, 0, 1]
    now[0] += 1e6
    assert [taken("a") for _ in range(21)] == [0] * 20 + [1], "silence is not saved up"


def test_one_customer_of_ipv6_is_one_client():
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1") != client_of("2001:db8:0:1::1")
    assert client_of("192.0.2.1") != client_of("192.0.2.2")
    assert client_of("fe80::1%eth0") == "fe80::/64"


def test_another_name_for_this_machine_is_refused(client):
    answer = client.get("/v1/about", headers={"Host": "rebound.example"})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert "--allowed-host" in answer.json()["detail"]
    assert "rebound" not in answer.text


def test_too_fast_is_429_by_key_and_not_for_who_operates_it(fresh, tmp_path):
    keys = [add_key(tmp_path, name, ["search"]) for name in "ab"]
    with fresh(rate=0.1) as client:
        statuses = [client.get("/v1/about").status_code for _ in range(3)]
        assert statuses == [200, 429, 429]
        assert int(client.get("/v1/about").headers["retry-after"]) > 1
        assert client.get("/v1/about", headers={"X-API-Key": "guessed"}).status_code == 429
        assert [client.get("/v1/about", headers={"X-API-Key": key}).status_code for key in keys * 2] == [
            200,
            200,
            429,
            429,
        ]
        assert {client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")} == {200}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PATCH", "/v1/search", 405), ("GET", "/v1/admin/reload", 405), ("POST", "/", 405)],
)
def test_every_refusal_is_a_problem(client, method, path, status):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert status != 405 or answer.headers["allow"]
