"""The parsers of the index's questions, by the names under which questions are sent to other workers."""

from collections.abc import Callable
from typing import Any

from fileintel.graphrag.stages import claims, extract, report
from fileintel.graphrag.stages.gleaning import parse_yes_or_no

PARSERS: dict[str, Callable[[str], Any]] = {
    **{f"extract/{form.name}": form.parse for form in extract.FORMATS.values()},
    **{f"glean/{form.name}": form.parse_gleaning for form in extract.FORMATS.values()},
    "glean_check": parse_yes_or_no,
    "claims": claims.parse_claims,
    "claims_glean": claims.parse_gleaning,
    "claims_glean_check": parse_yes_or_no,
    "describe": str.strip,
    "report": report.parse_report,
}
