"""The reason codes by stage, in the words people read; ``consentmgr.vocabulary.reason_codes`` joins them in order."""
