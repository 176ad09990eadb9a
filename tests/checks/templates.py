"""Holds that every template parses, and that no page carries a script or style of its own for the browser.

The pages' content security policy allows neither, so such a template would be broken without any test noticing. Pages
of the desk name scripts that lie under ``static``; pages for the public do not even that.
A report that people keep as a file (``*.report.html``) stands alone and may carry its style, but no script either.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError

TOP = Path(__file__).resolve().parents[2]
SCRIPT = re.compile(r"<script\b|\bon[a-z]+\s*=\s*[\"']|javascript:", re.IGNORECASE)
SCRIPT_OF_THE_DESK = re.compile(
    r"<script src=\"\{\{ url_for\('static', filename='desk/[\w./]+\.js'\) \}\}\" defer></script>"
)
#: Rooms whose pages only staff see.
OF_STAFF = ("desk", "staff")
STYLE = re.compile(r"<style\b|\bstyle\s*=\s*[\"']", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//", re.IGNORECASE)


def faults(folder: Path = TOP / "templates") -> list[str]:
    """One sentence for each fault; empty when all is well."""
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    found = []
    for path in sorted(folder.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        try:
            environment.parse(text)
        except TemplateSyntaxError as error:
            found.append(f"{path}:{error.lineno}: {error.message}")
        carried = SCRIPT_OF_THE_DESK.sub("", text) if path.relative_to(folder).parts[0] in OF_STAFF else text
        if SCRIPT.search(carried):
            found.append(f"{path}: a script in the page")
        if not path.name.endswith("report.html"):
            if STYLE.search(text):
                found.append(f"{path}: style in the page; it belongs in static/")
        if ELSEWHERE.search(text):
            found.append(f"{path}: loads or links something from another host")
    return found


if __name__ == "__main__":
    complaints = faults()
    sys.stdout.write("".join(f"{complaint}\n" for complaint in complaints) or "templates: in order\n")
    sys.exit(bool(complaints))
