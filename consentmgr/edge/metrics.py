"""What is counted for Prometheus, and never per person: names of routes, campaigns, jobs, and outcomes.

Counting changes nothing in the database, so even a GET may be counted. Where several processes serve, the variable
``PROMETHEUS_MULTIPROC_DIR`` names a folder in which they add up their numbers (see docs/running.md).
"""

from __future__ import annotations

import os
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from flask import request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from consentmgr.edge.logs import milliseconds
from consentmgr.kit.errors import Unavailable

if TYPE_CHECKING:
    from flask import Flask, Response

requests: Final = Counter("consentmgr_requests", "Requests answered.", ["endpoint", "method", "status"])
request_seconds: Final = Histogram(
    "consentmgr_request_seconds",
    "Time to answer a request.",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10),
)
link_views: Final = Counter(
    "consentmgr_link_views",
    "Links that were opened and nothing else: by people, and by mail scanners.",
    ["use", "campaign"],
)
link_acts: Final = Counter(
    "consentmgr_link_acts",
    "What was done by links (leave, one_click, undo, preferences, confirm).",
    ["act", "campaign"],
)
bad_links: Final = Counter("consentmgr_bad_links", "Links that were not ours, or not whole.", ["use"])
mails: Final = Counter(
    "consentmgr_mails", "Mails by outcome (sent, retried, given_up, refused).", ["template", "outcome"]
)
replies: Final = Counter("consentmgr_replies", "Messages read from the mailbox, by what they were taken for.", ["kind"])
webhook_messages: Final = Counter(
    "consentmgr_webhook_messages",
    "Attempts to post a change, by endpoint and outcome (taken, failed, given_up).",
    ["endpoint", "outcome"],
)
sender_events: Final = Counter(
    "consentmgr_sender_events", "Events that sending services told of, by what they were taken for.", ["sender", "act"]
)
job_runs: Final = Counter(
    "consentmgr_job_runs", "Runs of timed work, by outcome (done, failed, died).", ["job", "outcome"]
)
job_seconds: Final = Histogram(
    "consentmgr_job_seconds", "Time a run of timed work takes.", ["job"], buckets=(0.1, 1, 10, 60, 600, 3600)
)
job_finished: Final = Gauge(
    "consentmgr_job_last_finished_timestamp_seconds",
    "When timed work last ended well.",
    ["job"],
    multiprocess_mode="mostrecent",
)

#: Campaigns told apart in one process; a campaign's key comes from a signed link, but years of them add up.
MOST_CAMPAIGNS: Final = 1_000
_campaigns: set[str] = set()
_campaigns_lock: Final = Lock()


def campaign_label(campaign: str | None) -> str:
    """The label a campaign is counted under: its key, ``none``, or ``other`` once there are very many."""
    if campaign is None:
        return "none"
    if campaign in _campaigns:
        return campaign
    with _campaigns_lock:
        if len(_campaigns) >= MOST_CAMPAIGNS:
            return "other"
        _campaigns.add(campaign)
    return campaign


def count_requests(app: Flask) -> None:
    """Count every answer by the route's name."""

    @app.after_request
    def _count(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        method = request.method if request.method in ("GET", "HEAD", "POST", "OPTIONS") else "OTHER"
        _counted(endpoint, method, response.status_code).inc()
        _timed(endpoint).observe(milliseconds() / 1000)
        return response


@lru_cache(maxsize=4_096)
def _counted(endpoint: str, method: str, status: int) -> Counter:
    """The counter of these labels, which is looked up with each answer."""
    return requests.labels(endpoint, method, str(status))


@lru_cache(maxsize=1_024)
def _timed(endpoint: str) -> Histogram:
    return request_seconds.labels(endpoint)


def serve_metrics(host: str, port: int) -> None:
    """Answer Prometheus at a loopback address, from a thread of its own that ends with the process."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise Unavailable(f"the metrics cannot be at {host}:{port}: {error.strerror}") from None
