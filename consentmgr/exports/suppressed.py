"""Everyone with a standing stop, as one set-based question to PostgreSQL.

A stop is counted where it stands, whatever its scope, as long as the scope reaches the schedule's: objection,
withdrawal, refusal and complaint from the standing; prohibitions; death, restriction, a wish to be erased, and an
address that does not work. Where a person also consented in that scope, the two have to be weighed as the law weighs
them, which is screening's business: those rows are ``doubtful``, and the caller asks screening about them alone.

Source: law.md section 2, stages 3, 5 and 8 (evaluation order, bans and what lifts them).
"""

from __future__ import annotations

import re
from typing import Any, Final

#: Strictest first: of several stops of an address the first names it.
REASONS: Final = (
    "DECEASED",
    "ERASED_SUPPRESSED",
    "PROCESSING_RESTRICTED",
    "DM_OBJECTION_ALL",
    "DM_OBJECTION_CHANNEL",
    "DM_OBJECTION_TOPIC",
    "CONSENT_WITHDRAWN",
    "SPAM_COMPLAINT",
    "ORG_PROHIBITION",
    "VENDOR_PROHIBITION",
    "ROBINSON_PHONE",
    "ROBINSON_POST",
    "ADDRESS_INVALID",
)

# In what follows a scope column that names nothing speaks of all. Consents count where their scope could be the
# schedule's at all: whether they are valid is not asked here.
_QUESTION: Final = """
CREATE TEMPORARY TABLE export_now ON COMMIT DROP AS
WITH said AS NOT MATERIALIZED (
  SELECT s.contact_id, s.state, s.at, s.channel, s.topic, s.matter FROM standing s
  WHERE s.matter = 'erasure' OR (s.matter = 'permission'
    AND s.controller = ANY(ARRAY['*', %(controller)s]) AND s.channel = ANY(%(channels)s)
    AND s.purpose = ANY(%(purposes)s) AND s.topic = ANY(%(topics)s))
), willing AS (
  SELECT DISTINCT contact_id FROM said WHERE state IN ('consented', 'guardian_consented', 'objection_lifted')
), stopped AS (
  SELECT c.id AS contact_id, state.reason, state.since, false AS yields
    FROM contact c CROSS JOIN LATERAL (VALUES ('DECEASED', c.deceased_on::timestamptz),
      ('PROCESSING_RESTRICTED', c.restricted_since::timestamptz)) AS state (reason, since)
    WHERE (c.deceased_on IS NOT NULL OR c.restricted_since IS NOT NULL) AND c.merged_into IS NULL
      AND state.since IS NOT NULL
  UNION ALL
  SELECT contact_id, CASE
      WHEN matter = 'erasure' THEN 'ERASED_SUPPRESSED'
      WHEN state = 'complained' THEN 'SPAM_COMPLAINT'
      WHEN topic <> '*' THEN 'DM_OBJECTION_TOPIC'
      WHEN state = 'withdrawn' THEN 'CONSENT_WITHDRAWN'
      WHEN channel <> '*' THEN 'DM_OBJECTION_CHANNEL' ELSE 'DM_OBJECTION_ALL' END, at, true
    FROM said WHERE matter = 'erasure' OR state IN ('objected', 'complained')
      OR (state IN ('withdrawn', 'refused') AND (channel <> '*' OR topic <> '*' OR %(needs_consent)s))
), ban AS NOT MATERIALIZED (
  -- Asked of the table anew for each kind of target, so that the kinds there are few of are found by their indexes.
  SELECT p.id, p.target_kind, p.address_key, p.contact_ref, p.organisation, p.domain, p.source, p.recorded_at AS since,
    p.source IN ('self', 'guardian', 'staff', 'court', 'complaint') AS own, p.source <> 'court' AS yields,
    CASE
      WHEN p.source = 'complaint' THEN 'SPAM_COMPLAINT'
      WHEN p.source = 'robinson_phone' THEN 'ROBINSON_PHONE'
      WHEN p.source = 'robinson_post' THEN 'ROBINSON_POST'
      WHEN p.source IN ('vendor', 'telecom_authority') THEN 'VENDOR_PROHIBITION'
      WHEN p.source = 'organisation' OR p.target_kind IN ('organisation', 'domain') THEN 'ORG_PROHIBITION'
      WHEN p.topics <> '{}' THEN 'DM_OBJECTION_TOPIC'
      WHEN p.channels <> '{}' THEN 'DM_OBJECTION_CHANNEL' ELSE 'DM_OBJECTION_ALL' END AS reason
  FROM prohibition p
  WHERE p.lifted_at IS NULL
    AND (p.valid_from IS NULL OR p.valid_from <= %(today)s) AND (p.valid_until IS NULL OR p.valid_until >= %(today)s)
    AND (p.controllers = '{}' OR %(controller)s = ANY(p.controllers))
    AND (p.channels = '{}' OR p.channels && %(channels)s)
    AND (p.purposes = '{}' OR p.purposes && %(purposes)s)
    AND (p.topics = '{}' OR p.topics && %(topics)s)
    AND p.source <> 'population_register'
    AND (p.source <> 'robinson_phone' OR %(channel)s = 'phone') AND (p.source <> 'robinson_post' OR %(channel)s = 'post')
), hashed AS MATERIALIZED (
  SELECT address_key, target_kind, reason, since, yields, own FROM ban WHERE target_kind LIKE '%%sha256'
), of_organisation AS (
  -- A ban that an organisation sets on its domain is the whole organisation's.
  SELECT g.id, g.domains, ban.reason, ban.since, ban.yields FROM ban JOIN organisation g ON g.identity = ban.organisation
    WHERE ban.organisation IS NOT NULL
  UNION ALL SELECT g.id, g.domains, ban.reason, ban.since, ban.yields
    FROM ban JOIN organisation g ON ban.domain = ANY(g.domains) WHERE ban.source = 'organisation'
), met AS (
  SELECT o.address_key, o.kind, o.contact_id, ban.reason, ban.since, ban.yields, ban.own
    FROM ban JOIN contact_point o ON o.address_key = ban.address_key WHERE ban.target_kind NOT LIKE '%%sha256'
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, h.reason, h.since, h.yields, h.own
    FROM hashed h JOIN contact_point o ON o.sha256_key = h.address_key
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, h.reason, h.since, h.yields, h.own
    FROM hashed h JOIN contact_point o ON o.sha256_digits_key = h.address_key WHERE h.target_kind = 'phone_sha256'
  UNION ALL SELECT NULL, NULL, coalesce(c.merged_into, c.id), ban.reason, ban.since, ban.yields, true
    FROM ban JOIN contact c ON c.ref = ban.contact_ref WHERE ban.contact_ref IS NOT NULL
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, g.reason, g.since, g.yields, false
    FROM of_organisation g JOIN contact_point o ON o.organisation_id = g.id
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, g.reason, g.since, g.yields, false
    FROM of_organisation g CROSS JOIN LATERAL unnest(g.domains) AS d (domain)
    JOIN contact_point o ON o.organisation_id IS NULL AND o.kind = 'email' AND split_part(o.value, '@', -1) = d.domain
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, g.reason, g.since, g.yields, false
    FROM of_organisation g JOIN role r ON r.organisation_id = g.id
      AND (r.since IS NULL OR r.since <= %(today)s) AND (r.until IS NULL OR r.until >= %(today)s)
    JOIN contact_point o ON o.contact_id = r.contact_id AND o.organisation_id IS NULL
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, ban.reason, ban.since, ban.yields, false
    FROM ban JOIN contact_point o ON o.kind = 'email' AND split_part(o.value, '@', -1) = ban.domain
    WHERE ban.domain IS NOT NULL
), of_people AS (
  SELECT contact_id, reason, since, yields FROM stopped
  UNION ALL SELECT contact_id, reason, since, yields FROM met WHERE own AND contact_id IS NOT NULL
), found AS (
  SELECT o.address_key, o.kind, o.contact_id, s.reason, s.since, s.yields
    FROM of_people s JOIN contact_point o ON o.contact_id = s.contact_id WHERE o.kind = ANY(%(kinds)s)
  UNION ALL SELECT m.address_key, m.kind, m.contact_id, m.reason, m.since, m.yields
    -- A person's own bans have come with all their addresses.
    FROM met m WHERE m.kind = ANY(%(kinds)s) AND NOT (m.own AND m.contact_id IS NOT NULL)
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, 'ADDRESS_INVALID', NULL, false
    FROM contact_point o WHERE o.state <> 'ok' AND o.kind = ANY(%(kinds)s)
  UNION ALL SELECT ban.address_key, ban.target_kind, NULL, ban.reason, ban.since, ban.yields
    FROM ban WHERE ban.target_kind = ANY(%(kinds)s)
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, 'ERASED_SUPPRESSED', k.erased_at, true
    FROM erased_key k JOIN contact_point o ON o.address_key = k.address_key
    WHERE NOT k.hashed AND o.kind = ANY(%(kinds)s)
  UNION ALL SELECT o.address_key, o.kind, o.contact_id, 'ERASED_SUPPRESSED', k.erased_at, true
    FROM erased_key k JOIN contact_point o ON o.sha256_key = k.address_key
    WHERE k.hashed AND o.kind = ANY(%(kinds)s)
  UNION ALL SELECT e.address_key, e.kind, NULL, 'ERASED_SUPPRESSED', e.since, false
    FROM exported_entry e JOIN erased_key k ON k.address_key = e.address_key AND NOT k.hashed
    WHERE e.schedule = %(schedule)s AND e.to_seq IS NULL
), coded AS (
  -- The strictest reason and its earliest moment as one number, whose least is found without sorting a million rows:
  -- the reason's place, then microseconds from a moment before anybody was born; an unknown moment is the last.
  SELECT f.address_key, f.kind, bool_and(f.yields AND w.contact_id IS NOT NULL) AS doubtful,
    min((f.reason::bigint << 54)
      + coalesce((date_part('epoch', f.since) * 1000000)::bigint + (1::bigint << 52), (1::bigint << 54) - 1)) AS code
  FROM found f LEFT JOIN willing w ON w.contact_id = f.contact_id GROUP BY f.address_key, f.kind
)
SELECT address_key, kind, (%(reasons)s::text[])[(code >> 54)::int] AS reason, timestamptz 'epoch'
    + (nullif(code & ((1::bigint << 54) - 1), (1::bigint << 54) - 1) - (1::bigint << 52)) * interval '1 microsecond'
    AS since, doubtful
FROM coded
"""
# Reasons are their places while they are compared, a million times, and words only at the end.
_CREATE: Final = re.sub("'(" + "|".join(REASONS) + ")'", lambda found: str(REASONS.index(found[1]) + 1), _QUESTION)

#: The register's tables of the question, which ``exports.changed`` has shorter ones of, called ``asked_…``.
_TABLES: Final = re.compile(
    r"\b(FROM|JOIN) (contact_point|contact|standing|prohibition|role|erased_key|exported_entry)\b"
)
_CREATE_OF_ASKED: Final = (
    _TABLES.sub(r"\1 asked_\2", _CREATE) + "WHERE address_key IN (SELECT address_key FROM asked)"  # noqa: S608 - our own words
)
#: What was asked; a set that other words asked for is not built upon.
WORDS: Final = _CREATE


def create_set(
    cursor: Any,
    *,
    of_asked: bool = False,
    schedule: str,
    controller: str,
    channel: str,
    purpose: str,
    topic: str | None,
    kinds: list[str],
    today: object,
) -> None:
    """Fill the temporary table ``export_now`` (address_key, kind, reason, since, doubtful) for this transaction.

    ``of_asked``: with those addresses alone that ``exports.changed`` has found, of the rows that speak of them.
    """
    marketing = purpose in ("direct_marketing", "newsletter")
    cursor.execute(
        _CREATE_OF_ASKED if of_asked else _CREATE,
        {
            "schedule": schedule,
            "controller": controller,
            "channel": channel,
            # A ban on e-mail stops audiences too.
            "channels": ["*", channel, *(["email"] if channel == "online_audience" else [])],
            "purposes": ["*", purpose, *(["direct_marketing"] if marketing else [])],
            "topics": ["*", *([topic] if topic else [])],
            "needs_consent": channel not in ("phone", "post"),
            "kinds": kinds,
            "today": today,
            "reasons": list(REASONS),
        },
    )
