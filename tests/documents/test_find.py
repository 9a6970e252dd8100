"""From files, folders and patterns to documents."""

import os
from pathlib import Path

import pytest

from fileintel import errors
from fileintel.documents.find import BROKEN, SPECIAL, find_documents, passed_over


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ["b.pdf", "a.md", "c.PDF", "x.csv", ".hidden.md", "sub/d.txt", "sub/deep/e.md", ".git/f.md", "[1].md"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*paths: str) -> list[str]:
    return [str(path) for path in find_documents(paths)]


def test_a_folder_stands_for_all_visible_documents_below_it_by_name(folder: Path) -> None:
    assert names(".") == ["[1].md", "a.md", "b.pdf", "c.PDF", "sub/d.txt", "sub/deep/e.md"]
    assert names("sub") == ["sub/d.txt", "sub/deep/e.md"]
    assert names(str(folder / "sub")) == [str(folder / "sub/d.txt"), str(folder / "sub/deep/e.md")]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.pdf", ["b.pdf"]),
        ("*.[pP]*", ["b.pdf", "c.PDF"]),
        ("*", ["[1].md", "a.md", "b.pdf", "c.PDF"]),
        ("**/*.md", ["[1].md", "a.md", "sub/deep/e.md"]),
        ("**", ["[1].md", "a.md", "b.pdf", "c.PDF", "sub/d.txt", "sub/deep/e.md"]),
        ("sub/**/?.md", ["sub/deep/e.md"]),
        ("s*/*.txt", ["sub/d.txt"]),
        (".*.md", [".hidden.md"]),
        ("[1].md", ["[1].md"]),
    ],
)
def test_patterns_match_as_in_a_shell(folder: Path, pattern: str, expected: list[str]) -> None:
    assert names(pattern) == expected


def test_a_named_file_is_taken_whatever_its_kind_and_only_once(folder: Path) -> None:
    assert names("x.csv", ".hidden.md", "a.md", "./a.md", "*.md") == ["x.csv", ".hidden.md", "a.md", "[1].md"]


def test_what_is_of_another_kind_in_folders_and_behind_patterns_is_counted_by_ending_once(folder: Path) -> None:
    for name in ["sub/TABLE.CSV", "sub/Makefile", ".git/config"]:
        (folder / name).write_text("text")
    assert passed_over([".", "sub", "*"]) == {".csv": 2, "": 1}  # what is hidden was not meant
    assert passed_over(["**/*.md"]) == {}
    assert passed_over([".", "x.csv"]) == {".csv": 1, "": 1}  # that one is added


def test_broken_links_and_what_is_no_regular_file_are_counted_whatever_their_ending(folder: Path) -> None:
    os.symlink("gone.md", folder / "broken.md")
    os.symlink("gone.md", folder / "sub" / "broken.csv")
    os.symlink("self", folder / "self")
    os.symlink("gone.md", folder / ".broken.md")
    os.symlink(folder / "x.csv", folder / "again.csv")
    os.mkfifo(folder / "pipe.md")
    expected = ["[1].md", "a.md", "b.pdf", "c.PDF", "sub/d.txt", "sub/deep/e.md"]
    for paths in ([".", "*"], ["**"], [str(folder), "sub/*", "sub"]):
        assert passed_over(paths) == {".csv": 1, BROKEN: 3, SPECIAL: 1}
    assert passed_over(["*.md"]) == {BROKEN: 1, SPECIAL: 1}
    assert names(".") == names("**") == expected


def test_loops_of_links_end(folder: Path) -> None:
    os.symlink(folder, folder / "sub" / "loop")
    os.symlink("self", folder / "self")
    os.symlink(folder / "sub", folder / "again")
    assert len(names(".")) == 6
    assert len(names("**/*.md")) == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone.pdf", "gone.pdf does not exist"),
        ("gone/*.pdf", "gone/*.pdf matches no document; supported are .docx"),
        ("*.csv", "the pattern *.csv matches no document"),
        ("empty", "empty holds no document"),
        ("", "is no path"),
        ("a\0", "is no path"),
        ("a\nb\udcff", r"a\nb\udcff does not exist"),
    ],
)
def test_what_leads_nowhere_is_said_in_one_line(folder: Path, path: str, message: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(errors.UsageError) as refused:
        find_documents([path])
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_lock_files_of_office_programs_are_left_alone(tmp_path: Path) -> None:
    for name in ("report.docx", "~$report.docx", ".~lock.report.docx#", "~$book.xlsx"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in find_documents([str(tmp_path)])] == ["report.docx"]
    assert [path.name for path in find_documents([str(tmp_path / "*.docx")])] == ["report.docx"]
    assert not passed_over([str(tmp_path)])
