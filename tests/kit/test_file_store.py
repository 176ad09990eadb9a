"""What people upload is kept whole, privately, and never under the name they gave it."""

from __future__ import annotations

import hashlib
import io
import stat
import sys
from pathlib import Path

import pytest

from consentmgr.kit.errors import BadInput
from consentmgr.kit.file_store import FileStore, harmless_name


def test_a_file_is_kept_by_its_id(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    content = b"email\naino@posti.example\n" * 100_000
    stored = store.put(io.BytesIO(content), limit=10_000_000, name="C:\\lists\\Marraskuun lista.csv")
    assert (stored.name, stored.bytes) == ("Marraskuun lista.csv", len(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert store.path(stored.id).read_bytes() == content
    assert "lista" not in str(store.path(stored.id))
    assert store.has(stored.id)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_may_look(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    stored = store.put(io.BytesIO(b"x"), limit=10)
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700
    assert stat.S_IMODE(store.folder(stored.id).stat().st_mode) == 0o700


@pytest.mark.parametrize(("content", "told"), [(b"x" * 11, "larger than"), (b"", "empty")])
def test_what_is_not_taken_leaves_nothing(tmp_path: Path, content: bytes, told: str) -> None:
    store = FileStore(tmp_path / "files")
    with pytest.raises(BadInput, match=told):
        store.put(io.BytesIO(content), limit=10)
    assert list((tmp_path / "files").iterdir()) == []


def test_a_file_is_forgotten_with_all_that_was_made_of_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    stored = store.put(io.BytesIO(b"x"), limit=10)
    (store.folder(stored.id) / "result.csv").write_bytes(b"y")
    assert store.forget(stored.id)
    assert not store.forget(stored.id)
    assert not store.has(stored.id)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("list\u202efdp.csv", "listfdp.csv"),
        ("a\x00b\r\nc.csv", "abc.csv"),
        ("  . ", "list"),
        ("", "list"),
        ("x" * 500 + ".csv", "x" * 116 + ".csv"),
        ('ä"ö<å>.xlsx', "äöå.xlsx"),
    ],
)
def test_names_are_made_harmless(given: str, kept: str) -> None:
    assert harmless_name(given) == kept
