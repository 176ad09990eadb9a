"""Canonical addresses: what is equal, what is never merged, and that columns and single addresses agree."""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.columns import canonical_column, canonical_post_column
from consentmgr.kit.canonical.emails import canonical_domain, canonical_email
from consentmgr.kit.canonical.hashes import canonical_sha256
from consentmgr.kit.canonical.names import canonical_name
from consentmgr.kit.canonical.phones import canonical_phone
from consentmgr.kit.canonical.postal import canonical_post

KEYS = AddressKeys(b"a test secret of 32 bytes, no more", 1)

# --- e-mail


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("aino@posti.example", "aino@posti.example"),
        ("  Aino.Virtanen@Posti.EXAMPLE \t\r\n", "aino.virtanen@posti.example"),
        ("\ufeffaino@posti.example\u200b", "aino@posti.example"),
        ("ai\u00adno@posti.example", "aino@posti.example"),
        ("aino@posti.example\u00a0", "aino@posti.example"),
        ("aino@posti.example.", "aino@posti.example"),
        ("ａｉｎｏ＠ｐｏｓｔｉ．ｅｘａｍｐｌｅ", "aino@posti.example"),
        ("WILMA.STRAND@XN--TYKALU5086-FCB.EXAMPLE", "wilma.strand@työkalu5086.example"),
        ("wilma.strand@TYÖKALU5086.example", "wilma.strand@työkalu5086.example"),
        ("wilma.strand@tyo\u0308kalu5086.example", "wilma.strand@työkalu5086.example"),
        ("wilma.strand@työkalu5086。example", "wilma.strand@työkalu5086.example"),
        ("PA\u0308IVI@posti.example", "päivi@posti.example"),
        ("a.i.n.o+uutiset@gmail.com", "a.i.n.o+uutiset@gmail.com"),
        ("=a@posti.example", "=a@posti.example"),
        ("o'hara@posti.example", "o'hara@posti.example"),
        ("+358501000003@posti.example", "+358501000003@posti.example"),
        ('"Aino V"@posti.example', '"aino v"@posti.example'),
        ('"a@b"@posti.example', '"a@b"@posti.example'),
        ("mailto:Aino@posti.example?subject=Hei", "aino@posti.example"),
        ("mailto:aino%2Bx@posti.example", "aino+x@posti.example"),
        ("Aino Virtanen <Aino@posti.example>", "aino@posti.example"),
        ('"Virtanen, Aino" <aino@posti.example>', "aino@posti.example"),
        ("'aino@posti.example' <aino@posti.example>", "aino@posti.example"),
        ("<aino@posti.example>", "aino@posti.example"),
        ("a@i❤.example", "a@i❤.example"),
        ("a@xn--i-7iq.example", "a@i❤.example"),
        ("a@straße.example", "a@straße.example"),
        ("a@my_host.example", "a@my_host.example"),
        ("..a..@posti.example", "..a..@posti.example"),
    ],
)
def test_email_has_a_canonical_form(written: str, canonical: str) -> None:
    assert canonical_email(written) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "\ufeff",
        "aino",
        "@posti.example",
        "aino@",
        "aino@posti",
        "aino@localhost",
        "aino@.example",
        "aino@posti..example",
        "aino@-posti.example",
        "aino@posti-.example",
        "aino virtanen@posti.example",
        "aino@posti example",
        "aino@posti.example\x00",
        "ai\x07no@posti.example",
        "aino@posti.example, birger@posti.example",
        "aino@posti.example;birger@posti.example",
        "aino@@posti.example",
        "birger@posti.example <aino@posti.example>",
        "Aino <aino@posti.example> <birger@posti.example>",
        "aino@192.0.2.1",
        "aino@[192.0.2.1]",
        "aino@xn--a.example",
        "aino@xn--\u00e4.example",
        "aino@" + "a" * 400 + ".example",
        "a" * 400 + "@posti.example",
        "x" * 1_000_000,
        '"aino@posti.example',
        "aino(kommentti)@posti.example",
        "ei ole",
        "-",
        "\ud800@posti.example",
    ],
)
def test_email_has_no_canonical_form(written: str) -> None:
    assert canonical_email(written) is None


TEXT = st.text(max_size=30)
AWKWARD = st.text(
    alphabet=" \t\n\u00a0\u200b\u200d\ufeff\u00ad\"'<>@.,;:+-_=aAäÄÅßİıſΣσςKＡ１é\u0308\u0301xn", max_size=25
)
LOCAL = st.text(alphabet="abcABC019.+-_'=åÄé", min_size=1, max_size=12)
DOMAIN = st.from_regex(r"\A[a-zA-ZåäöÅÄÖ]{1,8}(\.[a-zA-Z]{2,6}){1,2}\.?\Z")
ADDRESS = st.builds(lambda local, domain: f"{local}@{domain}", LOCAL, DOMAIN)
ANY_EMAIL = st.one_of(ADDRESS, AWKWARD, TEXT, st.builds("{}@{}.example".format, AWKWARD, AWKWARD))


@given(ANY_EMAIL)
@example("a\u200d\u200dé@x.example")
@example("\u00ad\u0308a@x.example")
@example("İ@İ.example")
@example("ΑΣ@ΑΣ.example")
@example("a@xn--mgba3gch31f060k.example")
def test_canonical_email_is_its_own_canonical_form(text: str) -> None:
    canonical = canonical_email(text)
    if canonical is not None:
        assert canonical_email(canonical) == canonical
        assert canonical_domain(canonical.rpartition("@")[2]) == canonical.rpartition("@")[2]
        canonical.encode()


@given(ADDRESS, ADDRESS)
@example("a.b@x.example", "ab@x.example")
@example("a+b@x.example", "a@x.example")
@example("a@straße.example", "a@strasse.example")
def test_two_mailboxes_are_never_merged(one: str, other: str) -> None:
    def loosely(text: str) -> str:
        # An independent account of the documented equivalences, for addresses without wrapping.
        return unicodedata.normalize("NFKC", text).lower().removesuffix(".")

    assume(loosely(one) != loosely(other))
    first = canonical_email(one)
    assert first is None or first != canonical_email(other)


@given(ADDRESS, st.sampled_from([" {}", "{}\n", "\ufeff{}", "<{}>", "Nimi <{}>", "MAILTO:{}", "\u200b{}\u00a0"]))
def test_wrapping_does_not_change_a_mailbox(address: str, wrapping: str) -> None:
    assert canonical_email(wrapping.format(address)) == canonical_email(address)


@given(ADDRESS)
def test_capitals_and_punycode_do_not_change_a_mailbox(address: str) -> None:
    canonical = canonical_email(address)
    assert canonical is not None
    local, _, domain = canonical.rpartition("@")
    assert canonical_email(address.upper()) == canonical
    assert canonical_email(f"{local}@{domain.encode('idna').decode().upper()}") == canonical


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Esimerkki.FI.", "esimerkki.fi"),
        ("@esimerkki.fi", "esimerkki.fi"),
        ("XN--TYKALU5086-FCB.EXAMPLE", "työkalu5086.example"),
        ("fi", None),
        ("", None),
        ("esimerkki fi", None),
        ("https://esimerkki.fi/", None),
        ("aino@esimerkki.fi", None),
    ],
)
def test_domain(written: str, canonical: str | None) -> None:
    assert canonical_domain(written) == canonical


# --- telephone


@pytest.mark.parametrize(
    "written",
    [
        "+358 50 1000003",
        "+358501000003",
        "050-1000003",
        "0501000003",
        "050 100 00 03",
        "050.100.0003",
        "(050) 1000003",
        "+358 (0)50 1000003",
        "+358(50)1000003",
        "(+358) 50 1000003",
        "00358501000003",
        "00 358 50 1000003",
        "(0)501000003",
        "501000003",
        "501000003.0",
        "501000003,0",
        "358501000003",
        "358501000003.0",
        "3.58501000003E+11",
        "5.01000003e8",
        "tel:+358-50-1000003",
        "Puh. 050 1000003",
        "GSM: 050 1000003",
        "050 1000003 ext. 12",
        "050–1000003",
        "050\u00a01000003",
        "\u202a+358501000003\u202c",
        "０５０１０００００３",
    ],
)
def test_every_way_to_write_a_number_meets(written: str) -> None:
    assert canonical_phone(written) == "+358501000003"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("+358 9 4205043", "+35894205043"),
        ("(09) 420 5043", "+35894205043"),
        ("09/420 5043", "+35894205043"),
        ("35894205043", "+35894205043"),
        ("94205043", "+35894205043"),
        ("+46 70-123 45 67", "+46701234567"),
        ("+46 (0)70-123 45 67", "+46701234567"),
        ("0046701234567", "+46701234567"),
        ("+1 650 555 1212", "+16505551212"),
        ("+39 06 12345678", "+390612345678"),
        ("0457 123 4567", "+3584571234567"),
        ("0100 100", "+358100100"),
        ("+372 5123 4567", "+37251234567"),
    ],
)
def test_phone_has_a_canonical_form(written: str, canonical: str) -> None:
    assert canonical_phone(written) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ei ole",
        "-",
        "112",
        "12345",
        "050 12",
        "+358 50 123",
        "3.58501E+11",
        "3,58E+11",
        "4791234567",
        "46701234567",
        "4571234567",
        "0501000003/0501000004",
        "0501000003/4",
        "0501000003, 0501000004",
        "0501000003 tai 0501000004",
        "050 1000003 (Aino)",
        "0800 FLOWERS",
        "+0501000003",
        "+358",
        "+999 123456789",
        "0358501000003",
        "050 1000003 1000003 1000003",
        "050+1000003",
        "(050 1000003",
        "aino@posti.example",
        "1" * 1_000_000,
    ],
)
def test_phone_has_no_canonical_form(written: str) -> None:
    assert canonical_phone(written) is None


def test_region_says_where_a_national_number_belongs() -> None:
    assert canonical_phone("070-123 45 67", "SE") == "+46701234567"
    assert canonical_phone("070-123 45 67", "se") == "+46701234567"
    assert canonical_phone("0501000003", "XX") is None


DIGITS = st.text(alphabet="0123456789", min_size=1, max_size=15)
SEPARATED = st.lists(st.text(alphabet="0123456789", min_size=1, max_size=5), min_size=1, max_size=5).map(" ".join)
WRITTEN_PHONE = st.one_of(
    DIGITS,
    SEPARATED,
    st.builds("+{}".format, DIGITS),
    st.builds("+{}{}".format, st.sampled_from([358, 46, 47, 45, 372, 44, 49, 1, 39, 7, 370]), DIGITS),
    st.builds("0{}".format, SEPARATED),
    st.builds("00{}{}".format, st.sampled_from([358, 46, 1]), DIGITS),
    st.text(alphabet="0123456789 +-()./,eExt", max_size=20),
)


@given(WRITTEN_PHONE)
def test_canonical_phone_is_its_own_canonical_form(text: str) -> None:
    canonical = canonical_phone(text)
    if canonical is not None:
        assert canonical_phone(canonical) == canonical
        assert re.fullmatch(r"\+[1-9][0-9]{4,20}", canonical)


@given(
    st.one_of(st.builds("+{}".format, DIGITS), st.builds("0{}".format, DIGITS), st.builds("+358 {}".format, SEPARATED))
)
def test_phonenumbers_is_the_truth(text: str) -> None:
    """Where we give a form at all, it is the one phonenumbers gives for a possible number."""
    canonical = canonical_phone(text)
    if canonical is None:
        return
    number = phonenumbers.parse(text, "FI")
    assert phonenumbers.is_possible_number(number)
    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == canonical


def test_a_possible_international_number_always_has_a_form() -> None:
    for text in ("+358501000003", "+35894205043", "+46701234567", "+4791234567", "+4512345678", "+37251234567"):
        number = phonenumbers.parse(text, None)
        assert phonenumbers.is_possible_number(number)
        assert canonical_phone(text) == text


# --- post

HOME = "FI|00100|esimerkkikatu 12 a 1"


@pytest.mark.parametrize(
    ("street", "apartment", "postal_code"),
    [
        ("Esimerkkikatu 12", "A 1", "00100"),
        ("ESIMERKKIKATU 12", "a 1", "00100"),
        ("Esimerkkikatu 12", "A1", "00100"),
        ("Esimerkkikatu 12 A 1", None, "00100"),
        ("Esimerkkikatu  12,  A 1 ", "", "FI-00100"),
        ("Esimerkkikatu 12 A1", " ", "FI 00100"),
        ("Esimerkkikatu 12 A as 1", None, "00100"),
        ("Esimerkkikatu 12 A as. 1", None, "00100"),
        ("Esimerkkikatu 12 A as.1", None, "00100"),
        ("Esimerkkikatu 12 A, bost. 1", None, "00 100"),
        ("Esimerkkikatu 12", "A lgh 1", "00100"),
        ("Esimerkkikatu 12", "A 001", "00100"),
        ("Esimerkkikatu 12", "rappu A as 1", "100"),
        ("Esimerkkikatu 12 A 1", None, "100.0"),
        ("c/o Virtanen, Esimerkkikatu 12 A 1", None, "００１００"),
        ("Esimerkkikatu\u00a012\u200b", "A\u00a01", "00100"),
    ],
)
def test_every_way_to_write_a_home_meets(street: str, apartment: str | None, postal_code: str) -> None:
    assert canonical_post(street, apartment, postal_code, "Helsinki") == HOME
    assert canonical_post(street, apartment, postal_code, "HELSINGFORS", "Suomi") == HOME


def test_homes_that_are_never_merged() -> None:
    homes = [
        ("Esimerkkikatu 12", None),
        ("Esimerkkikatu 12", "1"),
        ("Esimerkkikatu 12", "A"),
        ("Esimerkkikatu 12", "A 1"),
        ("Esimerkkikatu 12", "A 11"),
        ("Esimerkkikatu 12", "A 1b"),
        ("Esimerkkikatu 12", "B 1"),
        ("Esimerkkikatu 12", "AB 1"),
        ("Esimerkkikatu 12a", "1"),
        ("Esimerkkikatu 12b", "1"),
        ("Esimerkkikatu 12b", None),
        ("Esimerkkikatu 12", "b"),
        ("Esimerkkikatu 1", "2"),
        ("Esimerkkikatu 121", None),
        ("Esimerkkikatu 12-14", "A 1"),
        ("Esimerkkikatu 12 / 14", "A 1"),
        ("Esimerkkitie 12", "A 1"),
        ("Esimerkkikatü 12", "A 1"),
        ("3. linja 12", "A 1"),
        ("PL 12", None),
        ("Plassi 12", None),
        ("Rantala", None),
    ]
    forms = [canonical_post(street, apartment, "00100", None) for street, apartment in homes]
    forms += [
        canonical_post("Esimerkkikatu 12", "A 1", "00110", None),
        canonical_post("Katu 1", None, "00100", None, "SE"),
    ]
    assert None not in forms
    assert len(set(forms)) == len(forms)


@pytest.mark.parametrize(
    ("street", "postal_code", "country", "canonical"),
    [
        ("PL 12", "00101", "FI", "FI|00101|pl 12"),
        ("PB 12", "00101", "FI", "FI|00101|pl 12"),
        ("P.O. Box 012", "00101", None, "FI|00101|pl 12"),
        ("Postilokero 12", "00101", "", "FI|00101|pl 12"),
        ("3. linja 5 A 2", "00530", "FI", "FI|00530|3 linja 5 a 2"),
        ("Itäinen Pitkäkatu 3 – 5 B 12", "20810", "FI", "FI|20810|itäinen pitkäkatu 3-5 b 12"),
        ("Storgatan 1 lgh 1101", "SE-111 22", "SE", "SE|11122|storgatan 1 1101"),
        ("Strandgatan 1", "AX-22100", "AX", "FI|22100|strandgatan 1"),
        ("Strandgatan 1", "22100", "FI", "FI|22100|strandgatan 1"),
        ("Katu 1", "SW1A 1AA", "GB", "GB|sw1a1aa|katu 1"),
    ],
)
def test_post_has_a_canonical_form(street: str, postal_code: str, country: str | None, canonical: str) -> None:
    assert canonical_post(street, None, postal_code, "Kaupunki", country) == canonical


@pytest.mark.parametrize(
    ("street", "apartment", "postal_code", "country"),
    [
        (None, None, "00100", "FI"),
        ("", "A 1", "00100", "FI"),
        ("  ", None, "00100", "FI"),
        ("Katu 1", None, None, "FI"),
        ("Katu 1", None, "", "FI"),
        ("Katu 1", None, "1234567", "FI"),
        ("Katu 1", None, "ABC", "FI"),
        ("Katu 1", None, "10", "FI"),
        ("Katu 1", None, "SE-11122", "FI"),
        ("Katu 1", None, "00100", "Utopia"),
        ("Katu\x00 1", None, "00100", "FI"),
        ("\u200b", None, "00100", "FI"),
        ("K" * 2_000, None, "00100", "FI"),
    ],
)
def test_post_has_no_canonical_form(
    street: str | None, apartment: str | None, postal_code: str | None, country: str
) -> None:
    assert canonical_post(street, apartment, postal_code, "Helsinki", country) is None


STREET = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            ["Katu", "3.", "linja", "12", "12b", "012", "A", "A1", "as", "as.", "as.4", "lgh", "rappu", "4", "-", "–",
             ",", "/", "c/o", "PL", "box", "3-5", "001", "b", "ß", "\u200b", "İ", "|", "1101"]
        ),
        max_size=8,
    ).map(" ".join),
)  # fmt: skip


@given(STREET, st.one_of(st.none(), STREET))
@example("Katu 12 lgh lgh 4", None)
@example("c/o c/o", None)
def test_canonical_post_is_its_own_canonical_form(street: str, apartment: str | None) -> None:
    canonical = canonical_post(street, apartment, "00100", None)
    if canonical is not None:
        country, code, line = canonical.split("|")
        assert canonical_post(line, None, code, None, country) == canonical


@given(STREET, STREET)
def test_one_field_or_two_is_the_same_home(street: str, apartment: str) -> None:
    assume(street.strip())
    joined = canonical_post(f"{street}\n{apartment}", None, "00100", None)
    assert canonical_post(street, apartment, "00100", None) == joined


# --- names and hashes


def test_names() -> None:
    assert canonical_name(" Anna-Liisa ", "VIRTANEN") == "anna-liisa|virtanen"
    assert canonical_name("Anna‐Liisa", "Virtanen") == "anna-liisa|virtanen"
    assert canonical_name("Anna", "Liisa Virtanen") != canonical_name("Anna Liisa", "Virtanen")
    assert canonical_name("Anna Liisa", "Virtanen") != canonical_name("Anna-Liisa", "Virtanen")
    assert canonical_name("Åsa", None) == "åsa|"
    assert canonical_name("Asa", None) != canonical_name("Åsa", None)
    assert canonical_name(None, " ") is None


@given(st.text(max_size=20), st.text(max_size=20))
def test_canonical_name_is_its_own_canonical_form(given_name: str, family_name: str) -> None:
    canonical = canonical_name(given_name, family_name)
    if canonical is not None:
        assert canonical_name(*canonical.split("|")) == canonical


def test_sha256_digests() -> None:
    digest = hashlib.sha256(b"aino@posti.example").hexdigest()
    assert canonical_sha256(f" {digest.upper()}\n") == digest
    assert canonical_sha256(digest[:-1]) is None
    assert canonical_sha256(digest + "0") is None
    assert canonical_sha256("g" * 64) is None


# --- keys


def test_keys_differ_by_kind_and_secret() -> None:
    other = AddressKeys(b"another test secret, just as long", 2)
    kinds = {KEYS.key(kind, "same") for kind in ("email", "phone", "post", "name")}
    assert len(kinds) == 4
    assert KEYS.key("email", "same") != other.key("email", "same")
    assert KEYS.sha256_key("email", "0" * 64) != KEYS.key("email", "0" * 64)
    assert KEYS.sha256_key("email", "0" * 64) != KEYS.sha256_key("phone", "0" * 64)
    with pytest.raises(ValueError, match="kind"):
        KEYS.key("fax", "x")
    with pytest.raises(ValueError, match="16 to 64"):
        AddressKeys(b"short", 1)


def test_a_key_is_a_fixed_function_of_address_and_secret() -> None:
    """What is stored must be found again after any change of this code: these values may not change."""
    keys = AddressKeys(bytes(range(32)), 1)
    expected = hashlib.blake2b(b"email\0aino@posti.example", key=bytes(range(32)), digest_size=16)
    assert keys.key("email", "aino@posti.example").bytes == expected.digest()
    assert str(keys.key("email", "aino@posti.example")) == "a7974424-2e56-547a-7918-cb313ed2dc56"


def test_points_carry_every_key_they_are_matched_by() -> None:
    point = KEYS.email("Aino@posti.example ")
    assert point is not None
    assert point.canonical == "aino@posti.example"
    assert point.address_key == KEYS.key("email", point.canonical)
    assert point.sha256_key == KEYS.sha256_key("email", hashlib.sha256(b"aino@posti.example").hexdigest())
    assert point.sha256_digits_key is None
    phone = KEYS.phone("050-1000003")
    assert phone is not None
    assert phone.sha256_key == KEYS.sha256_key("phone", hashlib.sha256(b"+358501000003").hexdigest())
    assert phone.sha256_digits_key == KEYS.sha256_key("phone", hashlib.sha256(b"358501000003").hexdigest())
    post = KEYS.post("Esimerkkikatu 12", "A 1", "00100", "Helsinki")
    assert post is not None
    assert post.address_key == KEYS.key("post", HOME)
    assert post.sha256_key is None
    assert KEYS.email("-") is None
    assert KEYS.name("Aino", None) is not None


def test_nothing_personal_or_secret_shows_in_a_repr() -> None:
    point = KEYS.email("aino@posti.example")
    assert "aino" not in repr(point)
    assert "secret" not in repr(KEYS)
    assert "aino" not in repr(KEYS.columns("email", pa.array(["aino@posti.example"])))


# --- columns equal single addresses


def _one_by_one(kind: str, texts: list[str | None]) -> list[bytes | None]:
    find = KEYS.email if kind == "email" else KEYS.phone
    points = [find(text) if text is not None else None for text in texts]
    return [point.address_key.bytes if point else None for point in points]


@given(st.lists(st.one_of(st.none(), ANY_EMAIL.filter(lambda text: text.isprintable() or text.isascii())), max_size=20))
def test_a_column_of_emails_equals_one_by_one(texts: list[str | None]) -> None:
    assert KEYS.column("email", pa.array(texts, pa.string())).to_pylist() == _one_by_one("email", texts)


@given(st.lists(st.one_of(st.none(), WRITTEN_PHONE), max_size=20))
def test_a_column_of_phones_equals_one_by_one(texts: list[str | None]) -> None:
    assert KEYS.column("phone", pa.array(texts, pa.string())).to_pylist() == _one_by_one("phone", texts)


def test_the_fast_path_of_phones_equals_phonenumbers() -> None:
    """Many numbers of the shapes that are read as columns; seeded, so that a failure can be repeated."""
    chance = random.Random(20261101)
    texts = []
    for _ in range(3_000):
        digits = "".join(chance.choice("0123456789") for _ in range(chance.randint(3, 13)))
        start = chance.choice(
            ["0", "+358", "+358 ", "050-", "09 ", "+46", "+47 ", "+45", "+372", "+44", "+49", "+33", "+1"]
        )
        texts.append(start + digits)
    bulk = canonical_column("phone", pa.array(texts)).to_pylist()
    assert bulk == [canonical_phone(text) for text in texts]
    assert sum(form is not None for form in bulk) > 1_000


@given(
    st.lists(st.tuples(STREET, st.one_of(st.none(), STREET), st.sampled_from(["00100", "100", "", None])), max_size=10)
)
def test_a_column_of_posts_equals_one_by_one(rows: list[tuple[str, str | None, str | None]]) -> None:
    encodable = [row for row in rows if all(part is None or part.isprintable() for part in row)]
    columns = (
        [pa.array(column, pa.string()) for column in zip(*encodable, strict=True)] if encodable else [pa.array([])] * 3
    )
    found = canonical_post_column(columns[0], columns[1], columns[2]).to_pylist()
    assert found == [canonical_post(street, apartment, code, None) for street, apartment, code in encodable]


PLAIN_HOME = st.tuples(
    st.from_regex(r"\A[A-Za-zÅÄÖåäö-]{1,6}( [a-zA-Z.-]{1,4})?[ ,]{1,2}[0-9]{1,3}[a-bA-B]?[ ,]{0,2}\Z"),
    st.one_of(st.none(), st.from_regex(r"\A[A-Cå]? ?[0-9]{0,3}[a-b]? ?\Z"), st.sampled_from(["as 1", "Katu 1"])),
    st.sampled_from(["00100", " 20100 ", "100", "1234567"]),
    st.sampled_from([None, "", "FI", "Suomi", "fi ", "SE"]),
)


@given(st.lists(PLAIN_HOME, max_size=10))
@example([("PL 12", None, "00100", None), ("", "Katu 1", "00100", None), ("Box 12", "", "00100", "FI")])
@example([("Katu - 1 - 2", "", "00100", None), ("Katu 1 2 3", None, "00100", None), ("AS 1", "b1", "00100", None)])
def test_a_column_of_plain_homes_equals_one_by_one(
    rows: list[tuple[str, str | None, str, str | None]],
) -> None:
    if not rows:
        return
    street, apartment, code, country = (pa.array(column, pa.string()) for column in zip(*rows, strict=True))
    expected = [canonical_post(one, two, three, None, four) for one, two, three, four in rows]
    assert canonical_post_column(street, apartment, code, country).to_pylist() == expected


def test_columns_of_every_arrow_shape() -> None:
    texts = ["Aino@posti.example", None, "-", "wilma@XN--TYKALU5086-FCB.EXAMPLE"]
    expected = _one_by_one("email", texts)
    for column in (
        pa.array(texts, pa.string()),
        pa.array(texts, pa.large_string()),
        pa.array(texts).dictionary_encode(),
        pa.array(["x", *texts]).slice(1),
        pa.chunked_array([texts[:1], texts[1:]]),
        pa.chunked_array([pa.array(texts), pa.array([], pa.string())]),
    ):
        assert KEYS.column("email", column).to_pylist() == expected
    assert KEYS.column("email", pa.array([], pa.string())).type == pa.binary(16)
    assert KEYS.column("email", pa.chunked_array([], pa.string())).to_pylist() == []
    assert KEYS.column("email", pa.array([None, None], pa.string())).to_pylist() == [None, None]


def test_columns_give_every_key() -> None:
    texts = ["+358 50 1000003", "nonsense", None]
    columns = KEYS.columns("phone", pa.array(texts))
    point = KEYS.phone("+358501000003")
    assert point is not None
    assert point.sha256_key is not None
    assert point.sha256_digits_key is not None
    assert columns.canonical.to_pylist() == ["+358501000003", None, None]
    assert columns.address_key.to_pylist() == [point.address_key.bytes, None, None]
    assert columns.sha256_key is not None
    assert columns.sha256_digits_key is not None
    assert columns.sha256_key.to_pylist() == [point.sha256_key.bytes, None, None]
    assert columns.sha256_digits_key.to_pylist() == [point.sha256_digits_key.bytes, None, None]


def test_a_column_of_hashes() -> None:
    digest = hashlib.sha256(b"aino@posti.example").hexdigest()
    found = KEYS.sha256_column("email", pa.array([digest.upper() + " ", "zz", None])).to_pylist()
    assert found == [KEYS.sha256_key("email", digest).bytes, None, None]


def test_a_column_of_names() -> None:
    found = KEYS.name_column(pa.array(["Aino", None]), pa.array(["Virtanen", None])).to_pylist()
    point = KEYS.name("AINO", "virtanen")
    assert point is not None
    assert found == [point.address_key.bytes, None]
