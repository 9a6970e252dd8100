"""The words that help texts, the API and tools list: modes of questions, and fields of a document's metadata.

Light to import: `fileintel --help` waits for it.
"""

from fileintel.documents.metadata import FIELDS
from fileintel.graphrag.query.modes import BASIC, LOCAL, MODES, SUMMARY, expect_mode

__all__ = ["BASIC", "FIELDS", "LOCAL", "MODES", "SUMMARY", "expect_mode"]
