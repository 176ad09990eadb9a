"""Lists at the desk: brought, confirmed, screened in the background, decided upon, repeated, forgotten.

A row of ``list_screening`` says where a list is on that way; the list itself and everything made of it lie in the file
store, in one folder each, and are forgotten together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.campaigns.models import Campaign as StoredCampaign
from consentmgr.campaigns.policy import current
from consentmgr.config import Settings
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.kit.file_store import FileStore, StoredFile
from consentmgr.register.models import Topic
from consentmgr.screening.campaign_checks import refuse_unclear
from consentmgr.screening.campaign_gates import Gate, failing_gates
from consentmgr.screening.desk.previews import Preview, mapping_of
from consentmgr.screening.models import ListScreening
from consentmgr.screening.partners import lagging_of
from consentmgr.screening.reports import campaign_document
from consentmgr.screening.service import default_controller, question_of
from consentmgr.timetable import tasks
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign

#: Lists and results are kept this long: a campaign's certificate is good for days, and questions about a sending come
#: within weeks; the certificate, which has no address in it, stays as proof (GDPR 5(1)(e)).
KEEP_LISTS: Final = timedelta(days=30)
#: A list that was brought and never screened serves no purpose any more.
KEEP_DRAFTS: Final = timedelta(days=2)

Step = Literal["columns", "campaign", "waiting", "running", "done", "failed", "cancelled", "forgotten"]


@dataclass(frozen=True, slots=True)
class ListView:
    """A list at the desk, as its row says it is. ``controller`` is None until the campaign is known."""

    id: UUID
    controller: str | None
    actor: str
    created_at: datetime
    file_id: UUID
    file_name: str
    file_bytes: int
    mapping: Mapping[str, Any] | None
    sheet: str | None
    options: Mapping[str, Any]
    language: Language
    campaign: Mapping[str, Any] | None
    task: UUID | None
    screening: UUID | None
    rows: int | None
    summary: Mapping[str, Any] | None
    screened_at: datetime | None
    valid_until: datetime | None
    previous: UUID | None
    forgotten_at: datetime | None

    @property
    def title(self) -> str:
        """What it is called: the campaign, or the file until there is one."""
        return str((self.campaign or {}).get("name") or (self.campaign or {}).get("key") or self.file_name)

    @property
    def columns_confirmed(self) -> bool:
        return bool(self.options.get("columns_confirmed"))

    def is_expired(self, now: datetime) -> bool:
        """Whether it must be screened again before anything is sent."""
        return self.valid_until is not None and now > self.valid_until


def files_of(settings: Settings) -> FileStore:
    """The store of this installation's uploads."""
    return FileStore(settings.data_folder / "files")


def result_folder(settings: Settings, found: ListView) -> Path:
    """Where everything made by one screening of a list lies: beside the list, by the screening's own id."""
    return files_of(settings).folder(found.file_id) / found.id.hex


def as_view(row: ListScreening) -> ListView:
    """A row as everybody else sees it."""
    return ListView(**{name: getattr(row, name) for name in ListView.__dataclass_fields__})


# --- finding ----------------------------------------------------------------------------------------------------------


def visible(session: Session, list_id: UUID, *, actor: str, controllers: Collection[str] | None) -> ListView:
    """The list of this id, if it is of one of these controllers (None: of any) or still nobody's but the actor's.

    Raises ``NotFound`` otherwise, so that nothing is told of other controllers' lists.
    """
    row = session.get(ListScreening, list_id, populate_existing=True)
    if row is None or not _may_see(row, actor, controllers):
        raise NotFound("there is no such list")
    return as_view(row)


def _may_see(row: ListScreening, actor: str, controllers: Collection[str] | None) -> bool:
    if row.controller is None:
        return row.actor == actor
    return controllers is None or row.controller in controllers


def newest(
    session: Session,
    *,
    actor: str,
    controllers: Collection[str] | None,
    before: datetime | None = None,
    before_id: UUID | None = None,
    campaign: str | None = None,
    limit: int = 25,
) -> list[ListView]:
    """The newest lists that may be seen, screened or on their way; those made before a moment, for one campaign.

    With ``before_id`` also those of that very moment that come behind the list of this id.
    """
    mine = and_(ListScreening.controller.is_(None), ListScreening.actor == actor)
    theirs = ListScreening.controller.is_not(None)
    if controllers is not None:
        theirs = ListScreening.controller.in_(list(controllers))
    wanted = select(ListScreening).where(or_(mine, theirs))
    if before is not None and before_id is not None:
        same_moment = and_(ListScreening.created_at == before, ListScreening.id > before_id)
        wanted = wanted.where(or_(ListScreening.created_at < before, same_moment))
    elif before is not None:
        wanted = wanted.where(ListScreening.created_at < before)
    if campaign is not None:
        wanted = wanted.where(ListScreening.campaign["key"].astext == campaign)
    wanted = wanted.order_by(ListScreening.created_at.desc(), ListScreening.id).limit(limit)
    return [as_view(row) for row in session.scalars(wanted)]


def list_by_id(session: Session, list_id: UUID) -> ListView:
    """The list of this id, whoever asks; for the task and the clock. Raises ``NotFound``."""
    row = session.get(ListScreening, list_id, populate_existing=True)
    if row is None:
        raise NotFound("there is no such list")
    return as_view(row)


def step_of(found: ListView, task: tasks.TaskView | None) -> Step:
    """Where a list is on its way."""
    if found.forgotten_at is not None:
        return "forgotten"
    if found.screening is not None:
        return "done"
    if task is None:
        return "campaign" if found.columns_confirmed else "columns"
    if task.kind == "look-at-list" and task.state == "done":
        return "campaign" if found.columns_confirmed else "columns"
    told: dict[str, Step] = {"queued": "waiting", "running": "running", "failed": "failed", "cancelled": "cancelled"}
    return told.get(task.state, "failed")


# --- on its way -------------------------------------------------------------------------------------------------------


def bring(session: Session, stored: StoredFile, *, quick: bool, actor: str, language: Language, now: datetime) -> UUID:
    """A list has come. One that takes long to look at is looked at in the background."""
    row = _brought(session, stored, actor, language, now)
    if not quick:
        row.task = _look(session, row, actor, now)
    session.flush()
    return row.id


def _brought(session: Session, stored: StoredFile, actor: str, language: Language, now: datetime) -> ListScreening:
    row = ListScreening(
        id=uuid4(),
        actor=actor,
        created_at=now,
        file_id=stored.id,
        file_name=stored.name,
        file_bytes=stored.bytes,
        file_sha256=stored.sha256,
        language=language,
        options={},
    )
    session.add(row)
    record(session, at=now, actor=actor, action="list_brought", object=f"list:{row.id}", detail={"bytes": stored.bytes})
    return row


def _look(session: Session, row: ListScreening, actor: str, now: datetime) -> UUID:
    return tasks.enqueue(
        session, kind="look-at-list", subject={"list_screening": str(row.id)}, actor=actor, now=now,
        controller=row.controller,
    )  # fmt: skip


def choose_sheet(session: Session, found: ListView, sheet: str, *, quick: bool, actor: str, now: datetime) -> None:
    """Another sheet of the workbook is meant."""
    row = _changeable(session, found)
    row.sheet = sheet
    row.task = None if quick else _look(session, row, actor, now)
    session.flush()


def confirm_columns(session: Session, found: ListView, preview: Preview, chosen: Mapping[int, str]) -> None:
    """What the columns are (number from 0 -> field). Raises ``BadInput`` where that says nobody's row."""
    row = _changeable(session, found)
    row.mapping = mapping_of(preview, chosen)
    row.options = {**row.options, "columns_confirmed": True}
    session.flush()


def gates_of(session: Session, campaign: Campaign, *, now: datetime) -> list[Gate]:
    """What speaks against a campaign as it is described, under the policy in force."""
    return failing_gates(question_of(session, campaign, current(session), now))


def start(
    session: Session,
    found: ListView,
    campaign: Campaign,
    *,
    actor: str,
    controllers: Collection[str] | None,
    language: Language,
    now: datetime,
    links: bool = False,
    drop_duplicates: bool = False,
) -> UUID:
    """Screen the list for this campaign, in the background; the task's id.

    Raises ``BadInput`` for a campaign that is not clear, ``NotFound`` for one of a controller that is not theirs.
    """
    row = _changeable(session, found)
    if not row.options.get("columns_confirmed"):
        raise BadInput("say first what the columns are", field="columns")
    controller = campaign.controller or default_controller(session)
    if controller is None or (controllers is not None and controller not in controllers):
        raise NotFound("there is no such controller")
    refuse_unclear(session, campaign, file=campaign.key)
    question_of(session, campaign, current(session), now)
    row.controller, row.campaign, row.language = controller, campaign_document(campaign), language
    row.options = {**row.options, "links": links, "drop_duplicates": drop_duplicates}
    row.task = _screen(session, row, actor, now)
    record(
        session, at=now, actor=actor, action="screening_asked", object=f"list:{row.id}",
        detail={"campaign": campaign.key, "controller": controller},
    )  # fmt: skip
    session.flush()
    return row.task


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for together with a list. ``columns`` says which column is which field (as ``--map`` does), where
    their names do not; ``sheet`` which sheet of a workbook is meant.
    """

    campaign: Campaign
    language: Language
    columns: Mapping[str, str] | None = None
    sheet: str | None = None
    links: bool = False
    drop_duplicates: bool = False


def order(
    session: Session,
    stored: StoredFile,
    asked: Order,
    *,
    actor: str,
    controllers: Collection[str] | None,
    now: datetime,
) -> UUID:
    """A list has come with all that must be known of it: it is screened in the background; the list's id.

    Raises what ``start`` raises.
    """
    return _ordered(session, _brought(session, stored, actor, asked.language, now), asked, actor, controllers, now)


def order_of(
    session: Session,
    found: ListView,
    asked: Order,
    *,
    actor: str,
    controllers: Collection[str] | None,
    now: datetime,
) -> UUID:
    """Screen a list that was brought before, for this campaign, as a screening of its own; its id.

    Columns and sheet are those of the list where none are given. Raises ``BadInput`` where the list was forgotten, and
    what ``start`` raises.
    """
    if found.forgotten_at is not None:
        raise BadInput("the list is not kept any more: bring it again", field="list")
    row = _of_same_file(session, found, asked.language, actor, now)
    row.options = {name: value for name, value in found.options.items() if name == "columns"}
    return _ordered(session, row, asked, actor, controllers, now)


def _ordered(
    session: Session,
    row: ListScreening,
    asked: Order,
    actor: str,
    controllers: Collection[str] | None,
    now: datetime,
) -> UUID:
    if asked.columns:
        row.mapping, row.options = None, {"columns": dict(asked.columns)}
    row.options = {**row.options, "columns_confirmed": True}
    row.sheet = asked.sheet or row.sheet
    session.flush()
    start(
        session,
        as_view(row),
        asked.campaign,
        actor=actor,
        controllers=controllers,
        language=asked.language,
        now=now,
        links=asked.links,
        drop_duplicates=asked.drop_duplicates,
    )
    return row.id


def _of_same_file(session: Session, found: ListView, language: Language, actor: str, now: datetime) -> ListScreening:
    """Another screening of the list of an earlier one, read as that was."""
    old = session.get_one(ListScreening, found.id)
    row = ListScreening(
        id=uuid4(),
        actor=actor,
        created_at=now,
        file_id=old.file_id,
        file_name=old.file_name,
        file_bytes=old.file_bytes,
        file_sha256=old.file_sha256,
        mapping=old.mapping,
        sheet=old.sheet,
        options={},
        language=language,
    )
    session.add(row)
    return row


def _screen(session: Session, row: ListScreening, actor: str, now: datetime) -> UUID:
    return tasks.enqueue(
        session, kind="screen-list", subject={"list_screening": str(row.id)}, actor=actor, now=now,
        controller=row.controller,
    )  # fmt: skip


def stop(session: Session, found: ListView, *, actor: str, now: datetime) -> bool:
    """Cancel what runs for this list; whether there was anything."""
    if found.task is None or not tasks.cancel(session, found.task, now=now):
        return False
    record(session, at=now, actor=actor, action="screening_cancelled", object=f"list:{found.id}")
    return True


def again(session: Session, found: ListView, *, actor: str, now: datetime) -> UUID:
    """Screen the same list for the same campaign once more; the id of the new screening.

    A planned time that has passed is left out: what is asked now is whether it may be sent now.
    """
    if found.screening is None or found.campaign is None or found.forgotten_at is not None:
        raise BadInput("only a list that was screened and is still kept can be screened again")
    row = _of_same_file(session, found, found.language, actor, now)
    row.controller, row.options, row.previous = found.controller, dict(found.options), found.id
    row.campaign = campaign_document(campaign_of_now(found, now))
    row.task = _screen(session, row, actor, now)
    record(
        session, at=now, actor=actor, action="screening_asked", object=f"list:{row.id}", detail={"again": str(found.id)}
    )
    session.flush()
    return row.id


def _changeable(session: Session, found: ListView) -> ListScreening:
    row = session.get(ListScreening, found.id, with_for_update=True, populate_existing=True)
    if row is None or row.forgotten_at is not None:
        raise NotFound("there is no such list")
    task = tasks.task_of(session, row.task) if row.task is not None else None
    if row.screening is not None or (task is not None and task.kind == "screen-list" and not task.is_over):
        raise BadInput("the list has been screened, or is being screened: bring it again to change anything")
    return row


def campaign_of_list(found: ListView) -> Campaign:
    """The campaign a list was screened for."""
    assert found.campaign is not None
    return msgspec.convert({**found.campaign, "type": "campaign"}, Campaign)


def campaign_of_now(found: ListView, now: datetime) -> Campaign:
    """The same without a planned time that has passed: for whoever asks whether it may be sent now."""
    campaign = campaign_of_list(found)
    if campaign.planned_at is not None and campaign.planned_at < now:
        return msgspec.structs.replace(campaign, planned_at=None)
    return campaign


# --- what can be chosen -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KnownCampaign:
    key: str
    name: str
    campaign: Campaign


def known_campaigns(session: Session, controllers: Collection[str] | None, *, limit: int = 200) -> list[KnownCampaign]:
    """Stored campaigns of these controllers, the newest first."""
    default = default_controller(session)
    found = []
    for row in session.scalars(select(StoredCampaign).order_by(StoredCampaign.recorded_at.desc()).limit(2_000)):
        campaign = msgspec.convert({**row.document, "type": "campaign"}, Campaign)
        controller = campaign.controller or default
        if controllers is None or controller in controllers:
            found.append(KnownCampaign(row.key, campaign.name or row.key, campaign))
        if len(found) == limit:
            break
    return found


def topics_of(
    session: Session, controllers: Collection[str] | None, kind: str
) -> Sequence[tuple[str, Mapping[str, str]]]:
    """Newsletters or product groups of these controllers: key and names by language."""
    wanted = select(Topic.key, Topic.names).where(Topic.kind == kind).order_by(Topic.key)
    if controllers is not None:
        wanted = wanted.where(Topic.controller.in_(list(controllers)))
    return [(key, names) for key, names in session.execute(wanted)]


def partners_that_lag(session: Session, found: ListView, *, now: datetime) -> list[str]:
    """Names of partners that have not acknowledged in time, because of which the certificate is not good any more."""
    return [partner.name for partner in lagging_of(session, found.summary or {}, now)]


# --- forgetting -------------------------------------------------------------------------------------------------------


def forget(session: Session, found: ListView, settings: Settings, *, actor: str, now: datetime) -> None:
    """Remove what a screening made, and the list itself where no other screening of it is kept. The certificate stays."""
    row = session.get(ListScreening, found.id, with_for_update=True, populate_existing=True)
    if row is None or row.forgotten_at is not None:
        return
    row.forgotten_at = now
    others = select(ListScreening.id).where(
        ListScreening.file_id == row.file_id, ListScreening.forgotten_at.is_(None), ListScreening.id != row.id
    )
    last = session.scalar(others.limit(1)) is None
    record(session, at=now, actor=actor, action="list_forgotten", object=f"list:{row.id}", detail={"file": last})
    session.flush()
    store = files_of(settings)
    if last:
        store.forget(row.file_id)
    else:
        import shutil

        shutil.rmtree(result_folder(settings, found), ignore_errors=True)


def held(session: Session, files: Collection[UUID]) -> set[UUID]:
    """Which of these files of the store are lists that are kept."""
    kept = select(ListScreening.file_id).where(ListScreening.file_id.in_(files), ListScreening.forgotten_at.is_(None))
    return {*session.scalars(kept)}


def to_forget(session: Session, *, now: datetime, limit: int = 500) -> list[ListView]:
    """Lists whose time is over, oldest first."""
    drafts = and_(ListScreening.screening.is_(None), ListScreening.created_at < now - KEEP_DRAFTS)
    old = ListScreening.created_at < now - KEEP_LISTS
    wanted = select(ListScreening).where(ListScreening.forgotten_at.is_(None), or_(drafts, old))
    return [as_view(row) for row in session.scalars(wanted.order_by(ListScreening.created_at).limit(limit))]
