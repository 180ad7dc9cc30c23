"""Spans: whose children they are, what they tell, and what they do not."""

import pytest

from product_matching.deploy.service.tracing import ENDPOINT, Tracing
from product_matching.errors import MissingExtraError

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans():
    """(provider, spans that were ended)."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter.get_finished_spans


def test_a_search_is_one_span_with_its_stages_below(spans, fresh):
    provider, ended = spans
    with fresh(tracing=Tracing(provider)) as client:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        assert client.post("/v1/search", json={"text": "secret wish"}, headers=headers).status_code == 200
        assert client.post("/v1/search", json={"k": 0}).status_code == 422
        found = {span.name: span for span in ended()}
        first = next(span for span in ended() if span.name == "POST /v1/search")
        assert format(first.context.trace_id, "032x") == TRACE
        assert format(first.parent.span_id, "016x") == PARENT
        assert dict(first.attributes) == {
            "http.request.method": "POST", "http.route": "/v1/search", "http.response.status_code": 200,
        }  # fmt: skip
        for stage in ("embed", "search"):
            assert found[stage].parent.span_id == first.context.span_id
        assert "secret" not in "".join(span.to_json() for span in ended())
        statuses = [span.attributes["http.response.status_code"] for span in ended() if span.name.startswith("POST")]
        assert statuses == [200, 422]


def test_without_a_collector_nothing_is_traced(monkeypatch):
    monkeypatch.delenv(ENDPOINT, raising=False)
    tracing = Tracing.from_environment()
    with tracing.request("GET", {}) as span, tracing.stage("embed"):
        assert span is None
    tracing.tell(span, method="GET", route="/", status=200)
    tracing.close()


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(MissingExtraError, match=r"product-matching\[tracing\]"):
        Tracing.from_environment()
