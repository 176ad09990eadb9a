"""How migrations are run.

``consentmgr init`` hands over an open connection and runs them in its transaction. Alembic's and Flask-Migrate's own
commands (``flask db revision --autogenerate``) come here without one and get the application's database; only they
compare the tables with the classes, and only then are all rooms' classes imported.
"""

from importlib import import_module

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.base import ischema_names

#: Every module that declares tables. A new room adds a line.
MODELS = (
    "consentmgr.tables",
    "consentmgr.edge.models",
    "consentmgr.timetable.models",
    "consentmgr.audit.models",
    "consentmgr.staff.models",
    "consentmgr.mail.models",
    "consentmgr.register.models",
    "consentmgr.consents.models",
    "consentmgr.prohibitions.models",
    "consentmgr.campaigns.models",
    "consentmgr.screening.models",
    "consentmgr.preferences.models",
    "consentmgr.replies.models",
    "consentmgr.exports.models",
    "consentmgr.changes.models",
    "consentmgr.people.models",
    "consentmgr.dashboard.models",
    "consentmgr.importing.models",
)


def run(connection: Connection, *, compare: bool) -> None:
    from consentmgr.tables import Base

    if compare:
        for module in MODELS:
            import_module(module)
        # A type of PostgreSQL that SQLAlchemy does not know when it reads a table back.
        ischema_names["xid8"] = import_module("consentmgr.register.models").Xid8
    context.configure(
        connection=connection, target_metadata=Base.metadata if compare else None, compare_server_default=True
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given, compare=bool(context.config.attributes.get("compare")))
else:
    from flask import current_app

    with current_app.extensions["consentmgr"].engine.begin() as opened:
        run(opened, compare=True)
