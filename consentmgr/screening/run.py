"""One screening from list to files: the register read at one position, the screening recorded, the files published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import insert
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.campaigns.models import Campaign as StoredCampaign
from consentmgr.campaigns.policy import current
from consentmgr.config import Settings
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database, open_database
from consentmgr.importing.documents import decode
from consentmgr.importing.rejects import Rejection
from consentmgr.keys import Keys, load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.kit.progress import progress
from consentmgr.preferences.links import link_keys
from consentmgr.prohibitions.journal import catch_up
from consentmgr.register.models import Controller
from consentmgr.screening.answers import Answers
from consentmgr.screening.campaign_checks import refuse_unclear
from consentmgr.screening.engine import EngineName
from consentmgr.screening.lists import CampaignList
from consentmgr.screening.models import Screening
from consentmgr.screening.outputs import LINK_COLUMNS, is_allowed
from consentmgr.screening.partners import partners_of
from consentmgr.screening.publication import OutputPaths, prepared
from consentmgr.screening.register_frames import FRAMES
from consentmgr.screening.reports import ControllerFacts, ReportData
from consentmgr.screening.service import BY_KEY_ROWS, default_controller, question_of, screen
from consentmgr.screening.snapshot import Snapshot, build, prune, usable
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import DEFAULT_POLICY


def snapshot_folder(settings: Settings) -> Path:
    """Where this installation's snapshots are."""
    return settings.data_folder / "snapshots"


def built(session: Session, settings: Settings, now: datetime) -> Snapshot:
    """A new snapshot of the session's position; older ones are removed."""
    with progress(len(FRAMES), "Taking a snapshot of the register") as advance:
        snapshot = build(driver_connection(session), snapshot_folder(settings), now, lambda _name, _number: advance(1))
    prune(snapshot_folder(settings), keep=1)
    return snapshot


def campaign_of(session: Session, name: str) -> Campaign:
    """The campaign in the file ``name``, or the stored one of that key. Raises ``BadInput`` or ``NotFound``."""
    path = Path(name)
    if path.is_file():
        try:
            text = path.read_bytes()
        except OSError as error:
            raise BadInput(f"the campaign cannot be read ({error.strerror})", file=name) from None
        campaign = _campaign(_one_object(text, name), name)
        refuse_unclear(session, campaign, file=name)
        return campaign
    stored = session.get(StoredCampaign, name)
    if stored is None:
        raise NotFound(f"there is no file “{name}” and no stored campaign of that key")
    campaign = _campaign(stored.document, name)
    refuse_unclear(session, campaign, file=name)
    return campaign


def _one_object(text: bytes, name: str) -> object:
    try:
        return json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput("the campaign must be UTF-8", file=name) from None
    except json.JSONDecodeError as error:
        raise BadInput(f"the campaign is not JSON: {error.msg}", file=name, line=error.lineno) from None


def _campaign(raw: object, name: str) -> Campaign:
    if not isinstance(raw, dict):
        raise BadInput("a campaign is one JSON object", file=name)
    found = decode(json.dumps({"type": "campaign", **raw}, ensure_ascii=False).encode())
    if isinstance(found, Rejection):
        raise BadInput(found.reason, file=name, field=found.field)
    if not isinstance(found, Campaign):
        raise BadInput("this document is no campaign", file=name, field="type")
    return found


def _with_links(
    session: Session, lst: CampaignList, campaign: Campaign, answers: Answers, settings: Settings, keys: Keys
) -> Answers:
    """The same answers with the links of every allowed row."""
    from consentmgr.screening.link_columns import link_columns, link_like, people_of

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

    def campaign(session: Session) -> Campaign:
        found = campaign_of(session, campaign_name)
        try:
            question_of(session, found, DEFAULT_POLICY, now)
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
        )


def screen_and_publish(
    database: Database,
    settings: Settings,
    keys: Keys,
    lst: CampaignList,
    campaign_in: Callable[[Session], Campaign],
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
) -> ReportData:
    """The same in an open database, for a campaign found in the session that asks the register.

    ``beside`` writes what else is wanted of the answers, before anything is recorded; ``record_too`` is called in the
    transaction that records the screening. ``advance`` is called as each of the two long steps is done.
    """
    # A database restored from a copy has forgotten who left since; the journal has not.
    catch_up(database, settings, keys, now)
    with database.reading() as session:
        campaign = campaign_in(session)
        question = question_of(session, campaign, DEFAULT_POLICY, now)
        snapshot = None
        if len(lst) > BY_KEY_ROWS and engine != "polars":
            snapshot = usable(driver_connection(session), snapshot_folder(settings)) or built(session, settings, now)
        answers = screen(
            session,
            lst.identifiers,
            campaign,
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            policy=current(session),
            now=now,
            language=language,
            engine=engine,
            snapshot=snapshot,
            memory_limit=settings.screening_memory,
            spill_folder=str(settings.data_folder / "spill"),
        )
        if with_links:
            answers = _with_links(session, lst, campaign, answers, settings, keys)
        controller = session.get(Controller, campaign.controller or default_controller(session))
        partners = partners_of(session, campaign, question.controllers)
    advance(1)
    facts = ControllerFacts(controller.key, controller.name, controller.business_id) if controller else None
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
        with database.transaction() as session:
            session.execute(
                insert(Screening).values(
                    id=report.certificate_id,
                    campaign=campaign.key,
                    actor=actor,
                    screened_at=now,
                    valid_until=report.valid_until,
                    register_position=answers.register_position,
                    counts={str(name): count for name, count in report.verdicts.items()},
                    certificate=ready.certificate.token,
                )
            )
            record(
                session,
                at=now,
                actor=actor,
                action="screened",
                object=f"screening:{report.certificate_id}",
                detail={"campaign": campaign.key, "rows": len(lst)},
            )
            if record_too is not None:
                record_too(session, report)
        ready.publish()
    advance(1)
    return report
