"""docs/running.md names what is there: metrics, settings, commands, paths."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from consentmgr.cli import COMMANDS
from consentmgr.config import VARIABLES
from consentmgr.edge import metrics
from consentmgr.scheduler import jobs_group

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "running.md").read_text(encoding="utf-8")


def test_every_metric_is_described_with_its_labels() -> None:
    described = {
        name.removesuffix("_total"): set(labels.split(",")) if labels else set()
        for name, labels in re.findall(r"`(consentmgr_[a-z_]+)(?:\{([a-z,]+)\})?`", PAGE)
    }
    ours = {metric.name: metric for metric in REGISTRY.collect() if metric.name.startswith("consentmgr_")}
    assert set(described) <= set(ours)
    assert set(ours) - set(described) <= {"consentmgr_job_seconds"}
    for name, labels in described.items():
        declared = next(
            one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase) and one._name == name
        )
        assert not labels or labels == set(declared._labelnames), name


def test_every_setting_and_command_is_there() -> None:
    assert set(re.findall(r"CONSENTMGR_[A-Z_]*[A-Z]", PAGE)) <= {name for name, _ in VARIABLES}
    used = set(re.findall(r"consentmgr (serve|init|jobs \w+|status)", PAGE))
    assert {name.split()[0] for name in used} <= {row.name for row in COMMANDS}
    assert {name.split()[1] for name in used if " " in name} <= set(jobs_group.commands)
