"""The migrated database is what the classes and the ledger's fences say, and a migration may be run again."""

from __future__ import annotations

import importlib.util
import re

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from consentmgr.consents.append_only import CREATE_STATEMENTS
from consentmgr.database_checks import known_revisions
from consentmgr.db import Database, migrate
from consentmgr.files import data_folder

FENCES = text(
    "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), NULL FROM pg_trigger WHERE NOT tgisinternal"
    " UNION ALL SELECT p.proname, pg_get_functiondef(p.oid), p.proacl::text FROM pg_proc p"
    " WHERE pronamespace = current_schema()::regnamespace"
    " UNION ALL SELECT relname, relacl::text, NULL FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " ORDER BY 1, 2"
)


def test_every_module_that_declares_tables_is_known_to_the_migrations() -> None:
    environment = (data_folder("migrations") / "env.py").read_text(encoding="utf-8")
    package = data_folder("migrations").parent / "consentmgr"
    declared = {f"consentmgr.{path.parent.name}.models" for path in package.glob("*/models.py")}
    assert declared == set(re.findall(r'^    "(consentmgr\.\w+\.models)",$', environment, re.MULTILINE))


def test_migrated_tables_are_the_classes_tables(database: Database) -> None:
    """Alembic's own check, through migrations/env.py: an automatic migration would have nothing to do."""
    config = Config()
    config.set_main_option("script_location", str(data_folder("migrations")))
    with database.engine.begin() as connection:
        config.attributes.update(connection=connection, compare=True)
        command.check(config)


def test_migrated_fences_are_the_ledgers_newest(database: Database) -> None:
    def fences(connection: Connection) -> list[tuple[str, ...]]:
        return [tuple(row) for row in connection.execute(FENCES)]

    with database.connect() as connection:
        before = fences(connection)
        for statement in CREATE_STATEMENTS:
            connection.execute(text(statement))
        after = fences(connection)
        connection.rollback()
    assert before == after
    assert before


def test_running_again_changes_nothing(database: Database) -> None:
    with database.engine.begin() as connection:
        migrate(connection)
    with database.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [known_revisions()[-1]]


def test_revisions_are_numbered_in_their_order() -> None:
    previous = None
    for path in sorted((data_folder("migrations") / "versions").glob("[0-9]*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert (module.revision, module.down_revision) == (path.name.split("_")[0], previous)
        previous = module.revision
