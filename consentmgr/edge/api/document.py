"""The document of the API (OpenAPI 3.1): made from the doors themselves when it is first asked for."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from flask_smorest import Api

from consentmgr.edge.api.blueprint import ApiBlueprint
from consentmgr.edge.api.deprecation import tell_deprecation
from consentmgr.edge.api.schemas import ProblemSchema
from consentmgr.edge.api_problems import API_PROBLEMS, MIMETYPE
from consentmgr.edge.idempotency import HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

#: The version of the API, not of the product: a change that could break a client is a new first number and path.
VERSION: Final = "1.0.0"
OPENAPI: Final = "3.1.0"
#: How a key comes with a request; ``staff.api_access`` names its scopes beside it.
SECURITY: Final = "key"

ABOUT: Final = """\
The register of who may be contacted, by which channel, for what, on what legal basis.

All bodies are JSON in UTF-8 with names in snake_case; moments are ISO 8601 with an offset. A field the document does
not know is an error that names it. No personal data stands in an address: whoever looks for a person sends a body.

Each request carries a key, `Authorization: Bearer cmk_…`, whose scopes say what it may do and whose controllers say for
whom. What belongs to another controller is not found (404). Errors are problem documents (RFC 9457). Lists are read page
by page: `next` of an answer is `after` of the next question. A request that acts may carry an `Idempotency-Key`: asked
again with the same key and body within 48 hours it has one effect and gets the same answer.
"""


class ApiDocument(Api):  # type: ignore[misc]  # flask-smorest has no types
    """flask-smorest's, with our problems in its document; errors are told by ``edge.problems`` alone."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask, *, spec_kwargs: dict[str, Any]) -> None:
        self._mounted: list[ApiBlueprint] = []
        self._reading = Lock()
        super().__init__(app, spec_kwargs=spec_kwargs)

    def register_blueprint(self, blueprint: ApiBlueprint, **options: Any) -> None:
        """Mount its views. What the document says of them takes longer, and few who start a server ask for it: it is
        told when ``whole`` is first asked.
        """
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint, **options)
        self._mounted.append(blueprint)

    def whole(self) -> dict[str, Any]:
        """The document of all that was mounted."""
        with self._reading:
            for blueprint in self._mounted:
                blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
                self.spec.tag({"name": blueprint.name, "description": blueprint.description})
            self._mounted.clear()
            told: dict[str, Any] = self.spec.to_dict()
        return told

    def _register_error_handlers(self) -> None:
        """Leave them to ``edge.problems``."""

    def _register_pagination_header(self) -> None:
        """Pages are told by ``edge.paging``, not by this header."""

    def _register_etag_headers(self) -> None:
        """Tags are checked by ``edge.api.etags``; an operation that has them says so itself."""

    def _register_responses(self) -> None:
        content = {MIMETYPE: {"schema": ProblemSchema}}
        components = self.spec.components
        for status, problem in API_PROBLEMS.items():
            if isinstance(status, int):
                told: dict[str, Any] = {"description": f"{problem.title}. {problem.detail}", "content": content}
                if status in (429, 503):
                    told["headers"] = {
                        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
                    }
                components.response(f"Problem{status}", told, lazy=True)
        components.response("Problem", {"description": "A problem of another kind.", "content": content}, lazy=True)


def make_api(app: Flask) -> ApiDocument:
    """The API of this application, with no blueprint yet; ``mount`` adds them."""
    app.config.update(API_TITLE="consentmgr", API_VERSION=VERSION, OPENAPI_VERSION=OPENAPI)
    api = ApiDocument(
        app,
        spec_kwargs={
            "info": {"description": ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "servers": [{"url": "/"}],
        },
    )
    api.spec.components.security_scheme(
        SECURITY,
        {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of the API (`cmk_…`), or an access token of the identity provider where one is set up.",
        },
    )
    api.spec.components.parameter(
        "IdempotencyKey",
        "header",
        {
            "name": HEADER,
            "description": "A name of this request, such as a UUID: asked again with it, it has one effect.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
        },
        lazy=True,
    )
    app.extensions["consentmgr.api"] = api
    tell_deprecation(app)
    return api


def mount(api: ApiDocument, blueprint: ApiBlueprint, mounted_at: str) -> None:
    """Add a blueprint and what its views do to the document."""
    api.register_blueprint(blueprint, url_prefix=mounted_at)


def document(app: Flask) -> Mapping[str, Any]:
    """The whole document, of all blueprints that were mounted."""
    api: ApiDocument = app.extensions["consentmgr.api"]
    return api.whole()
