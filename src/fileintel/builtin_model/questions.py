"""Answers to questions: sentences of the data that match best, each with the id of where it stands."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fileintel.builtin_model import prose, ranking, sections
from fileintel.builtin_model.sentences import terms
from fileintel.builtin_model.stopwords import language_of
from fileintel.builtin_model.wordlists import word_lists

ANSWER_SENTENCES = 5
LEAST_MATCH = 0.2  # share of the question's weight that the best sentence must hold, or the data does not tell
RELATIVE_MATCH = 0.4  # of the best sentence's score: what is below is left out
POINTS_PER_MAP, POINTS_PER_REDUCE = 6, 12
SENTENCES_CONSIDERED = 4000
IDS_PER_CITATION = 3
SAME_SOURCE = 0.7  # share of words in common from which on a derived sentence also cites the source sentence

# How much a sentence counts by where it stands: the documents themselves before what was made of them.
_WEIGHTS = {"sources": 1.0, "relationships": 0.9, "entities": 0.9, "reports": 0.8}
_COLUMNS = {"sources": "text", "relationships": "description", "entities": "description", "reports": "content"}

# Words of a question that ask for an overview and match nothing by themselves.
_GENERIC = frozenset(terms(" ".join(word_lists("overview")["overview"])))
_NOTHING = {
    "en": "The given data does not tell.",
    "de": "Die vorliegenden Daten geben darüber keine Auskunft.",
    "fr": "Les données fournies ne le disent pas.",
    "fi": "Annetut tiedot eivät kerro sitä.",
}
_WHEN = re.compile(r"\b(?:when|what year|which year|what date|wann|in welchem jahr|quand|milloin)\b", re.IGNORECASE)
_FORM = re.compile(r"Form of the answer: (a list|a single paragraph|a markdown table|one json)", re.IGNORECASE)
_CITED = re.compile(r"\[[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*\]")


@dataclass(frozen=True, slots=True)
class _Passage:
    """A sentence of the data, and all ids under which it stands."""

    statement: ranking.Statement
    ids: tuple[str, ...]
    section: str


class _Question:
    """The words of a question, weighted by how rare they are in the data."""

    def __init__(self, text: str, collection: Sequence[ranking.Statement]) -> None:
        self.text = text
        self.language = language_of(re.findall(r"[^\W\d_]+", text.lower()))
        self._when = bool(_WHEN.search(text))
        found = [term for term in dict.fromkeys(terms(text)) if term not in _GENERIC]
        spread = Counter(stem for each in collection for stem in sorted(each.stems))
        total = len(collection) + 1
        self.weights = {term: math.log(1 + total / (1 + spread[term])) for term in found}
        self._all = sum(self.weights.values())

    @property
    def wants_overview(self) -> bool:
        """Nothing in the question can be looked for."""
        return not self.weights

    def match(self, statement: ranking.Statement) -> float:
        """Return the share of the question's weight that a statement holds, 0 to 1."""
        if not self._all:
            return 0.0
        return sum(weight for term, weight in self.weights.items() if term in statement.stems) / self._all

    def score(self, statement: ranking.Statement) -> float:
        """`match`, tempered by length and place; dates count when the question asks for one."""
        score = self.match(statement) * statement.weight * (1.0 - 0.1 * (len(statement.stems) > 30))
        if score and self._when and any(stem[0].isdigit() for stem in statement.stems):
            score *= 1.25
        return score


def local_answer(text: str) -> str:
    """Return the sentences of the data that answer the question best, each followed by its citation."""
    passages = _passages(sections.sections(text))
    collection = [passage.statement for passage in passages]
    question = _Question(sections.question_of(text), collection)
    chosen = _choose(question, collection, ANSWER_SENTENCES)
    if not chosen:
        return _NOTHING[question.language]
    lines = [
        f"{ranking.ended(passages[at].statement.text)} [{', '.join(_ids(passages[at], passages))}]" for at in chosen
    ]
    return "\n\n".join(lines)


def _choose(question: _Question, collection: Sequence[ranking.Statement], limit: int) -> list[int]:
    """Return the best statements first; every next one should add words of the question that are not covered yet."""
    if question.wants_overview:
        return sorted(ranking.choose(collection, ranking.centrality(collection), limit))
    scores = [question.score(statement) for statement in collection]
    best = max(scores, default=0.0)
    if best <= 0 or max(question.match(statement) for statement in collection) < LEAST_MATCH:
        return []
    central = ranking.centrality(collection)
    top = max(central) or 1.0
    blended = [score * (1 + 0.15 * middle / top) for score, middle in zip(scores, central, strict=True)]
    wanted = {at for at, score in enumerate(scores) if score >= RELATIVE_MATCH * best}
    return [at for at in ranking.choose(collection, blended, limit) if at in wanted]


def _passages(found: Mapping[str, Sequence[sections.Row]]) -> list[_Passage]:
    """Return the sentences of all sections; one that stands in several places carries all their ids, sources first."""
    passages: dict[str, _Passage] = {}
    for section in _WEIGHTS:
        for row in found.get(section, ()):
            origin = row.get("id", "")
            text = prose.plain(row.get(_COLUMNS[section], ""))
            for statement in ranking.statements(text, _WEIGHTS[section], origin) if origin else ():
                known = passages.get(statement.text)
                if known is None and len(passages) < SENTENCES_CONSIDERED:
                    passages[statement.text] = _Passage(statement, (origin,), section)
                elif known and origin not in known.ids and len(known.ids) < IDS_PER_CITATION:
                    passages[statement.text] = _Passage(known.statement, (*known.ids, origin), known.section)
    return list(passages.values())


def _ids(passage: _Passage, passages: Sequence[_Passage]) -> tuple[str, ...]:
    """The ids of a passage, led by the source that says the same with a pronoun ("she joined" for "Brandt joined")."""
    if passage.section == "sources":
        return passage.ids
    stems = passage.statement.stems
    for other in passages:
        alike = len(other.statement.stems & stems) >= SAME_SOURCE * len(stems | other.statement.stems)
        if other.section == "sources" and alike:
            return (other.ids[0], *passage.ids[: IDS_PER_CITATION - 1])
    return passage.ids


def global_map(text: str) -> str:
    """Return the points of the reports that bear on the question, as JSON with a score from 0 to 100."""
    reports = sections.sections(text).get("reports", [])
    found = [
        statement
        for row in reports
        if row.get("id")
        for statement in ranking.statements(prose.plain(row.get("content", "")), 1.0, row["id"])
    ][:SENTENCES_CONSIDERED]
    question = _Question(sections.question_of(text), found)
    chosen = _choose(question, found, POINTS_PER_MAP)
    central = ranking.centrality(found)
    top = max(central, default=0.0) or 1.0
    points = []
    for at in chosen:
        share = 0.3 + 0.5 * central[at] / top if question.wants_overview else question.match(found[at])
        description = f"{ranking.ended(found[at].text)} [{found[at].origin}]"
        points.append({"description": description, "score": round(100 * min(1.0, share))})
    points.sort(key=lambda point: -int(str(point["score"])))
    return json.dumps({"points": points}, ensure_ascii=False)


def global_rate(text: str) -> str:
    """How much a report helps with the question, as JSON with a rating from 0 to 5: the best of its statements."""
    points = json.loads(global_map(text))["points"]
    best = max((int(point["score"]) for point in points), default=0)
    return json.dumps({"rating": round(best / 20)})


def step(text: str) -> str:
    """What the data says towards an answer, as JSON with a score from 0 to 100. It leaves no follow-up questions:
    sentences can be found, what is lacking in them cannot."""
    found = local_answer(text)
    passages = _passages(sections.sections(text))
    question = _Question(sections.question_of(text), [passage.statement for passage in passages])
    share = max((question.match(passage.statement) for passage in passages), default=0.0)
    score = 0 if found in _NOTHING.values() else round(100 * (0.5 if question.wants_overview else share))
    return json.dumps({"answer": found, "score": score, "follow_ups": []}, ensure_ascii=False)


def formed(instructions: str, answer: str) -> str:
    """Return an answer in the form that instructions ask for, as far as sentences can be put into it."""
    wanted = _FORM.search(instructions)
    parts = [part.strip(" -") for part in re.split(r"\n+", answer) if part.strip(" -")]
    if wanted is None or not parts:
        return answer
    form = wanted.group(1).lower()
    if form.startswith("a list"):
        return "\n".join(f"- {part}" for part in parts)
    if form.startswith("a single paragraph"):
        return " ".join(parts)
    if form.startswith("a markdown table"):
        rows = [f"| {part.replace('|', '/')} |" for part in parts]
        return "\n".join(["| Statement |", "| --- |", *rows])
    if form.startswith("one json"):
        return json.dumps({"answer": parts}, ensure_ascii=False)
    return answer


def global_reduce(text: str) -> str:
    """Return the analysts' points as one markdown answer, the strongest first, repetitions left out, citations kept."""
    question = _Question(sections.question_of(text), ())
    points = _points(text)
    collection = [ranking.Statement(body, frozenset(terms(_CITED.sub("", body)))) for _, body in points]
    scores = [score for score, _ in points]
    chosen = ranking.choose(collection, scores, POINTS_PER_REDUCE)
    if not chosen:
        return _NOTHING[question.language]
    best, *others = (points[at][1] for at in chosen)
    return "\n".join([best, *([""] if others else []), *(f"- {point}" for point in others)])


def _points(text: str) -> list[tuple[float, str]]:
    """Score and description of each point; plain lines of the data if there is no section of points."""
    rows = sections.sections(text).get("points")
    if rows is None:
        lines = [line.strip(" \t-*#") for line in sections.tagged(text, "data").split("\n")]
        if "<data>" not in text:
            lines = [line for line in lines if not line.lower().startswith("question:")]
        found = [(0.0, line) for line in lines if len(line) > 1 and any(char.isalpha() for char in line)]
    else:
        found = [(sections.number(row.get("score", "")), row.get("description", "")) for row in rows]
    return [(score, " ".join(body.split())) for score, body in found if score >= 0 and body.strip()]
