"""Who holds an address: each contact point with its contact, and with the contact's act, relation and role where it has
one of them alone.

Nothing here depends on the campaign or the day, so the snapshot has it made already: a list then meets what is asked
of most people in one join. Pure.
"""

from collections.abc import Mapping

from consentmgr.screening.facts.columns import Frame, is_true

#: A contact's only act, its only customer relation and its only role: the organisation, and from when to when.
ONLY = ("only_entry", "only_at_us", "only_act_kind", "only_purchase_day", "only_relation_kind", "only_role_at",
        "only_role_since", "only_role_until")  # fmt: skip
#: Those of them that are dates; the others are whole numbers.
ONLY_DATES = ("only_role_since", "only_role_until")
#: Facts of a contact that its points carry.
PERSON = (
    "country",
    "born_on",
    "deceased_on",
    "non_disclosure",
    "restricted_since_us",
    "last_interaction_on",
    *ONLY,
)


def with_only_history(contacts: Frame, acts: Frame, relations: Frame, roles: Frame) -> Frame:
    """Adds to each contact its only act, customer relation and role (``only_*``); null where it has none or more."""
    act = acts.filter(is_true("alone")).select(
        "contact_id", only_entry="entry_id", only_at_us="at_us", only_act_kind="act_kind"
    )
    relation = relations.filter(is_true("alone")).select(
        "contact_id", only_purchase_day="last_purchase_day", only_relation_kind="relation_kind"
    )
    role = roles.filter(is_true("alone")).select(
        "contact_id", only_role_at="organisation_id", only_role_since="since", only_role_until="until"
    )
    for only in (act, relation, role):
        contacts = contacts.join(only, on="contact_id", how="left")
    return contacts


def with_contact(points: Frame, contacts: Frame) -> Frame:
    """Adds ``PERSON`` to each contact point, from contacts as ``with_only_history`` gives them."""
    return points.join(contacts.select("contact_id", *PERSON), on="contact_id", how="left")


def held(register: Mapping[str, Frame]) -> dict[str, Frame]:
    """The register's frames with ``contacts`` and ``points`` widened."""
    contacts = with_only_history(register["contacts"], register["acts"], register["relations"], register["roles"])
    return {**register, "contacts": contacts, "points": with_contact(register["points"], contacts)}
