"""Keyed digests of canonical addresses: what addresses are matched by, one by one and as Arrow columns.

A key is a 128-bit keyed digest (BLAKE2b) of a canonical form (``kit.canonical``, which decides what is equal).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import uuid
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from consentmgr.kit.canonical.columns import canonical_column, canonical_name_column, canonical_post_column, pieces
from consentmgr.kit.canonical.emails import canonical_email
from consentmgr.kit.canonical.hashes import canonical_sha256_column
from consentmgr.kit.canonical.names import canonical_name
from consentmgr.kit.canonical.phones import canonical_phone
from consentmgr.kit.canonical.postal import canonical_post

if TYPE_CHECKING:
    import pyarrow as pa

#: Stored beside every key. A change that gives any address another canonical form raises it.
CANONICAL_VERSION: Final = 1

#: What ``AddressKeys.key`` may be asked for.
KINDS: Final = ("email", "phone", "post", "name")

#: From so many rows on, a process of its own is worth its start.
_WORTH_A_PROCESS = 100_000
#: In how many parts a long column goes to such processes; the first ends while the forms of the last are made.
_PARTS = 5
#: Lists and bans that arrive hashed have the whole of an address hashed, or a telephone number after its plus.
_HASHED_AFTER: Final[Mapping[str, tuple[int, ...]]] = {"email": (0,), "phone": (0, 1)}
_CHILD = Path(__file__).with_name("digest_child.py")
#: What the child may see of our environment: enough to start Python, no key and no database address.
_CHILD_SEES = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL")


@dataclass(frozen=True, repr=False, slots=True)
class PointKeys:
    """One address: its canonical form and the keys it is matched by. Never printed: the form is personal data.

    ``sha256_key`` finds it in lists that arrive as SHA-256; ``sha256_digits_key`` in lists that hash a phone number
    without its plus.
    """

    canonical: str
    address_key: uuid.UUID
    sha256_key: uuid.UUID | None = None
    sha256_digits_key: uuid.UUID | None = None


@dataclass(frozen=True, repr=False, slots=True)
class PointColumns:
    """As ``PointKeys``, for a column: arrays of the same length, null where a row has no canonical form."""

    canonical: pa.Array
    address_key: pa.Array
    sha256_key: pa.Array | None = None
    sha256_digits_key: pa.Array | None = None


@dataclass(frozen=True, repr=False)
class AddressKeys:
    """Keyed digests under one secret (16 to 64 bytes). ``key_id`` says which secret, and is stored beside keys."""

    secret: bytes
    key_id: int

    def __post_init__(self) -> None:
        if not 16 <= len(self.secret) <= 64:
            raise ValueError("the address key must have 16 to 64 bytes")

    def _digest(self, purpose: str, data: bytes) -> bytes:
        return hashlib.blake2b(purpose.encode() + b"\0" + data, key=self.secret, digest_size=16).digest()

    def key(self, kind: str, canonical: str) -> uuid.UUID:
        """The key of a canonical form; ``kind`` is one of ``KINDS`` and keeps kinds apart."""
        return uuid.UUID(bytes=self._digest(_known(kind, KINDS), canonical.encode()))

    def sha256_key(self, kind: str, hex_digest: str) -> uuid.UUID:
        """The key of an unkeyed SHA-256 (64 lower-case hex digits) of an ``email`` or a ``phone``."""
        return uuid.UUID(bytes=self._digest(_known(kind, ("email", "phone")) + "_sha256", hex_digest.encode()))

    def _point(self, kind: str, canonical: str | None) -> PointKeys | None:
        if canonical is None:
            return None
        address_key = self.key(kind, canonical)
        if kind not in ("email", "phone"):
            return PointKeys(canonical, address_key)
        sha256_key = self.sha256_key(kind, _sha256(canonical))
        digits = self.sha256_key(kind, _sha256(canonical[1:])) if kind == "phone" else None
        return PointKeys(canonical, address_key, sha256_key, digits)

    def email(self, text: str) -> PointKeys | None:
        """Keys of an e-mail address; ``None`` where it has no canonical form."""
        return self._point("email", canonical_email(text))

    def phone(self, text: str, region: str = "FI") -> PointKeys | None:
        """Keys of a telephone number; ``None`` where it has no canonical form."""
        return self._point("phone", canonical_phone(text, region))

    def post(
        self,
        street: str | None,
        apartment: str | None,
        postal_code: str | None,
        city: str | None,
        country: str | None = "FI",
    ) -> PointKeys | None:
        """Keys of a postal address; ``None`` where it has no canonical form."""
        return self._point("post", canonical_post(street, apartment, postal_code, city, country))

    def name(self, given: str | None, family: str | None) -> PointKeys | None:
        """Keys of a person's name; ``None`` where it is blank."""
        return self._point("name", canonical_name(given, family))

    # Columns: a string array (or chunked array) in, an array of the same length out.

    def column(self, kind: str, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Keys of a column of ``email`` or ``phone`` as written: fixed_size_binary(16), null where there is none."""
        return self._in_pieces(values, lambda piece: self._keys(kind, canonical_column(kind, piece)))

    def canonical_keys(self, kind: str, canonical: pa.Array) -> pa.Array:
        """Keys of a column that already is in canonical form (as ``canonical_column`` gives it)."""
        return self._keys(_known(kind, KINDS), canonical)

    def columns_later(
        self, kind: str, values: pa.Array | pa.ChunkedArray, *, with_hashes: bool = False
    ) -> tuple[pa.Array, list[Callable[[], pa.Array]]]:
        """A column's canonical forms, as ``canonical_column`` gives them, and what waits for their keys: ``address_key``
        and, ``with_hashes``, the others of ``PointColumns``.

        The keys of a long column are made in processes of their own, a part at a time, while the forms of the next part
        are made here.
        """
        import pyarrow as pa

        size = max(_WORTH_A_PROCESS, -(-len(values) // _PARTS))
        canonical: list[pa.Array] = []
        later: list[list[Callable[[], pa.Array]]] = []
        skips = (None, *(_HASHED_AFTER[kind] if with_hashes else ()))
        for start in range(0, max(len(values), 1), size):
            part = canonical_column(kind, values.slice(start, size))
            canonical.append(part)
            later.append([self._keys_later(kind, part, skip) for skip in skips])
        whole: list[Callable[[], pa.Array]] = [cache(partial(_joined, parts)) for parts in zip(*later, strict=True)]
        return pa.concat_arrays(canonical), whole

    def _keys_later(self, kind: str, canonical: pa.Array, skip: int | None) -> Callable[[], pa.Array]:
        """Keys of canonical forms, or, with ``skip``, of their SHA-256 after so many bytes."""
        purpose = kind if skip is None else f"{kind}_sha256"

        def made_here() -> pa.Array:
            return self._keys(purpose, canonical if skip is None else _hashes(canonical, skip))

        if len(canonical) < _WORTH_A_PROCESS:
            keys = made_here()
            return lambda: keys
        child = _Digesting(purpose, self.secret, canonical, skip)

        def finish() -> pa.Array:
            digests = child.result()
            # Where no process can be had, the work is done here.
            return made_here() if digests is None else _packed(digests, canonical)

        return finish

    def sha256_column(self, kind: str, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Keys of a column of SHA-256 hex digests of ``email`` or ``phone``; null where a cell is not one."""
        purpose = _known(kind, ("email", "phone")) + "_sha256"
        return self._in_pieces(values, lambda piece: self._keys(purpose, canonical_sha256_column(piece)))

    def post_column(
        self,
        street: pa.Array,
        apartment: pa.Array | None,
        postal_code: pa.Array,
        country: pa.Array | None = None,
    ) -> pa.Array:
        """Keys of postal addresses, one array a field, all of one length; null where there is no canonical form."""
        return self._keys("post", canonical_post_column(street, apartment, postal_code, country))

    def name_column(self, given: pa.Array, family: pa.Array) -> pa.Array:
        """Keys of persons' names, two arrays of one length; null where both are blank."""
        return self._keys("name", canonical_name_column(given, family))

    def columns(self, kind: str, values: pa.Array | pa.ChunkedArray) -> PointColumns:
        """Canonical forms and every key of a column of ``email`` or ``phone``, as an import stores them."""
        import pyarrow as pa

        canonical = self._in_pieces(values, lambda piece: canonical_column(kind, piece))
        address_key = self._keys(kind, canonical)
        hashed = [self._keys(f"{kind}_sha256", _hashes(canonical, skip)) for skip in _HASHED_AFTER[kind]]
        return PointColumns(canonical.cast(pa.large_string()), address_key, *hashed)

    def _in_pieces(self, values: pa.Array | pa.ChunkedArray, work: Callable[[pa.Array], pa.Array]) -> pa.Array:
        import pyarrow as pa

        done = [work(piece) for piece in pieces(values)]
        return pa.concat_arrays(done) if done else work(pa.array([], pa.large_string()))

    def _keys(self, purpose: str, canonical: pa.Array) -> pa.Array:
        """Digests of an array of canonical strings, nulls kept."""
        # The prefix and the secret are taken in once; each address then costs one copy and one block.
        begun = hashlib.blake2b(purpose.encode() + b"\0", key=self.secret, digest_size=16)
        # Called as functions of its kind: looking a method up on each of a million takes a fifth of the time.
        copy, update, digest = begun.copy, type(begun).update, type(begun).digest
        digests: list[bytes] = []
        add = digests.append
        for value in _byte_slices(canonical):
            one = copy()
            update(one, value)
            add(digest(one))
        return _packed(b"".join(digests), canonical)


def _packed(digests: bytes, canonical: pa.Array) -> pa.Array:
    """Digests one after the other as an array, null where ``canonical`` is."""
    import pyarrow as pa

    packed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(canonical), [None, pa.py_buffer(digests)])
    if canonical.null_count == 0:
        return packed
    import pyarrow.compute as pc

    return pc.if_else(canonical.is_valid(), packed, pa.scalar(None, pa.binary(16)))


def _joined(parts: Sequence[Callable[[], pa.Array]]) -> pa.Array:
    import pyarrow as pa

    return pa.concat_arrays([finish() for finish in parts])


class _Digesting:
    """Digests of one column being made by ``digest_child``; with ``skip``, of the SHA-256 of what follows so many bytes."""

    def __init__(self, purpose: str, secret: bytes, canonical: pa.Array, skip: int | None) -> None:
        self._rows = len(canonical)
        self._child: subprocess.Popen[bytes] | None = None
        self._said: list[bytes] = []
        ends, text = _ends_and_text(canonical)
        environment = {name: os.environ[name] for name in _CHILD_SEES if name in os.environ}
        with suppress(OSError):
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            hashed_after = -1 if skip is None else skip
            sizes = array("q", (self._rows, len(text), len(purpose.encode()), len(secret), hashed_after))
            whole = b"".join((sizes.tobytes(), ends, text, purpose.encode(), secret))
            self._talk = Thread(target=self._converse, args=(whole,), name="digests", daemon=True)
            self._talk.start()

    def _converse(self, whole: bytes) -> None:
        assert self._child is not None
        with suppress(OSError, ValueError):
            self._said.append(self._child.communicate(whole)[0])

    def result(self) -> bytes | None:
        """The digests one after the other, or None where the process failed."""
        if self._child is None:
            return None
        self._talk.join()
        digests = self._said[0] if self._said else b""
        return digests if self._child.returncode == 0 and len(digests) == 16 * self._rows else None


def _known(kind: str, kinds: tuple[str, ...]) -> str:
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}")
    return kind


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hashes(canonical: pa.Array, skip: int) -> pa.Array:
    """SHA-256 in hex of each canonical string after its first ``skip`` bytes, nulls kept."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sha256 = hashlib.sha256
    digests = pa.array([sha256(value[skip:]).hexdigest() for value in _byte_slices(canonical)], pa.large_string())
    if canonical.null_count == 0:
        return digests
    return pc.if_else(canonical.is_valid(), digests, pa.scalar(None, pa.large_string()))


def _byte_slices(values: pa.Array) -> Iterator[bytes]:
    """The UTF-8 bytes of each string, empty for null: straight from the buffers, twice as fast as ``to_pylist``."""
    ends, data = _ends_and_text(values)
    position = 0
    for end in array("q", ends).tolist():
        yield data[position:end]
        position = end


def _ends_and_text(values: pa.Array) -> tuple[bytes, bytes]:
    """Where each string of a large_string array ends in its text (eight bytes each), and the text."""
    import numpy as np

    if len(values) == 0:
        return b"", b""
    buffers = values.buffers()
    offsets = np.frombuffer(buffers[1], dtype=np.int64)[values.offset : values.offset + len(values) + 1]
    start = int(offsets[0])
    data = memoryview(buffers[2])[start : int(offsets[-1])].tobytes() if buffers[2] is not None else b""
    return (offsets[1:] - start).tobytes(), data
