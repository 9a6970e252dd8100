"""Which mode suits a question: picked by a rule that costs nothing and always gives the same.

A question is about the whole when it says so: it asks for themes, an overview, a summary of the collection, and what
it names is not in the index. Every other question is local, which costs one call. Answers say what was picked, why,
and about how many calls a pick takes that is dearer than a local question.
"""

import re
from dataclasses import dataclass

from fileintel.graphrag.query.asking import IndexAsking
from fileintel.graphrag.query.inquiry import BASIC, GLOBAL, LOCAL
from fileintel.storage import search

CHARACTERS_PER_TOKEN = 4  # roughly, and only for the estimate

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


@dataclass(frozen=True)
class Pick:
    """A mode, and why it."""

    mode: str
    reason: str


def pick(asking: IndexAsking) -> Pick:
    """The mode for a question to this index."""
    if not asking.version.counts.get("entities"):
        return Pick(BASIC, "the index has no entities, so its passages are looked at")
    words = _OF_THE_WHOLE.search(asking.text)
    if words is None:
        return Pick(LOCAL, "the question asks for particular things; this takes one call of the model")
    if named := _named(asking):
        return Pick(LOCAL, f"the question is about {named}, which the index knows; this takes one call of the model")
    query = asking.settings.query
    with asking.database.transaction() as session:
        volume = search.volume_at(session, asking.version.id, query.community_level)
    if not volume:
        return Pick(LOCAL, "the index has no reports; this takes one call of the model")
    calls = -(-volume // (CHARACTERS_PER_TOKEN * query.global_max_context_tokens)) + 1
    if query.global_dynamic if asking.inquiry.dynamic is None else asking.inquiry.dynamic:
        return Pick(
            GLOBAL, f"the question asks for the whole ({words.group()!r}); the reports that matter are selected"
        )
    return Pick(GLOBAL, f"the question asks for the whole ({words.group()!r}); this takes about {calls} calls")


def _named(asking: IndexAsking) -> str | None:
    """Something with a name in the question that is an entity of the index."""
    names = _capitalised(asking.text)
    with asking.database.transaction() as session:
        return search.known_title(session, asking.version.id, names) if names else None


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
