"""From the bytes of a request to a typed body: JSON, or a form with an upload."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from starlette.requests import Request

from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.schemas import Model

M = TypeVar("M", bound=BaseModel)
JSON, FORM = "application/json", "multipart/form-data"
LISTS = ("filters", "tags", "history")
SHOWN_ERRORS = 10
REFERENCE = "#/components/schemas/{model}"


async def read_body(request: Request, model: type[M]) -> M:
    """Reads the body of a request.

    Raises:
        Problem: 415 if it is neither JSON nor a form, 422 if it does not fit the model.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == JSON:
            return model.model_validate_json(await request.body(), strict=True)
        if kind == FORM:
            return model.model_validate(await _form(request))
    except ValidationError as error:
        raise _refused(error) from error
    raise Problem(415, f"Send {JSON}, or {FORM} with the picture as the file `image`.")


async def _form(request: Request) -> dict[str, Any]:
    """The fields of a form; a list is a field given several times."""
    fields: dict[str, Any] = {}
    async with request.form(max_files=1, max_fields=100, max_part_size=1 << 20) as form:
        for name, value in form.multi_items():
            content = value if isinstance(value, str) else await value.read()
            if name == "image" and isinstance(content, str):
                raise Problem(422, "In a form, image is a file.")
            if name in LISTS:
                fields.setdefault(name, []).append(content)
            else:
                fields[name] = content
    return fields


def described(model: type[Model], *, form: bool = False) -> dict[str, Any]:
    """What OpenAPI says of a body."""
    reference = {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}
    content = {JSON: dict(reference)}
    if examples := model.model_config.get("json_schema_extra", {}).get("examples"):
        content[JSON]["examples"] = {f"example {place}": {"value": value} for place, value in enumerate(examples, 1)}
    if form:
        content[FORM] = reference
    return {"requestBody": {"required": True, "content": content}}


def definitions(models: list[type[Model]]) -> dict[str, Any]:
    """The schemas of bodies, for `components` of OpenAPI."""
    wanted = [(model, "validation") for model in models]
    return models_json_schema(wanted, ref_template=REFERENCE)[1].get("$defs", {})


def _refused(error: ValidationError) -> Problem:
    """Names the places; never repeats what was sent, which may be long or private."""
    found = error.errors(include_input=False, include_url=False, include_context=False)[:SHOWN_ERRORS]
    errors = [
        {"place": ".".join(str(part)[:64] for part in item["loc"][:8]), "message": item["msg"][:300]} for item in found
    ]
    first = errors[0]
    where = f"{first['place']}: " if first["place"] else ""
    return Problem(422, f"The body does not fit: {where}{first['message']}.", errors=errors)
