"""Screening at the staff's desk: a list brought in the browser, its answer, decisions on it, and what is handed on."""
