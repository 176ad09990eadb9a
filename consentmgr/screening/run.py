"""One screening from list to files: the register read at one position, the screening recorded, the files published."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from consentmgr.audit.recording import record_plainly
from consentmgr.campaigns.policy_in_force import current
from consentmgr.config import Settings
from consentmgr.db import Database, driver_connection, open_database, written_connection
from consentmgr.importing.campaign_documents import campaign_of_document
from consentmgr.keys import Keys, load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound, Unavailable
from consentmgr.kit.progress import progress
from consentmgr.prohibitions.journal_taken import catch_up_plainly
from consentmgr.screening.answers import Answers
from consentmgr.screening.campaign_checks import refuse_unclear
from consentmgr.screening.engine import Engine, EngineName
from consentmgr.screening.lists import CampaignList
from consentmgr.screening.outputs import LINK_COLUMNS, is_allowed
from consentmgr.screening.publication import OutputPaths, prepared
from consentmgr.screening.register_frames import FRAMES
from consentmgr.screening.relied_partners import partners_of
from consentmgr.screening.reports import ControllerFacts, ReportData
from consentmgr.screening.service import BY_KEY_ROWS, default_controller, question_of, screen
from consentmgr.screening.snapshot import Snapshot
from consentmgr.screening.snapshot_holders import DamagedSnapshot
from consentmgr.screening.snapshot_store import SnapshotStore, store_of
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import DEFAULT_POLICY

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.db import Asking

#: How often a snapshot that was taken away at the last moment is looked for again.
_TRIES = 5


def built(asking: Asking, store: SnapshotStore, now: datetime, *, show: bool = True) -> Snapshot:
    """A new snapshot of the position that ``asking`` reads, shared with other machines; older ones are removed.

    Where the store does not answer it is this machine's alone, and a line of the log says so.
    """
    with progress(len(FRAMES), "Taking a snapshot of the register") if show else nullcontext() as advance:
        tell = None if advance is None else lambda _name, _number: advance(1)
        snapshot = store.build(driver_connection(asking), now, tell)
    store.share(snapshot)
    store.prune(now)
    return snapshot


@contextmanager
def snapshot_for(asking: Asking, store: SnapshotStore, now: datetime) -> Iterator[Snapshot]:
    """A snapshot that long lists can be answered from at the position ``asking`` reads, kept while the block lasts."""
    with ExitStack() as stack:
        for _ in range(_TRIES):
            snapshot = store.usable(driver_connection(asking)) or built(asking, store, now)
            # Another process may have taken it away between the two.
            with suppress(OSError):
                stack.enter_context(store.reading(snapshot))
                break
        else:
            raise Unavailable("the snapshots of the register are taken away faster than they can be read")
        yield snapshot


def own_engine(settings: Settings, engine: EngineName | None) -> Engine | None:
    """The engine that is not made for each question; None for those that are."""
    if engine != "spark":
        return None
    from consentmgr.screening.spark_engine import spark_engine

    return spark_engine(settings)


def _of_snapshot(asking: Asking, store: SnapshotStore, now: datetime, asked: Callable[[Snapshot], Answers]) -> Answers:
    """What ``asked`` answers from a snapshot; from a new one where the first turns out to be damaged."""
    from duckdb import Error

    with snapshot_for(asking, store, now) as snapshot:
        try:
            return asked(snapshot)
        except (Error, DamagedSnapshot):
            if store.is_undamaged(snapshot, afresh=True):
                raise
    store.remove(snapshot.name)
    with snapshot_for(asking, store, now) as snapshot:
        return asked(snapshot)


def campaign_of(asking: Asking, name: str) -> Campaign:
    """The campaign in the file ``name``, or the stored one of that key. Raises ``BadInput`` or ``NotFound``."""
    path = Path(name)
    if path.is_file():
        try:
            text = path.read_bytes()
        except OSError as error:
            raise BadInput(f"the campaign cannot be read ({error.strerror})", file=name) from None
        campaign = campaign_of_document(_one_object(text, name), file=name)
        refuse_unclear(asking, campaign, file=name)
        return campaign
    stored = None
    # A null character is in no key we keep, and PostgreSQL takes none.
    if "\0" not in name:
        stored = written_connection(asking).execute("SELECT document FROM campaign WHERE key = %s", [name]).fetchone()
    if stored is None:
        raise NotFound(f"there is no file “{name}” and no stored campaign of that key")
    campaign = campaign_of_document(stored[0], file=name)
    refuse_unclear(asking, campaign, file=name)
    return campaign


def _one_object(text: bytes, name: str) -> object:
    try:
        return json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput("the campaign must be UTF-8", file=name) from None
    except json.JSONDecodeError as error:
        raise BadInput(f"the campaign is not JSON: {error.msg}", file=name, line=error.lineno) from None


def _with_links(
    session: Session, lst: CampaignList, campaign: Campaign, answers: Answers, settings: Settings, keys: Keys
) -> Answers:
    """The same answers with the links of every allowed row."""
    from consentmgr.preferences.link_columns import link_columns, link_like, people_of
    from consentmgr.preferences.links import link_keys

    people = people_of(session, lst.identifiers, campaign, AddressKeys(keys.address_key, keys.address_key_id))
    allowed = is_allowed(answers)
    places = [place for place in people.named() if allowed[place]]
    made = link_columns(people, places, link_like(session, campaign), link_keys(settings), settings.public_url)
    columns = dict(zip(LINK_COLUMNS, (made.preference_url, made.one_click_url), strict=True))
    return replace(answers, links=columns)


def run_screening(
    settings: Settings,
    lst: CampaignList,
    campaign_name: str,
    paths: OutputPaths,
    *,
    language: Language,
    engine: EngineName | None,
    actor: str,
    now: datetime,
    drop_duplicates: bool,
    stdout: BinaryIO,
    advance: Callable[[int], None],
    with_links: bool = False,
) -> ReportData:
    """Screen ``lst`` and publish its files; the screening is in the register before any file has its name."""
    keys = load_keys(settings)

    def campaign(asking: Asking) -> Campaign:
        found = campaign_of(asking, campaign_name)
        try:
            question_of(asking, found, DEFAULT_POLICY, now)
        except BadInput as error:
            raise BadInput(error.message, file=campaign_name, field=error.field) from None
        return found

    with open_database(settings) as database:
        return screen_and_publish(
            database,
            settings,
            keys,
            lst,
            campaign,
            paths,
            language=language,
            engine=engine,
            actor=actor,
            now=now,
            drop_duplicates=drop_duplicates,
            stdout=stdout,
            advance=advance,
            with_links=with_links,
            # Links are made by those who ask for people with sessions.
            in_plain_sql=not with_links,
        )


def screen_and_publish(
    database: Database,
    settings: Settings,
    keys: Keys,
    lst: CampaignList,
    campaign_in: Callable[[Any], Campaign],
    paths: OutputPaths,
    *,
    language: Language,
    engine: EngineName | None,
    actor: str,
    now: datetime,
    drop_duplicates: bool,
    stdout: BinaryIO | None,
    advance: Callable[[int], None],
    with_links: bool = False,
    beside: Callable[[Answers, ReportData], None] | None = None,
    record_too: Callable[[Session, ReportData], None] | None = None,
    in_plain_sql: bool = False,
) -> ReportData:
    """The same in an open database, for a campaign found by ``campaign_in`` of who asks the register: a session, or
    ``in_plain_sql`` the driver's connection, which a command need not load SQLAlchemy for.

    ``beside`` writes what else is wanted of the answers, before anything is recorded; ``record_too`` is called in the
    transaction that records the screening. ``advance`` is called as each of the two long steps is done.
    """
    # A database restored from a copy has forgotten who left since; the journal has not.
    if in_plain_sql:
        catch_up_plainly(database, settings, keys, now)
    else:
        from consentmgr.prohibitions.journal import catch_up

        catch_up(database, settings, keys, now)
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    reading: AbstractContextManager[Any] = database.reading_plainly() if in_plain_sql else database.reading()
    with reading as asking:
        campaign = campaign_in(asking)
        question = question_of(asking, campaign, DEFAULT_POLICY, now)

        def asked(snapshot: Snapshot | None) -> Answers:
            return screen(
                asking,
                lst.identifiers,
                campaign,
                keys=address_keys,
                policy=current(asking),
                now=now,
                language=language,
                engine=engine,
                snapshot=snapshot,
                memory_limit=settings.screening_memory,
                spill_folder=str(settings.data_folder / "spill"),
                own_engine=own_engine(settings, engine),
            )

        if len(lst) > BY_KEY_ROWS and engine not in ("polars", "compiled"):
            answers = _of_snapshot(asking, store_of(settings, address_keys), now, asked)
        else:
            answers = asked(None)
        if with_links:
            answers = _with_links(asking, lst, campaign, answers, settings, keys)
        facts = _controller_facts(asking, campaign.controller or default_controller(asking))
        partners = partners_of(asking, campaign, question.controllers)
    advance(1)
    with prepared(
        lst,
        answers,
        paths,
        language=language,
        signing_key=keys.signing_key,
        controller=facts,
        drop_duplicates=drop_duplicates,
        partners=partners,
        stdout=stdout,
    ) as ready:
        report = ready.report
        if beside is not None:
            beside(answers, report)
        writing: AbstractContextManager[Any] = database.writing_plainly() if in_plain_sql else database.transaction()
        with writing as asking:
            connection = written_connection(asking)
            connection.execute(
                "INSERT INTO screening (id, campaign, actor, screened_at, valid_until, register_position, counts,"
                " certificate) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    report.certificate_id,
                    campaign.key,
                    actor,
                    now,
                    report.valid_until,
                    answers.register_position,
                    json.dumps({str(name): count for name, count in report.verdicts.items()}),
                    ready.certificate.token,
                ],
            )
            record_plainly(
                connection,
                at=now,
                actor=actor,
                action="screened",
                object=f"screening:{report.certificate_id}",
                detail={"campaign": campaign.key, "rows": len(lst)},
            )
            if record_too is not None:
                record_too(asking, report)
        ready.publish()
    advance(1)
    return report


def _controller_facts(asking: Asking, key: str | None) -> ControllerFacts | None:
    found = written_connection(asking).execute("SELECT key, name, business_id FROM controller WHERE key = %s", [key])
    row = found.fetchone()
    return None if row is None else ControllerFacts(*row)
