"""Column expressions run as plain Python over short lists: what one question costs when its plan is kept.

Polars and DuckDB plan a query afresh each time it is asked, and for a row or a thousand planning is nearly all the
work. Here the same Narwhals expressions are read once into a *plan*: a list of small steps, each a function over
lists (``steps``), without those whose result nobody asks for and with equal ones done once (``plan``). Frames
(``frames``) and expressions (``expressions``) are those of Narwhals; whatever facts and rules do not use is refused when
the plan is made. Nulls, and the logic of three values, are as in the other engines. Pure.
"""
