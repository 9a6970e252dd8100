"""How much of the prompts a server with a prefix cache need not compute again.

As in vLLM's automatic prefix caching: a prompt is cut into blocks of 16 tokens (about 64 characters), a block is known
when it and everything before it were seen in an earlier prompt. The cache is taken to be large enough.
"""

import hashlib
from collections.abc import Sequence

BLOCK_CHARACTERS = 64


def repeated_share(prompts: Sequence[str]) -> float:
    """The share of the prompts' blocks that repeat a prefix of an earlier prompt."""
    known: set[bytes] = set()
    repeated = blocks = 0
    for prompt in prompts:
        running, all_known = hashlib.blake2b(digest_size=12), True
        for start in range(0, len(prompt) - BLOCK_CHARACTERS + 1, BLOCK_CHARACTERS):
            running.update(prompt[start : start + BLOCK_CHARACTERS].encode("utf-8", "surrogatepass"))
            block = running.copy().digest()
            all_known = all_known and block in known
            repeated += all_known
            blocks += 1
            known.add(block)
    return repeated / blocks if blocks else 0.0
