"""The keys of links: the newest signs, old ones verify for years, a leaked one is good for leaving alone."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import LinkKeyState, distrust_link_key, load_link_keys, make_missing_keys, rotate_link_key
from consentmgr.kit.errors import NotFound, Unavailable, UnsafeSetting
from consentmgr.preferences import offline_minting
from consentmgr.preferences.links import Link, LinkUse, leave_url, link_keys, preference_url
from tests.conftest import RunCommand

TODAY = date(2026, 11, 2)
LINK = Link(LinkUse.LEAVE, "acme", 4711, "email", UUID(int=7), "email", "topic", "news", "autumn")
LINKS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "links.md"


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    """An installation of nothing but keys."""
    settings = Settings(data_folder=tmp_path / "data")
    make_missing_keys(settings)
    return settings


def states(settings: Settings) -> list[LinkKeyState]:
    return [key.state for key in load_link_keys(settings)]


def test_a_file_of_one_secret_is_a_list_of_one(alone: Settings) -> None:
    (key,) = load_link_keys(alone)
    assert key.state is LinkKeyState.CURRENT
    assert key.since == datetime.now(UTC).date()
    assert re.fullmatch(r"[0-9a-f]{8}", key.id)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies(alone: Settings) -> None:
    keys = link_keys(alone)
    before = keys.mint(LINK)
    fresh = rotate_link_key(alone, today=TODAY)
    assert states(alone) == [LinkKeyState.OLD, LinkKeyState.CURRENT]
    assert load_link_keys(alone)[-1].since == TODAY
    assert load_link_keys(alone)[-1] == fresh
    after = keys.mint(LINK)
    assert after != before
    for reader in (keys, link_keys(alone)):
        assert reader.open(LinkUse.LEAVE, before) == LINK
        assert reader.open(LinkUse.LEAVE, after) == LINK


def test_a_distrusted_key_opens_links_marked_so_and_signs_nothing(alone: Settings) -> None:
    keys = link_keys(alone)
    token, part = keys.mint(LINK), keys.mail_local_part(LINK)
    fresh = distrust_link_key(alone, load_link_keys(alone)[0].id, today=TODAY)
    assert fresh is not None
    assert states(alone) == [LinkKeyState.DISTRUSTED, LinkKeyState.CURRENT]
    assert keys.open(LinkUse.LEAVE, token).distrusted
    assert not keys.open(LinkUse.LEAVE, keys.mint(LINK)).distrusted
    assert keys.mail_local_part(LINK) != part


def test_distrusting_an_old_key_leaves_the_current_one(alone: Settings) -> None:
    old = load_link_keys(alone)[0].id
    rotate_link_key(alone, today=TODAY)
    assert distrust_link_key(alone, old, today=TODAY) is None
    assert distrust_link_key(alone, old, today=TODAY) is None
    assert states(alone) == [LinkKeyState.DISTRUSTED, LinkKeyState.CURRENT]
    with pytest.raises(NotFound):
        distrust_link_key(alone, "00000000", today=TODAY)


def test_the_list_is_its_owners_alone_and_never_half_written(alone: Settings) -> None:
    path = alone.keys_folder / "link.key"
    for _ in range(3):
        rotate_link_key(alone, today=TODAY)
        assert path.stat().st_mode & 0o777 == 0o600
    assert not [
        left for left in alone.keys_folder.iterdir() if left.name.startswith(".link.key.") and "lock" not in left.name
    ]
    assert len(load_link_keys(alone)) == 4


def test_many_that_rotate_at_once_lose_no_key(alone: Settings) -> None:
    script = (
        "import sys; from datetime import date; from pathlib import Path; from consentmgr.config import Settings;"
        "from consentmgr.keys import rotate_link_key; rotate_link_key(Settings(Path(sys.argv[1])), today=date(2026, 1, 1))"
    )
    root = Path(__file__).resolve().parents[2]
    running = [subprocess.Popen([sys.executable, "-c", script, str(alone.data_folder)], cwd=root) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert len(load_link_keys(alone)) == 5


def test_keys_of_the_environment_are_oldest_first(alone: Settings) -> None:
    one, two, three = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3))
    told = Settings(alone.data_folder, secrets={"CONSENTMGR_LINK_SECRET": f"{one}, distrusted:{two} ,{three}"})
    assert states(told) == [LinkKeyState.OLD, LinkKeyState.DISTRUSTED, LinkKeyState.CURRENT]
    earlier = Settings(alone.data_folder, secrets={"CONSENTMGR_LINK_SECRET": one})
    assert link_keys(told).open(LinkUse.LEAVE, link_keys(earlier).mint(LINK)) == LINK
    last_leaked = Settings(alone.data_folder, secrets={"CONSENTMGR_LINK_SECRET": f"{one},distrusted:{three}"})
    assert states(last_leaked) == [LinkKeyState.CURRENT, LinkKeyState.DISTRUSTED]
    with pytest.raises(Unavailable, match="CONSENTMGR_LINK_SECRET"):
        rotate_link_key(told, today=TODAY)


@pytest.mark.parametrize("text", ["{good},{good}", "distrusted:{good}", "{good},short", "{good},changeme", "{good},,"])
def test_an_unsafe_list_is_refused_and_not_quoted(alone: Settings, text: str) -> None:
    good = base64.b64encode(secrets.token_bytes(32)).decode()
    told = Settings(alone.data_folder, secrets={"CONSENTMGR_LINK_SECRET": text.format(good=good)})
    with pytest.raises(UnsafeSetting) as caught:
        load_link_keys(told)
    assert good not in str(caught.value)


def test_a_damaged_file_is_refused_and_a_running_server_goes_on(alone: Settings) -> None:
    keys = link_keys(alone)
    token = keys.mint(LINK)
    path = alone.keys_folder / "link.key"
    path.write_text("0123abcd current someday word\n")
    with pytest.raises(UnsafeSetting) as caught:
        load_link_keys(alone)
    assert "word" not in str(caught.value)
    assert keys.open(LinkUse.LEAVE, token) == LINK
    path.unlink()
    assert keys.open(LinkUse.LEAVE, token) == LINK


# --- commands ---------------------------------------------------------------------------------------------------------


def test_the_commands_change_the_list_tell_no_secret_and_are_audited(
    run_command: RunCommand, settings: Settings, database: Database
) -> None:
    secret = (settings.keys_folder / "link.key").read_text().strip()
    (key,) = load_link_keys(settings)
    rotated = run_command("keys", "rotate", "--actor", "maija")
    distrusted = run_command("keys", "distrust", key.id)
    listed = run_command("keys", "list")
    told = json.loads(run_command("keys", "list", "--format", "json").stdout)
    assert [row["state"] for row in told] == ["distrusted", "current"]
    shown = "".join(done.stdout + done.stderr for done in (rotated, distrusted, listed))
    assert key.id in shown
    kept = (settings.keys_folder / "link.key").read_text()
    for word in (secret, *kept.split()[-8:]):
        assert len(word) < 40 or word not in shown
    with database.connect() as connection:
        rows = connection.exec_driver_sql("SELECT actor, action, object FROM audit_event ORDER BY id").all()
    assert [(row[1], row[2]) for row in rows] == [
        ("link_key_rotated", f"link_key:{told[1]['id']}"),
        ("link_key_distrusted", f"link_key:{key.id}"),
    ]
    assert rows[0][0] == "maija"
    assert "no link key" in run_command("keys", "distrust", "nonsense", expect=2).stderr


# --- other senders ----------------------------------------------------------------------------------------------------


def test_another_sender_mints_the_same_links_offline(
    run_command: RunCommand, settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "minting.json"
    run_command("keys", "export-minting", target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert (settings.keys_folder / "link.key").read_text().strip() not in target.read_text()
    assert "already" in run_command("keys", "export-minting", target, expect=2).stderr
    minting = offline_minting.read_minting_file(target)
    keys = link_keys(settings)
    told = {
        "controller": "acme",
        "topic": "news",
        "campaign": "autumn",
        "contact_id": 4711,
        "address_key": LINK.address_key.hex if LINK.address_key else "",
    }
    assert offline_minting.leave_url(minting, **told) == leave_url(settings.public_url, keys.mint(LINK))
    preference = Link(LinkUse.PREFERENCES, *(getattr(LINK, name) for name in list(Link.__dataclass_fields__)[1:]))
    assert offline_minting.preference_url(minting, **told) == preference_url(settings.public_url, keys.mint(preference))
    by_phone = offline_minting.token(
        minting, "leave", controller="acme", channel="sms", address_kind="phone", address_key="0" * 32
    )
    assert keys.open(LinkUse.LEAVE, by_phone) == Link(
        LinkUse.LEAVE, "acme", None, "phone", UUID(int=0), "sms", "channel"
    )
    with pytest.raises(KeyError):
        offline_minting.token(minting, "confirm", controller="acme", contact_id=1)
    with pytest.raises(ValueError, match="needs"):
        offline_minting.token(minting, "leave", controller="acme")


def test_the_example_of_the_page_runs_as_it_stands(run_command: RunCommand, settings: Settings, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", LINKS_PAGE.read_text(encoding="utf-8"), re.DOTALL)
    run_command("keys", "export-minting", tmp_path / "minting.json")
    source = Path(offline_minting.__file__).read_text(encoding="utf-8")
    (tmp_path / "offline_minting.py").write_text(source, encoding="utf-8")
    (tmp_path / "people.csv").write_text(
        f"email,cm_contact_id,cm_address_key\naino@posti.example,4711,{UUID(int=7).hex}\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.')\n{example}"],
        cwd=tmp_path, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    address, url = done.stdout.split()
    assert address == "aino@posti.example"
    link = link_keys(settings).open(LinkUse.LEAVE, url.rsplit("/", 1)[1])
    assert (link.contact_id, link.address_key, link.topic) == (4711, UUID(int=7), "news")
