"""A register with something in every room of the desk: the demonstration's people, made small, and what staff did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from consentmgr.demo.lists import demo_lists, write_lists
from consentmgr.demo.register import Size, make_register
from consentmgr.kit.clock import local_date

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from consentmgr.demo.register import MadeUpRegister
    from tests.conftest import RunCommand


@dataclass
class Furnished:
    """The made-up people, and where their lists are."""

    register: MadeUpRegister
    lists: Path
    campaign: str

    @property
    def list_file(self) -> Path:
        return self.lists / "newsletter.csv"


def furnish(
    run_command: RunCommand,
    folder: Path,
    now: datetime,
    *,
    size: Size | None = None,
    change: Callable[[MadeUpRegister], MadeUpRegister] | None = None,
) -> Furnished:
    """Import a made-up register, keep its campaigns, screen a list, run an export.

    ``change`` may alter the people that are imported; the lists name them as they were.
    """
    register = make_register(7, local_date(now), size or Size(contacts=220, organisations=40))
    (change(register) if change is not None else register).write(folder / "register.jsonl")
    lists = demo_lists(now, register.today, "fi")
    place = folder / "lists"
    place.mkdir()
    write_lists(register, lists, place)
    with (folder / "campaigns.jsonl").open("wb") as file:
        file.writelines(
            msgspec.json.encode({"type": "campaign", **msgspec.to_builtins(one.campaign)}) + b"\n" for one in lists
        )
    run_command("import", folder / "register.jsonl")
    run_command("import", folder / "campaigns.jsonl")
    first = lists[0]
    run_command("screen", "--campaign", place / first.campaign_file, place / first.file)
    return Furnished(register, place, first.campaign.key)


def renamed(register: MadeUpRegister, names: list[str]) -> MadeUpRegister:
    """The same people and firms under these names, in turn."""
    given = iter(names * (len(register.consumers) * 2 // len(names) + 2))
    return replace(
        register,
        consumers=tuple(
            msgspec.structs.replace(one, given_name=next(given), family_name=next(given)) for one in register.consumers
        ),
        organisations=tuple(msgspec.structs.replace(one, name=next(given)) for one in register.organisations),
    )
