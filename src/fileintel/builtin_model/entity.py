"""A name in a text, with the evidence about what it stands for."""

from collections.abc import Iterable
from dataclasses import dataclass

from fileintel.builtin_model import kinds
from fileintel.builtin_model.phrases import Phrase


@dataclass(slots=True)
class Entity:
    """A name in a text. `mentions` are its places, as phrases; `scores` are points for each kind."""

    words: tuple[str, ...]
    mentions: list[Phrase]
    scores: kinds.Scores
    name: str = ""
    strongest_cue: float = 0.0
    measured: bool = False  # stands behind a number, as "TB" in "340 TB"
    tier: int = 0

    @property
    def kind(self) -> str:
        """person, organization, geo or event."""
        return kinds.best_kind(self.scores)

    @property
    def key(self) -> tuple[str, ...]:
        """The words in lower case."""
        return tuple(word.lower() for word in self.words)

    @property
    def middle(self) -> int:
        """How many mentions are not at the start of a sentence, where every word has a capital."""
        return sum(1 for phrase in self.mentions if not phrase.initial)


def absorb(into: Entity, other: Entity, mentions: Iterable[Phrase]) -> None:
    """Let `mentions` of `other` count for `into`, with their share of the evidence about the kind."""
    moved = list(mentions)
    share = len(moved) / len(other.mentions)
    own = kinds.name_scores(other.words)
    for kind in kinds.KINDS:
        into.scores[kind] += (other.scores[kind] - own[kind]) * share
    into.strongest_cue = max(into.strongest_cue, other.strongest_cue)
    into.mentions = sorted([*into.mentions, *moved], key=lambda phrase: (phrase.sentence, phrase.start))
