"""One-time codes (RFC 6238) and the recovery codes that stand in for a lost device.

The codes are those of Flask-Security's ``Totp``, which encrypts each secret before it is stored; a code is good once,
for half a minute and the half minutes beside it, also where two browsers send it at the same moment: the account's
row is held while it is checked.
"""

from __future__ import annotations

import base64
import hmac
import io
import re
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from consentmgr.keys import Keys
from consentmgr.staff.models import Account

if TYPE_CHECKING:
    from flask_security.totp import Totp

#: What an authenticator shows beside the account.
ISSUER: Final = "consentmgr"
RECOVERY_CODES: Final = 10
#: Seconds a clock may be off, to either side.
_WINDOW: Final = 30


@lru_cache(maxsize=4)
def _codes(session_secret: bytes) -> Totp:
    # It takes most of a second to load, and only those who sign in need it.
    from flask_security.totp import Totp

    secret = blake2b(session_secret, digest_size=32, person=b"staff-totp").hexdigest()
    return Totp({"1": secret}, ISSUER)


def new_secret(keys: Keys) -> str:
    """A secret for one-time codes, encrypted; it is the account's only once a code of it was shown."""
    return str(_codes(keys.session_secret).generate_totp_secret())


def key_of(secret: str, keys: Keys) -> str:
    """The secret as a person types it into an authenticator."""
    return str(_codes(keys.session_secret).get_totp_pretty_key(secret))


def picture_of(secret: str, email: str, keys: Keys) -> str:
    """The secret as a picture to scan: a ``data:`` address of an SVG."""
    import qrcode
    import qrcode.image.svg

    address = _codes(keys.session_secret).get_totp_uri(email, secret)
    # Fills are attributes, not style, which the content security policy would not let through.
    image = qrcode.make(address, image_factory=qrcode.image.svg.SvgPathFillImage, border=2)
    drawn = io.BytesIO()
    image.save(drawn)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode("ascii")


def step_of(code: str, secret: str, last: int | None, keys: Keys, now: datetime) -> int | None:
    """The time step a code is of, where it is a right one later than ``last``; else None."""
    from passlib.exc import TokenError

    digits = re.sub(r"[\s-]", "", code)
    if not re.fullmatch(r"[0-9]{6}", digits):
        return None
    try:
        # ``Totp.verify_totp`` reads the clock itself; the time is an argument here.
        match = _codes(keys.session_secret)._totp.verify(  # noqa: SLF001 - see above
            digits, secret, time=now, window=_WINDOW, last_counter=last
        )
    except TokenError:
        return None
    return int(match.counter)


def take_code(account: Account, code: str, keys: Keys, now: datetime) -> bool:
    """Whether a code is right and was not taken before; then it never is again. The account's row is held."""
    if account.tf_totp_secret is None:
        return False
    step = step_of(code, account.tf_totp_secret, account.totp_counter, keys, now)
    if step is None:
        return False
    account.totp_counter = step
    return True


def set_up(account: Account, secret: str, code: str, keys: Keys, now: datetime) -> list[str] | None:
    """Make a secret the account's own where the code is of it: the new recovery codes, to be shown once; else None."""
    step = step_of(code, secret, None, keys, now)
    if step is None:
        return None
    account.tf_totp_secret = secret
    account.totp_counter = step
    return new_recovery_codes(account, keys)


def new_recovery_codes(account: Account, keys: Keys) -> list[str]:
    """Draw recovery codes; those from before are good no more."""
    codes: list[str] = _codes(keys.session_secret).generate_recovery_codes(RECOVERY_CODES)
    account.recovery_codes = [_recovery_digest(code, keys) for code in codes]
    return codes


def take_recovery_code(account: Account, code: str, keys: Keys) -> bool:
    """Whether it is one of the account's recovery codes; then it is used up. The account's row is held."""
    given = _recovery_digest(code, keys)
    left = [kept for kept in account.recovery_codes if not hmac.compare_digest(kept, given)]
    if len(left) == len(account.recovery_codes):
        return False
    account.recovery_codes = left
    return True


def _recovery_digest(code: str, keys: Keys) -> str:
    plain = re.sub(r"[^0-9a-f]", "", code.lower())
    return blake2b(plain.encode(), digest_size=20, key=keys.session_secret, person=b"staff-recovery").hexdigest()
