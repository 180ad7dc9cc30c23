"""The routes joined into a FastAPI application. No other file knows FastAPI."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from product_matching._version import __version__
from product_matching.deploy.service.asking import Asking
from product_matching.deploy.service.bodies import definitions, described
from product_matching.deploy.service.curating import Curating
from product_matching.deploy.service.gate import Gate
from product_matching.deploy.service.keys import Scope, key_of
from product_matching.deploy.service.problems import MEDIA_TYPE, Problem
from product_matching.deploy.service.schemas import (
    EmbedRequest,
    InteractionsRequest,
    Label,
    MatchRequest,
    ProductBody,
    RecommendRequest,
    SearchRequest,
)
from product_matching.deploy.service.shop import Shop
from product_matching.deploy.service.showing import Showing
from product_matching.deploy.service.telling import Telling
from product_matching.errors import ProductMatchingError, TowersError

_logger = logging.getLogger("product_matching.service")
BODIES = [EmbedRequest, InteractionsRequest, Label, MatchRequest, ProductBody, RecommendRequest, SearchRequest]
PROBLEMS = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, text in {
        400: "no form that can be read",
        401: "no key, or none with the scope",
        404: "not there",
        405: "another method",
        413: "too large",
        421: "not the name of this service",
        415: "neither JSON nor a form",
        422: "does not fit",
        429: "too many wait",
        503: "not ready, or too slow",
    }.items()
}


def build_app(shop: Shop) -> FastAPI:
    """The service over a shop."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await shop.start()
        yield
        await shop.close()

    app = FastAPI(title="product-matching", version=__version__, lifespan=life, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, settings=shop.settings, metrics=shop.metrics, keys=shop.keys)
    for kind in (Problem, ProductMatchingError, RequestValidationError, HTTPException, OperationalError):
        app.add_exception_handler(kind, _refuse)
    app.state.shop = shop
    _add_reading(app, Asking(shop), _needs(shop, "search") if shop.settings.search_needs_key else _open)
    _add_writing(app, Telling(shop), _needs(shop, "write"))
    _add_curating(app, Curating(shop), _needs(shop, "write"))
    _add_operating(app, Telling(shop), _needs(shop, "admin"))
    _add_showing(app, Showing(shop))
    plain = app.openapi
    app.openapi = lambda: _complete(plain())
    return app


def _add_reading(app: FastAPI, asking: Asking, guard: Callable) -> None:
    for path, handler, body in (
        ("/v1/search", asking.search, SearchRequest),
        ("/v1/match", asking.match, MatchRequest),
        ("/v1/recommend", asking.recommend, RecommendRequest),
        ("/v1/embed", asking.embed, EmbedRequest),
    ):
        more = {"openapi_extra": described(body, form=body is SearchRequest), "dependencies": [Depends(guard)]}
        app.add_api_route(path, handler, methods=["POST"], responses=PROBLEMS, tags=["ask"], **more)


def _add_writing(app: FastAPI, telling: Telling, guard: Callable) -> None:
    product = "/v1/products/{product_id}"
    for path, handler, method, body in (
        (product, telling.put_product, "PUT", ProductBody),
        (product, telling.delete_product, "DELETE", None),
        ("/v1/interactions", telling.add_interactions, "POST", InteractionsRequest),
    ):
        extra: dict[str, Any] = {"security": [{"key": []}], **(described(body) if body else {})}
        status = 204 if method == "DELETE" else 200
        more = {"openapi_extra": extra, "dependencies": [Depends(guard)], "status_code": status}
        if method == "DELETE":
            more["response_class"] = Response
        app.add_api_route(path, handler, methods=[method], responses=PROBLEMS, tags=["tell"], **more)


def _add_curating(app: FastAPI, curating: Curating, guard: Callable) -> None:
    more: dict[str, Any] = {"dependencies": [Depends(guard)], "responses": PROBLEMS, "tags": ["curate"]}
    key = {"security": [{"key": []}]}
    app.add_api_route("/v1/review", curating.review, openapi_extra=key, **more)
    app.add_api_route("/v1/labels", curating.labels, openapi_extra=key, **more)
    app.add_api_route("/v1/labels", curating.label, methods=["PUT"], openapi_extra={**key, **described(Label)}, **more)
    more["responses"] = {**PROBLEMS, 200: {"content": {"text/csv": {}}}}
    app.add_api_route("/v1/labels.csv", curating.table, response_class=Response, openapi_extra=key, **more)


def _add_operating(app: FastAPI, telling: Telling, guard: Callable) -> None:
    more = {"openapi_extra": {"security": [{"key": []}]}, "dependencies": [Depends(guard)]}
    kept = {409: {**PROBLEMS[404], "description": "the new version failed; the one before goes on"}}
    responses = {**PROBLEMS, **kept}
    app.add_api_route(
        "/v1/admin/reload", telling.reload, methods=["POST"], responses=responses, tags=["operate"], **more
    )


def _add_showing(app: FastAPI, showing: Showing) -> None:
    for path, handler in (("/healthz", showing.healthz), ("/readyz", showing.readyz), ("/v1/about", showing.about)):
        app.add_api_route(path, handler, tags=["operate"])
    image = {"response_class": Response, "responses": {200: {"content": {"image/jpeg": {}}}, 404: PROBLEMS[404]}}
    app.add_api_route("/v1/products/{product_id}/image", showing.image, tags=["ask"], **image)
    for path, handler in (("/metrics", showing.metrics), ("/", showing.page), ("/docs", showing.docs)):
        app.add_api_route(path, handler, include_in_schema=False, response_class=Response)


def _needs(shop: Shop, scope: Scope) -> Callable:
    async def check(request: Request) -> None:
        if not shop.keys.allows(key_of(request.headers), scope):
            raise Problem(
                401,
                f"This needs a key with the scope {scope}, as `Authorization: Bearer KEY`. "
                f"Make one: product-matching serve BUNDLE --new-key NAME --scope {scope}",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check


async def _open() -> None:
    return None


async def _refuse(request: Request, error: Exception) -> Response:
    problem = _problem(error)
    if problem.status == 405:  # routes are one a method, and the first of a path knows only its own
        problem.headers["Allow"] = ", ".join(_methods(request))
    return problem.to_response(getattr(request.state, "request_id", ""))


def _methods(request: Request) -> list[str]:
    matches = [
        route for route in request.app.routes if route.matches({**request.scope, "method": "GET"})[0] != Match.NONE
    ]
    return sorted({method for route in matches for method in getattr(route, "methods", None) or ()})


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, TowersError):
        _logger.error("%s", error)
        return Problem(503, "The encoders do not answer. Send it again.", headers={"Retry-After": "5"})
    if isinstance(error, ProductMatchingError):
        return Problem(422, str(error)[:500])
    if isinstance(error, HTTPException):
        return Problem(error.status_code, str(error.detail)[:500], headers=error.headers)
    if isinstance(error, OperationalError):
        _logger.error("the database does not answer: %s", error.orig)
        detail = "The database does not answer. Send it again: what was written counts once."
        return Problem(503, detail, headers={"Retry-After": "5"})
    return Problem(422, "The request does not fit; /docs describes what does.")


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI with the bodies that the handlers read themselves, the problem, and the key."""
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(definitions(BODIES))
    text = {"type": "string"}
    schemas["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            **dict.fromkeys(("type", "title", "detail", "request_id"), text),
            "status": {"type": "integer"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {"place": text, "message": text}}},
        },
    }
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return schema
