"""Writes small PDF files by hand (PDF 32000-1:2008, sections 7.3 to 7.7), so that tests need no PDF library.

Text is set in Helvetica, one `Tj` a line. `user_password` and `owner_password` protect the file with
the 40-bit RC4 standard security handler (algorithms 2 to 4 of section 7.6.3).
"""

import hashlib
from collections.abc import Sequence

PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
FILE_ID = b"0123456789abcdef"


def rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


class Protection:
    """The standard security handler, revision 2."""

    def __init__(self, user_password: bytes, owner_password: bytes) -> None:
        permissions = (-4).to_bytes(4, "little", signed=True)
        owner_key = hashlib.md5((owner_password + PADDING)[:32]).digest()[:5]
        self.owner = rc4(owner_key, (user_password + PADDING)[:32])
        self.key = hashlib.md5((user_password + PADDING)[:32] + self.owner + permissions + FILE_ID).digest()[:5]
        self.user = rc4(self.key, PADDING)

    def encrypt(self, number: int, data: bytes) -> bytes:
        return rc4(hashlib.md5(self.key + number.to_bytes(3, "little") + b"\0\0").digest()[:10], data)

    def dictionary(self) -> bytes:
        return b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (
            self.owner.hex().encode(),
            self.user.hex().encode(),
        )


def content(text: str) -> bytes:
    lines = [b"BT /F1 12 Tf 14 TL 72 760 Td"]
    for line in text.split("\n"):
        shown = line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        lines.append(b"(%s) Tj T*" % shown)
    return b"\n".join([*lines, b"ET"]) if text else b""


def write_pdf(
    pages: Sequence[str],
    *,
    title: str = "",
    author: str = "",
    roman_front: int = 0,
    user_password: str | None = None,
    owner_password: str = "owner",
) -> bytes:
    """The bytes of a PDF with one page per text; the first `roman_front` pages are labelled i, ii, iii …"""
    protection = None if user_password is None else Protection(user_password.encode(), owner_password.encode())
    font_number = 3 + 2 * len(pages)
    kids = b" ".join(b"%d 0 R" % (3 + 2 * i) for i in range(len(pages)))
    labels = b""
    if roman_front:
        labels = b" /PageLabels << /Nums [0 << /S /r >> %d << /S /D >>] >>" % roman_front
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R /Lang (en-GB)%s >>" % labels,
        2: b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        font_number: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    }
    for i, text in enumerate(pages):
        number = 3 + 2 * i
        objects[number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 %d 0 R >> >> >>" % (number + 1, font_number)
        )
        stream = content(text)
        if protection:
            stream = protection.encrypt(number + 1, stream)
        objects[number + 1] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream)
    trailer = b"/Root 1 0 R /ID [<%s> <%s>]" % (FILE_ID.hex().encode(), FILE_ID.hex().encode())
    if protection:
        objects[font_number + 1] = protection.dictionary()
        trailer += b" /Encrypt %d 0 R" % (font_number + 1)
    elif title or author:
        objects[font_number + 1] = b"<< /Title (%s) /Author (%s) /CreationDate (D:20240229120000Z) >>" % (
            title.encode("latin-1"),
            author.encode("latin-1"),
        )
        trailer += b" /Info %d 0 R" % (font_number + 1)
    return assemble(objects, trailer)


def assemble(objects: dict[int, bytes], trailer: bytes) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number in sorted(objects):
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for number in sorted(objects):
        out += b"%010d 00000 n \n" % offsets[number]
    out += b"trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)
