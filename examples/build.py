"""Makes the sample collection `kestervag/` from the texts in `sources/`.

    python examples/build.py            write the files
    python examples/build.py --check    compare the files with the sources, and questions.json with the files

The sources are Markdown with a front matter: headings, paragraphs, lists, tables, quotations, footnotes, bold and
italic, and `<!-- page -->` for a page break (DOCX) or a new chapter file (EPUB). The same sources give the same
bytes each time: dates come from the front matter, and the members of archives have a fixed time. (Another build of
zlib may compress them otherwise; therefore --check compares what is in an archive.)
"""

from __future__ import annotations

import argparse
import html
import io
import json
import re
import sys
import textwrap
import unicodedata
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import docx
import docx.document
import pypdfium2
import yaml
from docx.enum.text import WD_BREAK
from docx.text.paragraph import Paragraph
from lxml import etree
from lxml import html as lxml_html
from pdf_writer import PdfWriter, Run

HERE = Path(__file__).resolve().parent
SOURCES, TARGET, QUESTIONS = HERE / "sources", HERE / "kestervag", HERE / "questions.json"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


# -- the sources ----------------------------------------------------------------------------------------------------


@dataclass
class Block:
    """One block of text. `kind` is heading, paragraph, quote, bullets, numbers, table or page."""

    kind: str
    lines: list[str] = field(default_factory=list)
    level: int = 0


@dataclass
class Source:
    """A source text: its front matter, its blocks, and its footnotes by their name."""

    name: str
    title: str
    author: str
    written: date
    format: str
    options: dict[str, str]
    body: str
    blocks: list[Block]
    footnotes: dict[str, str]


def read_source(path: Path) -> Source:
    """Read one source file."""
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    meta = yaml.safe_load(front)
    body = body.strip() + "\n"
    blocks: list[Block] = []
    footnotes: dict[str, str] = {}
    for chunk in re.split(r"\n\s*\n", body.strip()):
        lines = chunk.split("\n")
        if lines[0].startswith("[^"):
            for line in lines:
                name, text = line[2:].split("]: ", 1)
                footnotes[name] = text
        elif heading := re.match(r"(#+) (.*)", chunk):
            blocks.append(Block("heading", [heading[2]], len(heading[1])))
        elif chunk == "<!-- page -->":
            blocks.append(Block("page"))
        elif chunk.startswith("- "):
            blocks.append(Block("bullets", [line[2:] for line in lines]))
        elif re.match(r"1\. ", chunk) and len(lines) > 1:
            blocks.append(Block("numbers", [line.split(". ", 1)[1] for line in lines]))
        elif chunk.startswith("> "):
            blocks.append(Block("quote", [line[2:] for line in lines]))
        elif chunk.startswith("|"):
            blocks.append(Block("table", [line for line in lines if not re.fullmatch(r"[|\- ]+", line)]))
        else:
            blocks.append(Block("paragraph", lines))
    known = {"title", "author", "date", "format"}
    options = {key: str(value) for key, value in meta.items() if key not in known}
    return Source(
        path.stem, meta["title"], meta["author"], meta["date"], meta["format"], options, body, blocks, footnotes
    )


def cells(row: str) -> list[str]:
    """Return the cells of a table's row."""
    return [cell.strip() for cell in row.strip().removeprefix("|").removesuffix("|").split("|")]


def runs(text: str) -> list[Run]:
    """Split a text into runs of one style."""
    result: list[Run] = []
    for part in re.split(r"(\*\*.+?\*\*|\*.+?\*|\[\^\w+\])", text):
        if part.startswith("**"):
            result.append((part[2:-2], "b"))
        elif part.startswith("*"):
            result.append((part[1:-1], "i"))
        elif part.startswith("[^"):
            result.append((part[2:-1], "note"))
        elif part:
            result.append((part, ""))
    return result


def plain(text: str) -> str:
    """Return a text without marks of emphasis."""
    return "".join(part for part, style in runs(text) if style != "note")


# -- the formats ----------------------------------------------------------------------------------------------------


def build_md(source: Source) -> bytes:
    """Markdown: the body as it is."""
    return source.body.encode()


def build_txt(source: Source) -> bytes:
    """Plain text, wrapped at 76 columns."""
    out: list[str] = []
    for block in source.blocks:
        if block.kind == "heading":
            title = plain(block.lines[0])
            folded = textwrap.wrap(title, 76)
            out.append("\n".join([*folded, ("=" if block.level == 1 else "-") * max(map(len, folded))]))
        elif block.kind in {"bullets", "numbers"}:
            out.append("\n".join(textwrap.fill(plain(line), 76, initial_indent="  * ") for line in block.lines))
        elif block.kind in {"paragraph", "quote"}:
            out.append("\n".join(textwrap.fill(plain(line), 76, break_on_hyphens=False) for line in block.lines))
    return ("\n\n".join(out) + "\n").encode()


def build_pdf(source: Source) -> bytes:
    """PDF by the writer beside this file."""
    paper, family = source.options["layout"].split()
    pdf = PdfWriter(source.title, source.author, source.written, paper, family)
    pdf.footnotes = {name: runs(text) for name, text in source.footnotes.items()}
    for block in source.blocks:
        if block.kind == "heading":
            pdf.heading(runs(block.lines[0]), min(block.level, 3))
        elif block.kind == "table":
            pdf.table([[runs(cell) for cell in cells(row)] for row in block.lines])
        else:
            listed = block.kind in {"bullets", "numbers"}
            for number, line in enumerate(block.lines, 1):
                label = {"bullets": "•", "numbers": f"{number}."}.get(block.kind, "")
                last = number == len(block.lines)
                pdf.paragraph(
                    runs(line),
                    scale=0.94 if block.kind == "quote" else 1.0,
                    indent={"paragraph": 0.0, "quote": 24.0}.get(block.kind, 22.0),
                    label=label,
                    after=0.55 if last or not listed else 0.15,
                )
    return pdf.render()


def build_docx(source: Source) -> bytes:
    """DOCX by python-docx, with every date and every time in the archive set."""
    document = docx.Document()
    core = document.core_properties
    core.title, core.author, core.last_modified_by, core.comments = source.title, source.author, source.author, ""
    core.created = core.modified = datetime(
        source.written.year, source.written.month, source.written.day, 12, tzinfo=UTC
    )
    core.revision, core.language = 1, "en"
    styles = {"bullets": "List Bullet", "numbers": "List Number", "quote": "Quote"}
    for block in source.blocks:
        if block.kind == "heading":
            document.add_heading(plain(block.lines[0]), level=block.level - 1)
        elif block.kind == "page":
            document.paragraphs[-1].add_run().add_break(WD_BREAK.PAGE)
        elif block.kind == "table":
            rows = [cells(row) for row in block.lines]
            table = document.add_table(len(rows), len(rows[0]), style="Light Grid Accent 1")
            for row, texts in zip(table.rows, rows, strict=True):
                for cell, text in zip(row.cells, texts, strict=True):
                    _add_runs(cell.paragraphs[0], text)
            document.add_paragraph()
        else:
            for line in block.lines:
                _add_runs(document.add_paragraph(style=styles.get(block.kind)), line)
    buffer = io.BytesIO()
    document.save(buffer)
    with zipfile.ZipFile(buffer) as written:
        return _archive([(name, written.read(name)) for name in sorted(written.namelist())])


def _add_runs(paragraph: Paragraph, text: str) -> None:
    for part, style in runs(text):
        run = paragraph.add_run(part)
        run.bold, run.italic = style == "b" or None, style == "i" or None


def _archive(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def _markup(text: str, epub: bool = False) -> str:
    tags = {"b": ("<strong>", "</strong>"), "i": ("<em>", "</em>"), "": ("", "")}
    out = []
    for part, style in runs(text):
        if style == "note":
            kind = ' epub:type="noteref"' if epub else ""
            out.append(f'<sup><a href="#note{part}" id="ref{part}"{kind}>{part}</a></sup>')
        else:
            out.append(html.escape(part, quote=False).join(tags[style]))
    return "".join(out)


def _body(blocks: list[Block], footnotes: dict[str, str], epub: bool = False) -> str:
    out: list[str] = []
    for block in blocks:
        texts = [_markup(line, epub) for line in block.lines]
        if block.kind == "heading":
            out.append(f"<h{block.level}>{texts[0]}</h{block.level}>")
        elif block.kind in {"bullets", "numbers"}:
            tag = "ul" if block.kind == "bullets" else "ol"
            out.append("\n".join([f"<{tag}>", *(f"  <li>{text}</li>" for text in texts), f"</{tag}>"]))
        elif block.kind == "table":
            rows = []
            for number, row in enumerate(block.lines):
                tag = "th" if number == 0 else "td"
                rows.append("  <tr>" + "".join(f"<{tag}>{_markup(c, epub)}</{tag}>" for c in cells(row)) + "</tr>")
            out.append("\n".join(["<table>", *rows, "</table>"]))
        elif block.kind == "quote":
            out.append(f"<blockquote><p>{'<br/>'.join(texts)}</p></blockquote>")
        elif block.kind == "paragraph":
            out.append(f"<p>{'<br/>'.join(texts)}</p>")
    used = [
        style_text for block in blocks for line in block.lines for style_text, style in runs(line) if style == "note"
    ]
    for name in used:
        kind = ' epub:type="footnote"' if epub else ' class="footnote"'
        out.append(f'<aside id="note{name}"{kind}><p>{name}. {_markup(footnotes[name], epub)}</p></aside>')
    return "\n".join(out)


def build_html(source: Source) -> bytes:
    """A web page with the usual furniture around the article."""
    site = html.escape(source.options["site"])
    title, author = html.escape(source.title), html.escape(source.author)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<title>{title}</title>
<meta name="author" content="{author}"/>
<meta name="date" content="{source.written}"/>
<style>
body {{ font: 1.05rem/1.5 Georgia, serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid #999; padding: 0.2rem 0.6rem; text-align: left; }}
nav, footer, .footnote {{ font-size: 0.85rem; color: #444; }}
</style>
</head>
<body>
<nav><a href="/">{site}</a> · <a href="/search">Search</a> · <a href="/contact">Contact</a></nav>
<main>
<article>
{_body(source.blocks, source.footnotes)}
</article>
</main>
<footer>© {source.written.year} {site}</footer>
</body>
</html>
"""
    return page.encode()


def build_epub(source: Source) -> bytes:
    """EPUB 3 with a table of contents and one file for each chapter."""
    chapters: list[list[Block]] = [[]]
    for block in source.blocks:
        if block.kind == "page":
            chapters.append([])
        else:
            chapters[-1].append(block)
    identifier = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, source.name)}"
    title, author = html.escape(source.title), html.escape(source.author)
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    space = 'xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en"'
    names, texts, members = [], [], []
    for number, blocks in enumerate(chapters, 1):
        name = html.escape([b for b in blocks if b.kind == "heading"][-1].lines[0])
        names.append(name)
        texts.append(f"text/chapter{number:02}.xhtml")
        body = _body(blocks, source.footnotes, epub=True)
        page = f"{head}<html {space}>\n<head><title>{name}</title></head>\n<body>\n{body}\n</body>\n</html>\n"
        members.append((f"OEBPS/{texts[-1]}", page.encode()))
    links = "\n".join(f'<li><a href="{text}">{name}</a></li>' for text, name in zip(texts, names, strict=True))
    nav = (
        f"{head}<html {space}>\n<head><title>Contents</title></head>\n<body>\n"
        f'<nav epub:type="toc" id="toc"><h1>Contents</h1>\n<ol>\n{links}\n</ol></nav>\n</body>\n</html>\n'
    )
    items = "\n".join(
        f'<item id="c{k}" href="{text}" media-type="application/xhtml+xml"/>' for k, text in enumerate(texts, 1)
    )
    spine = "\n".join(f'<itemref idref="c{k}"/>' for k in range(1, len(texts) + 1))
    package = f"""{head}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<dc:date>{source.written}</dc:date>
<meta property="dcterms:modified">{source.written}T12:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}
</manifest>
<spine>
{spine}
</spine>
</package>
"""
    container = f"""{head}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
    front = [("mimetype", b"application/epub+zip"), ("META-INF/container.xml", container.encode())]
    return _archive([*front, ("OEBPS/content.opf", package.encode()), ("OEBPS/nav.xhtml", nav.encode()), *members])


BUILDERS: dict[str, Callable[[Source], bytes]] = {
    "md": build_md,
    "txt": build_txt,
    "pdf": build_pdf,
    "docx": build_docx,
    "epub": build_epub,
    "html": build_html,
}


def build_all() -> dict[str, bytes]:
    """Return the finished files by their name."""
    sources = [read_source(path) for path in sorted(SOURCES.glob("*.md"))]
    return {f"{source.name}.{source.format}": BUILDERS[source.format](source) for source in sources}


# -- the check ------------------------------------------------------------------------------------------------------


def pages_of(path: Path) -> list[str]:
    """Return the text of a finished file by page: PDF page, DOCX page break, EPUB spine item, else one page."""
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as pdf:
            return [page.get_textpage().get_text_bounded() for page in pdf]
    if path.suffix == ".docx":
        text = ""
        for element in docx.Document(str(path)).element.body.iter():
            tag = etree.QName(element).localname
            if tag == "t":
                text += element.text or ""
            elif tag == "p":
                text += "\n"
            elif tag == "br" and "page" in element.values():
                text += "\f"
        return text.split("\f")
    if path.suffix == ".epub":
        with zipfile.ZipFile(path) as archive:
            opf = etree.fromstring(archive.read("OEBPS/content.opf"))
            hrefs = {item.get("id"): item.get("href") for item in opf.iter("{*}item")}
            spine = [hrefs[ref.get("idref")] for ref in opf.iter("{*}itemref")]
            return ["".join(etree.fromstring(archive.read(f"OEBPS/{href}")).itertext()) for href in spine]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        text = lxml_html.document_fromstring(text.encode()).find(".//article").text_content()
    return [text]


def normalised(text: str) -> str:
    """Return the text in composed characters with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def content(data: bytes) -> list[tuple[str, bytes]]:
    """Return the members of an archive, or the one file as it is."""
    if not data.startswith(b"PK"):
        return [("", data)]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def check() -> list[str]:
    """Return what is wrong with the files or with the questions."""
    built = build_all()
    faults = [f"{path.name}: there is no source for it" for path in TARGET.iterdir() if path.name not in built]
    for name, data in built.items():
        if not (TARGET / name).is_file() or content((TARGET / name).read_bytes()) != content(data):
            faults.append(f"{name}: differs from its source, run build.py")
    if faults:
        return faults
    pages = {name: [normalised(page) for page in pages_of(TARGET / name)] for name in built}
    for question in json.loads(QUESTIONS.read_text(encoding="utf-8")):
        for place in question["supporting"]:
            found = [k for k, page in enumerate(pages[place["document"]], 1) if normalised(place["quote"]) in page]
            paged = place["document"].endswith((".pdf", ".docx", ".epub"))
            if (place["page"] not in found) if paged else (place["page"] is not None or not found):
                where = f"{place['document']} page {place['page']}"
                faults.append(f"{question['id']}: not in {where} (found on {found}): {place['quote']}")
    return faults


def main() -> int:
    """Build the collection, or check it."""
    parser = argparse.ArgumentParser(description="Build the sample collection from its sources.")
    parser.add_argument("--check", action="store_true", help="write nothing; verify the files and the quotations")
    if parser.parse_args().check:
        faults = check()
        print("\n".join(faults) or "The collection agrees with its sources, and every quotation is where it should be.")
        return 1 if faults else 0
    TARGET.mkdir(exist_ok=True)
    for name, data in build_all().items():
        (TARGET / name).write_bytes(data)
        print(f"{name}: {len(data):,} bytes, {len(pages_of(TARGET / name))} page(s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
