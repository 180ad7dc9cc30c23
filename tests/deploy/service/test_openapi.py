"""Whatever the OpenAPI description allows, and what it forbids, is answered as described, never by an error of ours."""

from contextlib import nullcontext, suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = pytest.mark.slow
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_answers_as_described(served, method, mode):
    address, key, _ = served
    described = schemathesis.openapi.from_url(f"{address}openapi.json")
    operations = [found.ok() for found in described.get_all_operations()]
    chosen = [operation for operation in operations if operation.method == method]
    assert chosen
    for operation in chosen:
        ask(operation, mode, {"Authorization": f"Bearer {key}"})


def ask(operation, mode, headers):
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    def answered(case):
        case.call_and_validate(headers=headers, checks=CHECKS)

    # What takes nothing cannot be asked wrongly.
    with suppress(Unsatisfiable) if mode is schemathesis.GenerationMode.NEGATIVE else nullcontext():
        answered()
