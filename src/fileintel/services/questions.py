"""What a question holds: its text and mode, the turns before it, and the form of its answer."""

from fileintel.graphrag.query import forms
from fileintel.graphrag.query.conversation import LONGEST_TURN, ROLES, Turn, read_turns
from fileintel.graphrag.query.query_request import QueryRequest

__all__ = ["LONGEST_TURN", "ROLES", "QueryRequest", "Turn", "forms", "read_turns"]
