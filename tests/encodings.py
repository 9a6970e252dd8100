"""tiktoken's own files of its encodings, as `litellm` ships them, which comes with `graphrag`."""

import importlib.util
from pathlib import Path

_found = importlib.util.find_spec("litellm")  # finds the path; the package itself is not run
assert _found is not None
assert _found.origin is not None
OLD_FILES = Path(_found.origin).parent / "litellm_core_utils" / "tokenizers"
