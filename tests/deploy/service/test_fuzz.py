"""Whatever is sent to whatever OpenAPI lists, the service answers as it says it does, and never with a failure.

Requests are drawn from the schema itself, some of their parts then replaced by others.
"""

import json
import re
from urllib.parse import quote

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from product_matching.deploy.service import Settings, add_key, create_app

STRANGE = ["", " ", "\x00", "\ud800", "../../etc/passwd", "鞋", "a" * 3000, "price<1", "%00", "1e999", "null", "‮", "|"]
USUAL = ["mug", "P00001", "colour=red", "colour"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(STRANGE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


class Drawing:
    """Values of the schemas of an OpenAPI document."""

    def __init__(self, document, pictures):
        self.document, self.pictures = document, pictures

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def values(self, schema):
        """Those that fit, or nearly so."""
        schema = self.resolve(schema)
        if "anyOf" in schema or "oneOf" in schema:
            return st.one_of(*map(self.spoiled, schema.get("anyOf") or schema["oneOf"]))
        if "const" in schema or "enum" in schema:
            return st.sampled_from(schema.get("enum", [schema.get("const")]))
        return getattr(self, schema.get("type", "any"))(schema)

    def spoiled(self, schema):
        """One in thirty is something else."""
        return st.integers(0, 29).flatmap(lambda dice: self.values(schema) if dice else anything)

    def any(self, schema):
        return anything

    def null(self, schema):
        return st.none()

    def boolean(self, schema):
        return st.booleans()

    def integer(self, schema):
        least, most = schema.get("minimum", -(2**70)), schema.get("maximum", 2**70)
        return st.integers(int(least), int(most)) | st.sampled_from([least, most])

    def number(self, schema):
        least, most = schema.get("minimum"), schema.get("maximum")
        return st.floats(least, most, allow_nan=False) | st.sampled_from([0, 1, least or 0, most or 1e300])

    def string(self, schema):
        if schema.get("contentEncoding") == "base64":
            return st.sampled_from(self.pictures)
        shortest, longest = schema.get("minLength", 0), min(schema.get("maxLength", 40), 40)
        texts = st.text(min_size=shortest, max_size=longest) | st.sampled_from(USUAL + STRANGE)
        return texts | st.from_regex(schema["pattern"]) if "pattern" in schema else texts

    def array(self, schema):
        return st.lists(self.spoiled(schema.get("items", {})), max_size=min(schema.get("maxItems", 4), 4))

    def object(self, schema):
        fields = schema.get("properties", {})
        wanted = {name: self.spoiled(part) for name, part in fields.items() if name in schema.get("required", ())}
        more = {name: self.spoiled(part) for name, part in fields.items() if name not in wanted}
        made = st.fixed_dictionaries(wanted, optional=more)
        if schema.get("additionalProperties"):
            inner = self.values(schema["additionalProperties"]) if fields == {} else anything
            return st.dictionaries(st.text(max_size=8) | st.just("colour"), inner, max_size=3)
        return made

    def bodies(self, schema):
        """As sent: JSON, sometimes no JSON."""
        return st.one_of(self.spoiled(schema).map(json.dumps).map(str.encode), st.binary(max_size=40))


@pytest.fixture(scope="module")
def fuzzed(with_recommender, tmp_path_factory):
    """(client, OpenAPI document, headers) of a service that is written to at will."""
    state = tmp_path_factory.mktemp("fuzzed")
    headers = {"X-API-Key": add_key(state, "all", ["search", "write", "admin"])}
    with TestClient(create_app(with_recommender, Settings(state)), base_url="http://localhost") as client:
        yield client, client.get("/openapi.json").json(), headers


def operations(document):
    """(path, method, operation) of each."""
    return [(path, method, found) for path, there in document["paths"].items() for method, found in there.items()]


def fitting(drawing, operation, answer):
    """Whether an answer is one that the document announces."""
    known = operation["responses"].get(str(answer.status_code))
    assert known is not None, f"{answer.status_code} is not announced"
    content = known.get("content", {}).get(answer.headers.get("content-type", "").partition(";")[0], {})
    if content.get("schema"):
        defined = {"components": drawing.document["components"]}
        jsonschema.Draft202012Validator({**content["schema"], **defined}).validate(answer.json())


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_sent_is_answered_as_announced(fuzzed, picture_texts, data):
    client, document, headers = fuzzed
    drawing = Drawing(document, picture_texts)
    path, method, operation = data.draw(st.sampled_from(operations(document)))
    ids = st.text(min_size=1, max_size=20) | st.sampled_from(["P00001", "P00002", *STRANGE[1:]])
    for name in re.findall("{(.+?)}", path):
        path = path.replace(f"{{{name}}}", quote(data.draw(ids).encode("utf-8", "surrogatepass"), safe=""))
    asked = {part["name"]: part["schema"] for part in operation.get("parameters", []) if part["in"] == "query"}
    query = {name: data.draw(drawing.spoiled(schema)) for name, schema in asked.items() if data.draw(st.booleans())}
    query = {name: str(value).encode("utf-8", "surrogatepass") for name, value in query.items()}
    path += "?" * bool(query) + "&".join(f"{name}={quote(value)}" for name, value in query.items())
    body = {}
    if sent := operation.get("requestBody"):
        content = sent["content"]["application/json"]["schema"]
        kind = data.draw(st.sampled_from(["application/json"] * 9 + ["text/plain", "multipart/form-data; boundary=x"]))
        body = {"content": data.draw(drawing.bodies(content)), "headers": {"content-type": kind}}
    body["headers"] = body.get("headers", {}) | (headers if data.draw(st.integers(0, 9)) else {})
    answer = client.request(method, path, **body)
    assert answer.status_code < 500, answer.text
    if path.count("/") == document_path(operation, document).count("/"):
        fitting(drawing, operation, answer)


def document_path(operation, document):
    return next(path for path, _, found in operations(document) if found is operation)


@pytest.fixture(scope="module")
def picture_texts(picture):
    import base64

    whole = base64.b64encode(picture).decode()
    return [whole, whole, whole[: len(whole) // 8 * 4], "", "%", "data:image/png;base64," + whole]
