"""Traces for operators (OpenTelemetry): a span for each request, and in it one for each stage."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from product_matching._optional import require

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Environment variable of the OpenTelemetry specification: address of a collector, such as http://collector:4318."""


class Tracing:
    """Spans, or nothing where nobody collects them.

    They hold routes, stages, times and statuses; no texts, pictures, ids or addresses of shoppers.

    Args:
        provider: An OpenTelemetry `TracerProvider`; None: no spans.
    """

    def __init__(self, provider: Any = None) -> None:
        self._provider, self._tracer = provider, None
        if provider is not None:
            self._api = require("opentelemetry.trace", "tracing")
            self._context = require("opentelemetry.propagate", "tracing")
            self._tracer = provider.get_tracer("product_matching")

    @classmethod
    def from_environment(cls) -> Tracing:
        """Sends spans to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, by OTLP over HTTP.

        `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and the others of the specification count too.

        Raises:
            MissingExtraError: If one is named and the extra `tracing` is not installed.
        """
        if not os.environ.get(ENDPOINT):
            return cls()
        sdk = require("opentelemetry.sdk.trace", "tracing")
        resources = require("opentelemetry.sdk.resources", "tracing")
        export = require("opentelemetry.sdk.trace.export", "tracing")
        otlp = require("opentelemetry.exporter.otlp.proto.http.trace_exporter", "tracing")
        named = resources.Resource({"service.name": os.environ.get("OTEL_SERVICE_NAME", "product-matching")})
        provider = sdk.TracerProvider(resource=resources.Resource.create().merge(named))
        provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
        return cls(provider)

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Any]:
        """The span of a request, a child of the one whose `traceparent` it brings; yields it, None without tracing."""
        if self._tracer is None:
            yield None
            return
        parent = self._context.extract(dict(headers))
        kind = self._api.SpanKind.SERVER
        with self._tracer.start_as_current_span(method, context=parent, kind=kind, record_exception=False) as span:
            yield span

    def stage(self, name: str) -> Any:
        """The span of a stage of the present request."""
        return nullcontext() if self._tracer is None else self._tracer.start_as_current_span(name)

    def tell(self, span: Any, *, method: str, route: str, status: int) -> None:
        """Names a request's span, once its route is known, by the conventions for HTTP."""
        if span is None:
            return
        span.update_name(f"{method} {route}")
        for name, value in {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }.items():
            span.set_attribute(name, value)
        if status >= 500:
            span.set_status(self._api.StatusCode.ERROR)

    def close(self) -> None:
        """Sends what is still held."""
        if self._provider is not None:
            self._provider.shutdown()
