"""Consent records: what a person agreed to, refused and withdrew, in public shapes, signed, and as a copy to keep."""
