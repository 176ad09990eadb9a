"""What must be mended in a form, in the words that every page has for it."""

from __future__ import annotations

from flask_babel import gettext


class Faults(dict[str, str]):
    """What must be mended in a form, by the field's name. Empty, all is well."""

    def missing(self, name: str, value: object) -> None:
        """Note a field that must be filled and is not."""
        if not value:
            self.setdefault(name, gettext("Fill in this field."))

    def unchosen(self, name: str, value: str | tuple[str, ...] | None) -> None:
        """Note a list or group of which one must be chosen, or of boxes (a tuple) at least one, and none is."""
        if not value:
            several = isinstance(value, tuple)
            self.setdefault(name, gettext("Choose at least one.") if several else gettext("Choose one."))
