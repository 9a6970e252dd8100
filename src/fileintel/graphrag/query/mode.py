"""What a query mode declares: its prompts, how it answers, and when `auto` picks it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.query.asking import IndexAsking, Reply
from fileintel.storage import search

# English, German, French, Spanish, Norwegian, Swedish and Danish, as far as they have words of their own for it
_OF_THE_WHOLE = re.compile(
    r"\b(?:(?:main|major|common|key|overall|central|recurring|most important) (?:\w+ )?(?:themes?|topics?|subjects?|"
    r"conflicts?|issues?|ideas?|patterns?|trends?|findings?|points?)|what (?:themes?|topics?|trends?|patterns?)|"
    r"themes? (?:of|in|across)|overview|summari[sz]e|summary|in general|on the whole|as a whole|"
    r"(?:across|throughout) (?:all|the|these) (?:\w+ )?(?:documents?|collection|texts?|sources?)|"
    r"(?:these|all|the) (?:documents|texts|sources) (?:about|say)|what is (?:this|the) collection|"
    r"hauptthemen|wichtigsten? \w+|überblick|zusammenfass\w*|insgesamt|worum geht|"
    r"principaux \w+|thèmes?|résum\w+|vue d.ensemble|dans l.ensemble|"
    r"temas? principales?|resum\w+|visión general|en general|"
    r"hovedtema\w*|oversikt|oversigt|översikt|oppsummer\w*|sammanfatt\w*|huvudteman?)\b",
    re.IGNORECASE,
)


class Subject:
    """What a question is about, as far as rules can tell: each is looked up once, when it is first needed."""

    def __init__(self, asking: IndexAsking) -> None:
        self.asking = asking

    @cached_property
    def asks_for_the_whole(self) -> str | None:
        """The words with which the question asks for themes, an overview, a summary of the collection."""
        found = _OF_THE_WHOLE.search(self.asking.text)
        return found.group() if found else None

    @cached_property
    def names(self) -> str | None:
        """Something with a name in the question that is an entity of the index."""
        names = _capitalised(self.asking.text)
        with self.asking.database.transaction() as session:
            return search.known_title(session, self.asking.version.id, names) if names else None


@dataclass(frozen=True)
class Answering:
    """Declares how a mode answers.

    Parameters:
      prompts: every prompt that it may need.
      answer: builds the context, asks, and returns the reply. Its parameters are settings under `query`.
      suits: the reason why `auto` should pick it for a question, or None.
    """

    answer: Callable[[IndexAsking], Reply]
    prompts: tuple[PromptKind, ...] = ()
    suits: Callable[[Subject], str | None] = lambda _subject: None


def _capitalised(text: str) -> list[str]:
    """Runs of capitalised words, as they are and in upper case as titles can be; not the first word alone."""
    words = re.findall(r"[\w'’-]+", text)
    names: list[str] = []
    for begin in range(len(words)):
        for end in range(min(len(words), begin + 5), begin, -1):
            run = words[begin:end]
            if all(word[0].isupper() or word[0].isdigit() for word in run) and not (begin == 0 and len(run) == 1):
                names += [" ".join(run), " ".join(run).upper()]
    return names
