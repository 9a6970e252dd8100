"""What callers get about the versions of an index: what they cover, how they differ, which one is in use."""

from typing import Literal

from pydantic import Field

from fileintel.api.answers import Moment, Thing


class BriefVersion(Thing):
    """A version, as far as one has to know it to tell it from others."""

    id: str
    number: int
    published_at: Moment | None


class RolledBack(Thing):
    """The version that answered questions before, and the one that does now."""

    collection: str
    before: BriefVersion = Field(alias="from")
    after: BriefVersion = Field(alias="to")
    gaps: int = Field(description="What is missing from the one that does now.")


class BothSides(Thing):
    """A number of rows in each of two versions."""

    before: int = Field(alias="from")
    after: int = Field(alias="to")


class Change(Thing):
    """A thing that is in one version only, or says something else."""

    change: Literal["added", "removed", "changed"]
    id: str
    name: str


class Difference(Thing):
    """How the things of one kind differ: totals by change, and the first of each."""

    totals: dict[str, int]
    items: list[Change]


class Comparison(Thing):
    """How two versions of an index differ. `counts` are rows by table."""

    collection: str
    before: BriefVersion = Field(alias="from")
    after: BriefVersion = Field(alias="to")
    counts: dict[str, BothSides]
    entities: Difference
    relationships: Difference
    reports: Difference


class VectorCoverage(Thing):
    """The vectors of one kind: how many there should be, and how many are missing."""

    kind: str = Field(examples=["entity_description"])
    items: int
    missing: int


class GapCount(Thing):
    """Items of a stage that failed for one reason."""

    stage: str
    reason: str
    items: int


class DocumentCoverage(Thing):
    """What of a document the index covers. Nothing was found in `empty` text units; `failed` ones are gaps."""

    id: str
    name: str
    text_units: int
    extracted: int
    empty: int
    failed: int
    entities: int
    reach_a_report: int = Field(description="Entities in a community that has a report.")


class Coverage(Thing):
    """What of its documents an index covers, and what is missing from it."""

    collection: str
    version: int
    run_id: str
    text_units: dict[str, int] = Field(description="Those extracted, empty (nothing was found) and failed.")
    entities: dict[str, int]
    communities: dict[str, int]
    vectors: list[VectorCoverage]
    gaps: list[GapCount]
    documents: list[DocumentCoverage]
