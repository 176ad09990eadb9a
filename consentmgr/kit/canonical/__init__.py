"""Canonical forms: the one place that decides when two addresses are the same.

Every address that enters - an import, a campaign list, a ban list, a link - is brought to one canonical form. What is
equal here is banned together; so two rules hold everywhere and are property-tested: a canonical form is its own
canonical form, and two addresses that could belong to two people are never given the same one. Where a text could
mean two addresses, it has no canonical form (``None``). The equivalences, and why each was chosen, are in
docs/decisions/0004-address-keys.md; the keys made of canonical forms are in ``kit.address_keys``.

One module a kind of address, and ``columns`` for whole Arrow columns of them.
"""
