"""Which encoding a file is read in: the declared one as the web means it, else the most likely one."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.documents.clean_text import clean_text
from fileintel.documents.encoding import EncodingScan
from fileintel.documents.encoding_labels import ERRORS, text_codec
from fileintel.documents.load import DocumentReader

from .samples import write

HERE = Path(__file__).parent
# the WHATWG Encoding Standard's labels, by Python's codec for what they mean
LABELS = dict(line.split("\t") for line in (HERE / "labels.tsv").read_text("utf-8").splitlines())
# ordinary prose in the page of its language: the usual one, and others that were used
PROSE = [tuple(line.split("\t")) for line in (HERE / "prose.tsv").read_text("utf-8").splitlines()]


def encoding_of(content: bytes) -> str:
    scan = EncodingScan()
    scan.feed(content, final=True)
    return scan.encoding()


def text_of(content: bytes) -> str:
    return codecs.decode(content, encoding_of(content), ERRORS)


def page(label: str, body: bytes) -> bytes:
    return b"<html><head><meta charset='%s'></head><body>%s</body></html>" % (label.encode(), body)


@pytest.mark.parametrize("codec", LABELS)
def test_a_declared_label_means_what_the_web_means_by_it(codec: str) -> None:
    for label in LABELS[codec].split():
        for spelt in (label, label.upper(), f" {label} "):
            found = text_codec(spelt)
            assert found is not None, label
            assert codecs.lookup(found) == codecs.lookup(codec), label


@pytest.mark.parametrize("label", ["idna", "hex", "rot13", "utf-7", "unicode_escape", "no-such-thing"])
def test_what_is_no_encoding_of_files_is_not_taken(label: str) -> None:
    assert text_codec(label) is None


@pytest.mark.parametrize(
    ("label", "written", "codec"),
    [
        ("gb2312", "朱镕基和李喆", "gb18030"),
        ("GB_2312-80", "旧水车，李喆", "gb18030"),
        ("shift_jis", "①㈱髙橋㌢", "cp932"),
        ("x-sjis", "Ⅲ～－", "cp932"),
        ("euc-kr", "똠방각하 펲시", "cp949"),
        ("ks_c_5601-1987", "뷁", "cp949"),
        ("big5", "香港嘅啲嘢", "big5hkscs"),
        ("iso-8859-1", "“Brask” – 5€", "cp1252"),
        ("iso-8859-9", "Değirmen “Brask” – 5€", "cp1254"),
        ("tis-620", "“บราสค์” 5€", "cp874"),
        ("iso-8859-8-i", "טחנה", "iso8859-8"),
        ("x-mac-cyrillic", "Мельница", "mac-cyrillic"),
        ("dos-874", "โรงสี", "cp874"),
        ("hz-gb-2312", "旧水车", "hz"),
    ],
)
def test_a_page_is_read_in_the_wide_encoding_of_its_label(label: str, written: str, codec: str) -> None:
    assert written in text_of(page(label, b"caf\xe9"[:3] + written.encode(codec)))


def test_bytes_that_only_the_web_reads_are_read_as_it_does() -> None:
    assert "①㈱" in text_of(page("euc-jp", b"\xad\xa1\xad\xea"))  # row 13, of NEC
    assert "1€" in text_of(page("gbk", b"1\x80"))
    assert "\x81" in text_of(page("windows-1252", b"\xe9\x81"))


def test_a_declaration_behind_a_long_script_counts() -> None:
    content = b"<html><head><script>" + b"x=1;" * 2000 + b"</script><meta charset=koi8-r>" + "Мельница".encode("koi8-r")
    assert "Мельница" in text_of(content)


@pytest.mark.parametrize(("encoding", "written"), PROSE)
def test_undeclared_prose_is_read_in_the_page_of_its_language(encoding: str, written: str) -> None:
    assert text_of(written.encode(encoding)) == written
    assert written in text_of(f"<html><body><p>{written}</p></body></html>".encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("written", [written for encoding, written in PROSE if encoding[:2] in ("gb", "eu", "cp")])
def test_wide_encodings_are_recognised_without_a_byte_order_mark(encoding: str, written: str) -> None:
    for text in (written, written + "\n" + written, written[:16]):
        if len(text.encode(encoding)) < 32 and text.isascii():
            continue
        assert text_of(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["iso2022_jp", "iso2022_jp_ext", "iso2022_kr", "hz"])
def test_encodings_of_seven_bits_are_recognised_by_their_switches(encoding: str) -> None:
    written = {"iso2022_kr": "물레방아\n", "hz": "旧水车。\n"}.get(encoding, "水車は鈴木さん\n")
    assert text_of(b"Subject: mail\n" + written.encode(encoding)) == "Subject: mail\n" + written


def test_a_terminal_log_and_a_tilde_before_a_brace_are_ascii() -> None:
    assert encoding_of(b"\x1b[31mred\x1b[0m and $B\n") == "utf-8"
    assert encoding_of(b"set x=~{a}; y=~}\n") == "utf-8"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_utf8_is_always_read_as_utf8(written: str) -> None:
    assert text_of(b"x" + written.encode()) == "x" + written


def test_c1_controls_are_the_punctuation_that_they_were() -> None:
    assert clean_text("isn\x92t; 1990\x961995; \x93so\x94; 5\x80 and\x85\n") == "isn’t; 1990–1995; “so”; 5€ and…\n"
    assert clean_text("a\x81b\x9dc") == "abc"
    assert clean_text("one\x85two\x85") == "one\ntwo\n"
    assert clean_text("one\x0btwo") == "one\ntwo"


def test_a_reference_to_a_c1_control_is_punctuation(reader: DocumentReader, tmp_path: Path) -> None:
    _, pages = reader.read(write(tmp_path, "a.html", "<html><body><p>1990&#150;1995 isn&#x92;t</p></body></html>"))
    assert [page.text for page in pages] == ["1990–1995 isn’t\n"]
