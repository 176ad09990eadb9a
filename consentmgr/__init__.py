"""consentmgr: who may be contacted, by which channel, for what, on what legal basis, and the proof of it."""

__version__ = "0.1.0"
