"""The order in which decision cases are asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask one after another the cases that ask the same at the same time: the plan of a question is then made by one
    worker alone, and once. Making it takes ten times as long as answering. Which come first stays as random as it was.
    """
    cases: dict[int, dict[str, Any]] = {}
    for place, item in enumerate(items):
        if getattr(item, "originalname", "") == "test_the_product_answers_as_the_case_expects":
            cases[place] = item.callspec.params["case"]  # type: ignore[attr-defined]
    alike: dict[str, list[pytest.Item]] = {}
    for place, case in cases.items():
        alike.setdefault(_question(case), []).append(items[place])
    together = [item for group in alike.values() for item in group]
    for place, item in zip(cases, together, strict=True):
        items[place] = item


def _question(case: dict[str, Any]) -> str:
    """What one plan answers: the campaign whatever its name, the policy and the day."""
    campaign = {name: value for name, value in case["campaign"].items() if name not in ("key", "name", "planned_at")}
    return json.dumps([campaign, case.get("policy"), case["now"][:10], sorted(case["row"])], sort_keys=True)
