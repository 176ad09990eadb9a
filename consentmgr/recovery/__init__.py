"""Backups that were tried, and a restored register that answers nothing until it knows who left meanwhile."""
