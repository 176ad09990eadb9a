"""Goes through the desk as a curious member of staff would: from the front page by every link, one page of each kind."""

from __future__ import annotations

from collections import deque
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error
from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import ConsoleMessage, Page, Request, ViewportSize
    from werkzeug.routing import Map

_LINKS = "links => links.map(one => one.href)"


#: One language every time; the words differ in the others, and the pages do not.
IN_TURN = ["fi", *(pytest.param(other, marks=pytest.mark.slow) for other in ("sv", "en"))]
#: WCAG 2.2 AA, and what axe's makers hold to be good practice besides.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


NARROW: ViewportSize = {"width": 320, "height": 640}
WIDE: ViewportSize = {"width": 1280, "height": 900}


class Seen(NamedTuple):
    """A page that is open in the browser: its endpoint, the address it was found at, its status and language."""

    endpoint: str
    url: str
    status: int
    language: str


def endpoint_of(routes: Map, url: str) -> str | None:
    """The endpoint that answers a GET of this address; None for what is not ours."""
    parts = urlsplit(url)
    try:
        return str(routes.bind(parts.netloc).match(parts.path or "/", "GET")[0])
    except HTTPException:
        return None


def pages_of(routes: Map) -> set[str]:
    """The endpoints of the desk that answer a GET."""
    return {
        rule.endpoint
        for rule in routes.iter_rules()
        if rule.rule.startswith("/desk") and "GET" in (rule.methods or ()) and rule.endpoint != "static"
    }


def walk(
    page: Page,
    base: str,
    routes: Map,
    languages: Sequence[str] = ("en",),
    *,
    also: Sequence[str] = (),
    reached: set[str] | None = None,
) -> Iterator[Seen]:
    """Open one page of each endpoint that can be reached, in the languages in turn, and yield it while it is open.

    After what links lead to come the pages whose address is always the same, and those of ``also``. Files to fetch and
    what is no page are passed over; ``reached`` gets their endpoints too.
    """
    waiting = deque([f"{base}/desk/"])
    fixed = [rule.rule for rule in routes.iter_rules() if rule.endpoint in pages_of(routes) and not rule.arguments]
    later = deque(base + path for path in (*also, *sorted(fixed)))
    tried: set[str] = set() if reached is None else reached
    turn = cycle(languages)
    while waiting or later:
        url = (waiting or later).popleft().partition("#")[0]
        endpoint = endpoint_of(routes, url)
        if endpoint is None or endpoint in tried or not url.startswith(f"{base}/desk"):
            continue
        tried.add(endpoint)
        language = next(turn)
        try:
            opened = page.goto(f"{url}{'&' if '?' in url else '?'}lang={language}")
        except Error as error:
            if "Download is starting" not in error.message:
                raise
            continue
        assert opened is not None
        if "text/html" not in opened.headers.get("content-type", ""):
            continue
        links = page.eval_on_selector_all("a[href]", _LINKS)
        yield Seen(endpoint, url, opened.status, language)
        waiting.extend(links)


class Looker:
    """Keeps what is wrong with the pages that are opened. Public pages have no ``scripts``, and answer 404 and 422 on
    purpose, on which the browser remarks.
    """

    def __init__(self, page: Page, host: str, *, scripts: bool = True) -> None:
        self.page, self.host, self.scripts = page, host, scripts
        self.faults: list[str] = []
        page.on("request", self._note)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: self._shown(dialog.message))

    def _note(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self.faults.append(f"{self.page.url}: asks {parts.netloc}")

    def _hear(self, message: ConsoleMessage) -> None:
        meant = not self.scripts and "the server responded with a status of 4" in message.text
        if message.type in ("error", "warning") and not meant:
            self.faults.append(f"{self.page.url}: {message.text}")

    def _shown(self, message: str) -> None:
        self.faults.append(f"{self.page.url}: a dialog says {message}")

    def look(self, name: str, *, rules: bool = True, dark: bool = True, all_rows: bool = True) -> None:
        """Accessibility rules, in the dark its contrasts; then as narrow as a phone gets, or a wide screen at 400 %.

        Without ``rules`` its width alone. Without ``all_rows`` those of a long table that come after its sixth, which are
        made as it is, are not held to the rules: their contrasts are most of the work.
        """
        self.page.wait_for_load_state()
        if rules:
            self._widen(WIDE)
            self._hold_to_rules(name, dark=dark, all_rows=all_rows)
        self._widen(NARROW)
        too_wide = self.page.evaluate("document.documentElement.scrollWidth") - NARROW["width"]
        if too_wide > 0:
            self.faults.append(f"{name}: scrolls sideways by {too_wide} pixels at {NARROW['width']}")
        if not self.scripts and self.page.locator("script").count():
            self.faults.append(f"{name}: holds a script")

    def _widen(self, size: ViewportSize) -> None:
        """It stays as it is for the next page: laying a page out anew is much of the work."""
        if self.page.viewport_size != size:
            self.page.set_viewport_size(size)

    def _hold_to_rules(self, name: str, *, dark: bool, all_rows: bool) -> None:
        looked_at = "document" if all_rows else "{exclude: [['tbody > tr:nth-child(n+7)']]}"
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(Axe().axe_script)
        for scheme, rules in (("light", RULES), ("dark", ["color-contrast"]))[: 1 + dark]:
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            found = self.page.evaluate(
                f"rules => axe.run({looked_at}, {{runOnly: rules, resultTypes: ['violations'], elementRef: false,"
                # What a fault is shown by is its text; no page has sound, for which styles and media would be fetched.
                " selectors: false, preload: false})",
                rules,
            )
            self.faults += [
                f"{name}, {scheme}: {fault['id']}: {node['html'][:140]}"
                for fault in found["violations"]
                for node in fault["nodes"][:3]
            ]
