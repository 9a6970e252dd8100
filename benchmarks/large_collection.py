"""A collection of any size, and a model that answers about it at once, in this process.

Each mention is a new name, or one that was mentioned before: mostly in the same part of the collection, sometimes
anywhere, which gives a vocabulary that grows with the text and names that occur the more the more they have occurred
(Simon 1955, Biometrika 42). A few names are known everywhere: the hubs. About ten new names and thirty new
relationships come with each text unit. The same size gives the same texts, and the same question the same answer.
"""

import json
import random
import re
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import sha256, shake_128
from uuid import UUID

import numpy as np

from fileintel.llm.caller import Caller
from fileintel.llm.client import Tally, embedding_answer
from fileintel.llm.questions import Answered, ChatQuestion, EmbeddingQuestion, Failed
from fileintel.runtime import yield_to_hub
from fileintel.storage import documents
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.engine import Database
from fileintel.storage.models import Document, utc_now

UNITS_PER_DOCUMENT = 100
UNIT_CHARACTERS = 4_470  # a text unit of 1,200 tokens, less its overlap with the one before
SENTENCES = 9  # with two names each, in one text unit; the others hold none
NEW, KNOWN_EVERYWHERE = 0.58, 0.06  # shares of the mentions
HUBS = 2_000
NEIGHBOURHOOD = 400  # mentions before, from which most of the known names are taken
_NAME = re.compile(r"\b[A-Z][a-z]+ [A-Z][a-z]+\b")
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "er", "il")]
_KINDS = ("PERSON", "ORGANIZATION", "GEO", "EVENT")
_TOLD = (
    "{0} met {1} at the harbour, where the cargo of the winter was counted and the ledgers were signed.",
    "In the spring {0} wrote to {1} about the bridge, the tolls and the long delay of the surveyors.",
    "{0} had kept the keys of the mill since the fire, and {1} knew it before the council did.",
    "The archive holds a contract between {0} and {1} about salt, rope and forty barrels of tar.",
)
_PLAIN = (
    "nobody in the valley trusted the new maps that had been drawn after the flood, and the mill stood still.",
    "the winter was long, the roads were closed, and what was left of the grain was weighed every morning.",
    "letters of that year speak of wool, of two ships that never came back, and of the price of salt.",
)


class Texts:
    """The texts of the documents, in order."""

    def __init__(self, text_units: int, seed: int = 1) -> None:
        self._left = text_units
        self._dice = random.Random(seed)
        self._before: deque[int] = deque(maxlen=NEIGHBOURHOOD)
        self._all = array("I")
        self._names = HUBS

    def documents(self) -> Iterator[list[str]]:
        """The pages of each document: one for each text unit, or nearly."""
        while self._left > 0:
            count = min(UNITS_PER_DOCUMENT, self._left)
            self._left -= count
            yield [self._page() for _ in range(count)]

    def _page(self) -> str:
        dice, pieces, length = self._dice, [], 0
        while length < UNIT_CHARACTERS:
            if dice.random() < SENTENCES * 98 / UNIT_CHARACTERS:
                text = dice.choice(_TOLD).format(name_of(self._mention()), name_of(self._mention()))
            else:
                # numbers keep sentences apart: no two passages are the same
                text = f"in {dice.randrange(1200, 1900)} and {dice.randrange(100_000)} days later {dice.choice(_PLAIN)}"
            pieces.append(text)
            length += len(text) + 1
        return " ".join(pieces) + "\n"

    def _mention(self) -> int:
        dice = self._dice
        draw = dice.random()
        if draw < KNOWN_EVERYWHERE:
            return int(HUBS ** dice.random()) - 1  # the n-th as often as 1/n (Zipf)
        if draw < KNOWN_EVERYWHERE + NEW or not self._before:
            number = self._names
            self._names += 1
        else:
            number = dice.choice(self._before) if dice.random() < 0.9 else dice.choice(self._all)
        self._before.append(number)
        self._all.append(number)
        return number


def name_of(number: int) -> str:
    """The name with this number; each has one of its own."""
    syllables = len(_SYLLABLES)
    parts = []
    for _ in range(4):
        number, at = divmod(number, syllables)
        parts.append(_SYLLABLES[at])
    return f"{(parts[0] + parts[1]).capitalize()} {(parts[2] + parts[3]).capitalize()}"


def write(database: Database, collection_id: str, text_units: int) -> None:
    """Put a collection of about that many text units into the database, as uploads would."""
    for number, pages in enumerate(Texts(text_units).documents()):
        text = "".join(pages)
        row = {
            "id": str(UUID(bytes=sha256(f"{collection_id}/{number}".encode()).digest()[:16])),
            "collection_id": collection_id,
            "sha256": sha256(text.encode()).hexdigest(),
            "name": f"book-{number:05}.txt",
            "title": f"Book {number}",
            "source": "",
            "media_type": "text/plain",
            "encoding": "utf-8",
            "size": len(text),
            "pages": len(pages),
            "characters": len(text),
            "properties": {},
            "edited": {},
            "created_at": utc_now().isoformat(),
        }
        starts = [0]
        for page in pages:
            starts.append(starts[-1] + len(page))
        placed = [(at + 1, None, starts[at], starts[at + 1], page) for at, page in enumerate(pages)]
        with database.transaction() as session:
            insert_rows(session, Document, [row])
            documents.add_pages(session, str(row["id"]), placed)


class _OpenGate:
    """Nobody waits at it."""

    def wake(self, caller: Caller) -> None:
        """Nothing to be woken."""


class Model:
    """Stands where a `ModelClient` does, and sends nothing.

    Parameters:
      dimensions: of vectors.
    """

    gate = _OpenGate()

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._centres = np.random.default_rng(1).normal(0, 100, (1_000, dimensions)).astype(np.float32)

    def ask(self, question: ChatQuestion, tally: Tally, caller: Caller | None = None) -> Answered | Failed:
        """The answer to a question."""
        del caller
        tally.sent()
        messages = question.messages
        content = answer(question.purpose, [message["content"] for message in messages], question.key)
        yield_to_hub()  # where one that sends would wait
        tokens = sum(len(message["content"]) for message in messages) // 4
        tally.returned()
        tally.answered(tokens, len(content) // 4)
        return Answered(question.parse(content), content, None, "stop", tokens, len(content) // 4)

    def embed(
        self, questions: Sequence[EmbeddingQuestion], tally: Tally, caller: Caller | None = None
    ) -> list[Answered | Failed]:
        """The vectors of a batch: each near one of a thousand centres."""
        del caller
        tally.sent()
        made = [self._vector(question.key) for question in questions]
        yield_to_hub()
        vectors = [
            embedding_answer(vector, 1, question.tokens) for vector, question in zip(made, questions, strict=True)
        ]
        tally.returned()
        tally.answered(sum(question.tokens for question in questions), 0)
        return list(vectors)

    def _vector(self, key: bytes) -> bytes:
        noise = np.frombuffer(shake_128(key).digest(self._dimensions), dtype=np.int8)
        return bytes((self._centres[int.from_bytes(key[:4], "big") % len(self._centres)] + noise).tobytes())


def answer(purpose: str, contents: Sequence[str], key: bytes) -> str:
    """The answer to a question."""
    mark, seed = key[:6].hex(), key[6]
    if purpose in ("extract", "glean"):
        names = list(dict.fromkeys(_NAME.findall(contents[0 if len(contents) == 1 else 1].rpartition("<text>")[2])))
        return _records(names, mark, seed) if purpose == "extract" else _records(names[:2], mark, seed)
    if purpose == "report":
        return _report(mark, seed)
    return f"What several passages say about it, told in one piece and a little shorter, see {mark}. " * 2


def _records(names: Sequence[str], mark: str, seed: int) -> str:
    records = [
        f'("entity"<|>{name}<|>{_KINDS[len(name) % 4]}<|>{name} plays a part in what passage {mark} tells of a year.)'
        for name in names
    ]
    pairs = [(names[at], names[at + step]) for step in (1, 2) for at in range(len(names) - step)]
    records += [
        f'("relationship"<|>{one}<|>{other}<|>{one} deals with {other} in passage {mark} for a ship.<|>{1 + seed % 9})'
        for one, other in pairs
    ]
    return "\n##\n".join(records) + "\n<|COMPLETE|>"


def _report(mark: str, seed: int) -> str:
    findings = [{"summary": f"Finding {at} of {mark}", "explanation": "What was found there. " * 8} for at in range(4)]
    return json.dumps(
        {
            "title": f"Community {mark}",
            "summary": f"This is the summary of the community {mark}. " * 3,
            "rating": float(seed % 11),
            "rating_explanation": "A simulated rating.",
            "findings": findings,
        }
    )
