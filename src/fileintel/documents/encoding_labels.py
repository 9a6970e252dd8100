"""The names by which files declare their character encoding, as the web means them.

The WHATWG Encoding Standard (section 4.2) says which encoding a browser reads under each label. Often it is a wider
one than its name says: pages that declare ISO-8859-1 are written in Windows-1252, and those that declare GB2312 hold
characters that only GB 18030 has.
"""

import codecs

# Python's narrow codec → the codec that holds all of it and what the web writes under its name
WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso2022_jp": "iso2022_jp_ext",
    "iso2022_jp_1": "iso2022_jp_ext",
}
# labels that Python does not know, or takes for another encoding
LABELS = {
    "unicode-1-1-utf-8": "utf-8",
    "unicode11utf8": "utf-8",
    "unicode20utf8": "utf-8",
    "x-unicode20utf8": "utf-8",
    "iso88592": "iso8859-2",
    "iso88593": "iso8859-3",
    "iso88594": "iso8859-4",
    "iso88595": "iso8859-5",
    "iso88596": "iso8859-6",
    "iso-8859-6-e": "iso8859-6",
    "iso-8859-6-i": "iso8859-6",
    "csiso88596e": "iso8859-6",
    "csiso88596i": "iso8859-6",
    "iso88597": "iso8859-7",
    "sun_eu_greek": "iso8859-7",
    "iso88598": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "csiso88598e": "iso8859-8",
    "csiso88598i": "iso8859-8",
    "logical": "iso8859-8",
    "visual": "iso8859-8",
    "iso885910": "iso8859-10",
    "iso885913": "iso8859-13",
    "iso885914": "iso8859-14",
    "iso885915": "iso8859-15",
    "csisolatin9": "iso8859-15",
    "koi": "koi8-r",
    "koi8": "koi8-r",
    "koi8-ru": "koi8-u",
    "csmacintosh": "mac-roman",
    "mac": "mac-roman",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic",
    "dos-874": "cp874",
    "iso885911": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-cp1253": "cp1253",
    "x-cp1254": "cp1254",
    "x-cp1255": "cp1255",
    "x-cp1256": "cp1256",
    "x-cp1257": "cp1257",
    "x-cp1258": "cp1258",
    "iso88591": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "x-user-defined": "cp1252",
    "iso88599": "cp1254",
    "gb_2312": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "csgb2312": "gb18030",
    "cn-big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "cseucpkdfmtjapanese": "euc_jp",
    "x-euc-jp": "euc_jp",
    "ms932": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "csksc56011987": "cp949",
    "iso-ir-149": "cp949",
    "cseuckr": "cp949",
    "windows-949": "cp949",
    "ks_c_5601": "cp949",
    "ksc_5601": "cp949",
    "ks_c_5601-1989": "cp949",
    "hz-gb-2312": "hz",
    "csiso2022kr": "iso2022_kr",
}
# what Python can decode, and no document is written in
NOT_FOR_FILES = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"})
FIRST_BYTES = range(0xA1, 0xFF)  # of a pair of EUC-JP, and its second ones
ERRORS = "fileintel.web"  # the name of `_as_the_web_does` for `codecs`


def text_codec(declared: str) -> str | None:
    """Python's name of the codec for a label that a file declares; None if it is none, or none for files."""
    label = declared.strip().lower()
    try:
        info = codecs.lookup(LABELS.get(label, label))
        "".encode(info.name)  # refuses what is no text encoding, such as "hex"
    except (LookupError, UnicodeError):
        return None
    if info.name in NOT_FOR_FILES or info.incrementaldecoder is None:
        return None
    return codecs.lookup(WIDER.get(info.name, info.name)).name


def _as_the_web_does(error: UnicodeError) -> tuple[str, int]:
    """What stands for bytes that a codec of Python's does not know: the character that a browser shows, else U+FFFD."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    codec = error.encoding.replace("-", "_").lower()
    wrong = error.object[error.start : error.start + 2]
    if codec == "euc_jp" and len(wrong) == 2 and wrong[0] in FIRST_BYTES and wrong[1] in FIRST_BYTES:
        return _by_cp932(*wrong), error.start + 2
    if codec == "gb18030" and wrong[:1] == b"\x80":
        return "€", error.start + 1
    if codec == "charmap" and 0x80 <= wrong[0] < 0xA0:
        return chr(wrong[0]), error.start + 1  # the standard's tables name the C1 control
    return "\ufffd", error.end


def _by_cp932(first: int, second: int) -> str:
    """A pair of EUC-JP by the table of Windows, which has the signs of NEC and IBM that JIS X 0208 has not."""
    row, cell = first - 0xA1, second - 0xA1
    trail = cell + (0x9F if row % 2 else 0x40 if cell < 0x3F else 0x41)
    return bytes([row // 2 + (0x81 if row < 62 else 0xC1), trail]).decode("cp932", "replace")


codecs.register_error(ERRORS, _as_the_web_does)
