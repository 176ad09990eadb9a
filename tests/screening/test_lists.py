"""Campaign lists: whose row it is, found by the column's name in three languages or told, never guessed."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.kit.errors import BadInput
from consentmgr.screening.lists import CampaignList, read_list
from consentmgr.vocabulary.columns import COLUMN_NAMES, IDENTIFIERS, LIST_FIELDS, address_kind, find_columns, folded


def read(document: str | bytes, **options: object) -> CampaignList:
    data = document.encode() if isinstance(document, str) else document
    return read_list(io.BytesIO(data), name="lista.csv", **options)  # type: ignore[arg-type]


def test_an_excel_list_in_finnish_is_read_to_the_byte() -> None:
    document = (
        "Sähköposti;Puh.;Katuosoite;Postinumero;Postitoimipaikka;Y-tunnus;Etunimi;Sukunimi;Titteli;Vastuualue;Lähde;"
        "Hankittu;Huom\r\n"
        " Aino.Virtanen@Yritys.example ;040 123 4567;Mannerheimintie 1 A 2;00100;Helsinki;0112038-9;Aino;Virtanen;"
        'HR-päällikkö;henkilöstö;rekisteri;1.2.2026;"x;y"\r\n'
        ";;;;;;;;;;;;\r\n"
    )
    lst = read(document.encode("cp1252"))
    assert (lst.format, lst.encoding, lst.bom, lst.delimiter, lst.newline) == ("csv", "cp1252", False, ";", "\r\n")
    assert lst.recognised == {
        "email": "Sähköposti", "phone": "Puh.", "street": "Katuosoite", "postal_code": "Postinumero",
        "city": "Postitoimipaikka", "business_id": "Y-tunnus", "source": "Lähde", "acquired_on": "Hankittu",
        "title": "Titteli", "area": "Vastuualue", "given_name": "Etunimi", "family_name": "Sukunimi",
    }  # fmt: skip
    assert len(lst) == 2
    assert lst.identifiers.column_names == [field for field in LIST_FIELDS if field in lst.recognised]
    assert set(lst.identifiers.schema.types) == {pa.string()}
    first, blank = lst.identifiers.to_pylist()
    assert first["email"] == "Aino.Virtanen@Yritys.example"
    assert first["phone"] == "040 123 4567"
    assert set(blank.values()) == {None}
    assert lst.records is not None
    assert lst.header_record is not None
    lines = [lst.header_record, *lst.records.to_pylist()]
    assert "".join(line + lst.newline for line in lines) == document


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("email", ["email", "E-MAIL", "Sähköposti", "sahkoposti", "E-mail-osoite", "E-postadress", "e-post", "S-posti",
                   " Email Address "]),
        ("phone", ["phone", "Puhelin", "Puh.", "Matkapuhelin", "GSM", "Mobilnummer", "telefon", "Puh. nro"]),
        ("street", ["street", "Katuosoite", "Lähiosoite", "Gatuadress", "Osoite"]),
        ("postal_code", ["Postinumero", "postnr", "Postinro", "ZIP", "postal_code"]),
        ("city", ["Postitoimipaikka", "Postort", "Kaupunki"]),
        ("business_id", ["Y-tunnus", "ytunnus", "FO-nummer", "business_id", "Org.nr"]),
        ("email_sha256", ["email_sha256", "Email SHA-256"]),
        ("given_name", ["Etunimi", "Förnamn", "first_name"]),
        ("family_name", ["Sukunimi", "Efternamn", "surname"]),
        ("title", ["Titteli", "Nimike", "Befattning"]),
        ("area", ["Vastuualue", "Ansvarsområde"]),
        ("source", ["Lähde", "Källa"]),
        ("acquired_on", ["Hankittu", "Anskaffad"]),
        ("ref", ["ref", "Viite"]),
    ],
)  # fmt: skip
def test_names_in_three_languages(field: str, names: list[str]) -> None:
    for name in names:
        assert find_columns(["x", name], LIST_FIELDS) == {field: 1}


@given(st.sampled_from([(field, name) for field in LIST_FIELDS for name in COLUMN_NAMES[field]]), st.data())
def test_case_spaces_and_punctuation_do_not_matter(named: tuple[str, str], data: st.DataObject) -> None:
    field, name = named
    written = data.draw(st.sampled_from([name.upper(), name.title(), f" {name} ", name.replace(" ", "_"), f"{name}:"]))
    assert find_columns([written], LIST_FIELDS) == {field: 0}


def test_no_list_column_name_means_two_things() -> None:
    seen: dict[str, str] = {}
    for field in LIST_FIELDS:
        for name in {folded(one) for one in (field, *COLUMN_NAMES[field])}:
            assert seen.setdefault(name, field) == field


@pytest.mark.parametrize("name", ["Sähköposti 2", "email domain", "Nimi", "Name", "Puhelinmyyjä", "xemail", "ID"])
def test_nothing_is_guessed(name: str) -> None:
    assert find_columns([name], LIST_FIELDS) == {}


def test_a_list_that_says_nobody_is_refused_with_what_would_be_understood() -> None:
    with pytest.raises(BadInput) as caught:
        read("Nimi;Kaupunki;Etunimi;\nAino Virtanen;Turku;Aino;\n")
    sentence = str(caught.value)
    assert sentence.startswith("lista.csv, line 1: no column says who each row is.")
    assert "The columns are Nimi, Kaupunki, Etunimi, (empty)." in sentence
    for field in IDENTIFIERS:
        assert f"{field}: {COLUMN_NAMES[field][0]}" in sentence
    assert "sähköposti" in sentence
    assert "--map email=COLUMN" in sentence


def test_a_file_of_rows_without_header_does_not_show_its_first_row() -> None:
    with pytest.raises(BadInput, match="the first line is a row already") as caught:
        read("aino@x.example;Aino;Virtanen\nb@x.example;B;C\n")
    assert "aino" not in str(caught.value)
    with pytest.raises(BadInput, match="there is no such column") as caught:
        read("aino@x.example;Aino\nb@x.example;B\n", mapping={"email": "sposti"})
    assert "aino@" not in str(caught.value)


def test_columns_are_named_by_the_person() -> None:
    document = "Osoite 1;Sähköposti;Sähköposti\na;b@x.example;c@x.example\n"
    with pytest.raises(BadInput, match=r"columns 2 \(Sähköposti\) and 3 \(Sähköposti\) all mean email: say which"):
        read(document)
    with pytest.raises(BadInput, match="columns 2, 3 have that name; give the number"):
        read(document, mapping={"email": "sahkoposti"})
    lst = read(document, mapping={"email": "3", "ref": "Osoite 1"})
    assert lst.recognised == {"email": "Sähköposti", "ref": "Osoite 1"}
    assert lst.identifiers.to_pylist() == [{"email": "c@x.example", "ref": "a"}]


def test_a_mapped_column_means_nothing_else() -> None:
    lst = read("email;puhelin\nKALLE1;040 123\n", mapping={"ref": "email"})
    assert lst.recognised == {"phone": "puhelin", "ref": "email"}


def test_mappings_that_name_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match=r"--map email=sposti: there is no such column; there are nimi, posti"):
        read("nimi;posti\na;b\n", mapping={"email": "sposti"})
    with pytest.raises(BadInput, match=r"--map mail=…: there is no such field; there are email, phone, street"):
        read("nimi;posti\na;b\n", mapping={"mail": "posti"})
    with pytest.raises(BadInput, match="a postal address is street, postal_code and city"):
        read("nimi;posti\na;b\n", mapping={"post": "posti"})
    with pytest.raises(BadInput, match="there is no such column"):
        read("nimi;posti\na;b\n", mapping={"email": "3"})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a@x.example", "email"), ("=a@x.example", "email"), ("'o'brien@x.example", "email"), ("email", None),
        ("040 123 4567", "phone"), ("+358-40-1234567", "phone"), ("(09) 1234567", "phone"), ("12345", None),
        ("0112038-9", "business_id"), ("d" * 32, "md5"), ("d" * 40, "sha1"), ("D" * 64, "sha256"), ("Puhelin", None),
    ],
)  # fmt: skip
def test_what_a_cell_looks_like(text: str, kind: str | None) -> None:
    assert address_kind(text) == kind


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("a@x.example\r\nb@x.example", "email"),
        ("+358 40 1234567\n040 1234568\n", "phone"),
        ("0112038-9\n0112038-9\n", "business_id"),
        ("\ufeffa@x.example\nVirtanen, Aino\n", "email"),
    ],
)
def test_bare_addresses_are_a_list_without_header(document: str, field: str) -> None:
    lst = read(document)
    assert (lst.columns, lst.header_record, lst.recognised) == ((field,), None, {field: field})
    assert len(lst) == 2
    assert lst.records is not None
    assert lst.records.to_pylist() == document.lstrip("\ufeff").splitlines()


def test_bare_digests_must_be_told_of_what() -> None:
    document = "A" * 64 + "\n" + "b" * 64 + "\n"
    with pytest.raises(BadInput, match="say of what with --map email_sha256=1 or --map phone_sha256=1"):
        read(document)
    lst = read(document, mapping={"phone_sha256": "1"})
    assert lst.recognised == {"phone_sha256": "phone_sha256"}
    assert lst.header_record is None
    with pytest.raises(BadInput, match="MD5 or SHA-1"):
        read("a" * 32 + "\n")


def test_other_formats_keep_their_columns(tmp_path: Path) -> None:
    import pyarrow.parquet as pq
    import xlsxwriter

    jsonl = read('{"email":"a@x.example","n":1}\n{"phone":401234567}\n')
    assert (jsonl.format, jsonl.columns) == ("jsonl", ("email", "n", "phone"))
    assert jsonl.identifiers.to_pylist() == [
        {"email": "a@x.example", "phone": None}, {"email": None, "phone": "401234567"},
    ]  # fmt: skip
    assert jsonl.records is not None
    assert jsonl.records[1].as_py() == '{"phone":401234567}'
    path = tmp_path / "lista.parquet"
    pq.write_table(pa.table({"puhelin": pa.array([358401234567.0, None])}), path)
    parquet = read_list(path)
    assert (parquet.name, parquet.format, parquet.header_record, parquet.records) == (
        "lista.parquet", "parquet", None, None,
    )  # fmt: skip
    assert parquet.identifiers.to_pylist() == [{"phone": "358401234567"}, {"phone": None}]
    assert parquet.table is not None
    assert parquet.table.schema.types == [pa.float64()]
    path = tmp_path / "lista.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Numerot")
    sheet.write_column(0, 0, [401234567, 401234568])
    book.close()
    bare = read_list(path)
    assert (bare.columns, bare.format) == (("phone",), "xlsx")
    assert bare.identifiers.to_pylist() == [{"phone": "401234567"}, {"phone": "401234568"}]
    assert bare.table is not None
    assert bare.table.column_names == ["phone"]


def test_a_list_of_no_rows_is_a_list() -> None:
    lst = read("email;nimi\r\n")
    assert len(lst) == 0
    assert lst.identifiers.column_names == ["email"]
    assert lst.records is not None
    assert len(lst.records) == 0


@pytest.mark.slow
def test_a_million_rows_are_read_within_memory(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "lista.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write("email,etunimi,puhelin\r\n")
        stream.writelines(f"etu.suku{n}@yritys{n % 5000}.example,Äino{n % 100},+35840{n:07d}\r\n" for n in range(10**6))
    code = (
        "import resource, sys; from pathlib import Path; from consentmgr.screening.lists import read_list;"
        "lst = read_list(Path(sys.argv[1])); print(len(lst), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == 10**6
    assert megabytes < 450
