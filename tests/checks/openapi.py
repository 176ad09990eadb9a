"""Holds the API to the document that was published, docs/openapi.json; ``--write`` brings the file up to date.

What would break a client is not written: an operation, a status, a field of an answer that is gone, a field or
parameter of a request that is gone or newly needed, a type that is another one. ``--breaking`` writes it all the same,
for a new version of the API (docs/api.md).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask

from consentmgr.blueprints import BLUEPRINTS
from consentmgr.edge.api.document import document, make_api, mount

TOP = Path(__file__).resolve().parents[2]
PUBLISHED = TOP / "docs" / "openapi.json"
_METHODS = ("get", "post", "put", "delete")


def doors() -> Flask:
    """An application that has the API and nothing else."""
    app = Flask("consentmgr")
    api = make_api(app)
    for row in BLUEPRINTS:
        if row.access == "api":
            module, _, attribute = row.place.partition(":")
            mount(api, getattr(import_module(module), attribute), row.mounted_at)
    return app


def current() -> dict[str, Any]:
    """The document as the doors make it; no database is needed for that."""
    told: dict[str, Any] = json.loads(json.dumps(document(doors()), default=str))
    return told


def text_of(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def faults() -> list[str]:
    """What differs from the published document; empty when nothing does."""
    published, now = json.loads(PUBLISHED.read_text("utf-8")), current()
    broken = list(breaking(published, now))
    if broken:
        return [f"docs/openapi.json: would break clients: {one}" for one in broken]
    if PUBLISHED.read_text("utf-8") != text_of(now):
        return ["docs/openapi.json: not as the doors are; run make openapi"]
    return []


def breaking(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """What a client that keeps to ``before`` would trip over in ``after``."""
    for path, item in before["paths"].items():
        for method in (one for one in _METHODS if one in item):
            name = f"{method.upper()} {path}"
            new = after["paths"].get(path, {}).get(method)
            if new is None:
                yield f"{name} is gone"
                continue
            old = item[method]
            if old["operationId"] != new["operationId"]:
                yield f"{name}: the operationId is another"
            if old.get("security") != new.get("security"):
                yield f"{name}: the scope is another"
            yield from _parameters(name, before, after, (item, old), (after["paths"][path], new))
            yield from _bodies(
                f"{name}, body", (before, old.get("requestBody")), (after, new.get("requestBody")), asked=True
            )
            for status, answer in old["responses"].items():
                if status not in new["responses"]:
                    yield f"{name}: status {status} is gone"
                elif status < "400":
                    yield from _bodies(
                        f"{name}, {status}", (before, answer), (after, new["responses"][status]), asked=False
                    )


def _parameters(
    name: str, before: dict[str, Any], after: dict[str, Any], old: tuple[Any, Any], new: tuple[Any, Any]
) -> Iterator[str]:
    was, now = (
        {
            (one["in"], one["name"]): one
            for holder in holders
            for one in (_of(whole, given) for given in holder.get("parameters", []))
        }
        for whole, holders in ((before, old), (after, new))
    )
    for key, one in was.items():
        if key not in now:
            yield f"{name}: parameter {key[1]} is gone"
        else:
            yield from _schemas(
                f"{name}, parameter {key[1]}", (before, one.get("schema", {})), (after, now[key].get("schema", {})),
                asked=True, depth=0,
            )  # fmt: skip
    for key, one in now.items():
        if one.get("required") and not was.get(key, {}).get("required"):
            yield f"{name}: parameter {key[1]} is needed now"


def _bodies(name: str, old: tuple[Any, Any], new: tuple[Any, Any], *, asked: bool) -> Iterator[str]:
    was, now = (_of(whole, told or {}).get("content", {}) for whole, told in (old, new))
    for media_type, content in was.items():
        if media_type not in now:
            yield f"{name}: media type {media_type} is gone"
        else:
            yield from _schemas(
                name, (old[0], content.get("schema", {})), (new[0], now[media_type].get("schema", {})),
                asked=asked, depth=0,
            )  # fmt: skip
    if asked and not was and _of(new[0], new[1] or {}).get("required"):
        yield f"{name}: is needed now"


def _schemas(name: str, old: tuple[Any, Any], new: tuple[Any, Any], *, asked: bool, depth: int) -> Iterator[str]:
    was, now = _of(*old), _of(*new)
    if depth > 8 or not was:
        return
    types = [{told["type"]} if isinstance(told.get("type"), str) else set(told.get("type", ())) for told in (was, now)]
    if types[0] and types[1] and not (types[0] <= types[1] if asked else types[1] <= types[0]):
        yield f"{name}: the type is another"
    values = [set(map(str, told.get("enum", ()))) for told in (was, now)]
    if asked and values[1] and not values[0] <= values[1]:
        yield f"{name}: a value is taken no more"
    if "items" in was and "items" in now:
        yield from _schemas(f"{name}[]", (old[0], was["items"]), (new[0], now["items"]), asked=asked, depth=depth + 1)
    fields, others = was.get("properties", {}), now.get("properties", {})
    for field, told in fields.items():
        if field in others:
            yield from _schemas(
                f"{name}.{field}", (old[0], told), (new[0], others[field]), asked=asked, depth=depth + 1
            )  # fmt: skip
        elif fields and "properties" in now:
            yield f"{name}.{field} is gone"
    if asked:
        for field in set(now.get("required", ())) - set(was.get("required", ())):
            yield f"{name}.{field} is needed now"
    else:
        for field in (set(was.get("required", ())) & others.keys()) - set(now.get("required", ())):
            yield f"{name}.{field} may be missing now"


def _of(whole: dict[str, Any], told: Any) -> dict[str, Any]:
    """What a reference leads to."""
    while isinstance(told, dict) and "$ref" in told:
        found: Any = whole
        for step in told["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        told = found
    return told if isinstance(told, dict) else {}


def write(*, also_breaking: bool) -> list[str]:
    """Bring the file up to date; what keeps it from being written."""
    now = current()
    if PUBLISHED.exists() and not also_breaking:
        broken = list(breaking(json.loads(PUBLISHED.read_text("utf-8")), now))
        if broken:
            return [f"would break clients: {one}" for one in broken]
    PUBLISHED.write_text(text_of(now), "utf-8")
    return []


if __name__ == "__main__":
    complaints = write(also_breaking="--breaking" in sys.argv) if "--write" in sys.argv else faults()
    sys.stdout.write("".join(f"{complaint}\n" for complaint in complaints) or "openapi: as published\n")
    sys.exit(bool(complaints))
