"""How the simulated server behaves; travels as JSON from a benchmark to the server's process."""

import hashlib
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Behaviour:
    """What is simulated.

    Parameters:
      slots: sequences that are generated at once, as vLLM's `--max-num-seqs`; further requests wait in their order.
      mean, sigma: of the lognormal distribution of answer times, in seconds; a mean of 0 means at once.
      seed: another one gives the same questions other times.
      embedding_slots, embedding_seconds: the same for embedding requests, which a server of their own answers in
        practice; their time is fixed for each request and grows with the number of texts.
      dimensions: of vectors.
      metrics: whether there is `/metrics`.
      keep: remember prompts and answers, from which dependencies and shared prefixes are worked out.
    """

    slots: int = 50
    mean: float = 0.0
    sigma: float = 0.4
    seed: int = 0
    embedding_slots: int = 8
    embedding_seconds: float = 0.0
    dimensions: int = 384
    metrics: bool = True
    keep: bool = False

    def seconds(self, identity: bytes) -> float:
        """How long the answer to a question takes: drawn from its content, so the same in every run and program."""
        if self.mean <= 0:
            return 0.0
        drawn = hashlib.blake2b(identity, digest_size=7, salt=self.seed.to_bytes(8, "big")).digest()
        draw = (int.from_bytes(drawn, "big") + 0.5) / 2**56
        normal = statistics.NormalDist().inv_cdf(draw)
        return math.exp(math.log(self.mean) - self.sigma * self.sigma / 2 + self.sigma * normal)


def identity_of(parts: Iterable[str]) -> bytes:
    """Eight bytes that stand for a question: roles and contents of its messages, however they were serialised."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=8)
    return digest.digest()
