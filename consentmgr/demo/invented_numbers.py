"""Telephone numbers and business ids that look right, pass every check and belong to nobody."""

from __future__ import annotations

from collections.abc import Iterator

#: Finnish mobile numbers here are +358 50 1xx xxxx.
PHONE_PREFIX = "+358501"
#: Business ids are given out in order and are far from their ninth million.
FIRST_BUSINESS_ID = 9_100_000

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2)
#: No common divisor with a million, so that all numbers come before one comes again.
_STRIDE = 618_033


def phones() -> Iterator[str]:
    """Different numbers in E.164, spread over the range."""
    number = 0
    while True:
        number = (number + _STRIDE) % 1_000_000
        yield f"{PHONE_PREFIX}{number:06d}"


def business_ids() -> Iterator[str]:
    """Different Finnish business ids with their check digits."""
    number = FIRST_BUSINESS_ID
    while True:
        number += 37
        rest = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, str(number), strict=True)) % 11
        # A rest of 1 would need a check digit of 10; such numbers are not given to anybody.
        if rest != 1:
            yield f"{number}-{11 - rest if rest else 0}"
