"""Frames that are SQL text: how DuckDB is asked the column expressions of facts and rules.

Narwhals' own frames over DuckDB bind every step anew with all that came before it, several hundred times a question.
Here a step adds to a text, and DuckDB reads the whole of it once, when its rows are wanted.
"""
