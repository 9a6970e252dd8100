"""The states of a run and of an index version, and the ways between them."""

from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    THROTTLED = "throttled"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED_WITH_GAPS = "succeeded_with_gaps"
    SUCCEEDED = "succeeded"


class RunKind(StrEnum):
    """What a run does."""

    INDEX = "index"
    DOCUMENTS = "documents"
    EMBEDDING = "embedding"
    METADATA = "metadata"
    QUESTION = "question"
    PASSAGE_QUESTION = "passage_question"


class VersionState(StrEnum):
    """Where an index version stands. Questions are answered from a published one only."""

    BUILDING = "building"
    PUBLISHED = "published"


ACTIVE_STATES = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.THROTTLED, RunState.PAUSED, RunState.CANCELLING})

_ENDS = frozenset({RunState.FAILED, RunState.SUCCEEDED_WITH_GAPS, RunState.SUCCEEDED})

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.PAUSED, RunState.CANCELLED, RunState.FAILED}),
    RunState.RUNNING: _ENDS
    | {RunState.THROTTLED, RunState.PAUSED, RunState.CANCELLING, RunState.CANCELLED, RunState.QUEUED},
    RunState.THROTTLED: _ENDS
    | {RunState.RUNNING, RunState.PAUSED, RunState.CANCELLING, RunState.CANCELLED, RunState.QUEUED},
    # a worker may be done before it hears that its run was paused or is to be cancelled
    RunState.PAUSED: _ENDS | {RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING, RunState.CANCELLED},
    RunState.CANCELLING: _ENDS | {RunState.CANCELLED},
    RunState.CANCELLED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.SUCCEEDED_WITH_GAPS: frozenset(),
    RunState.SUCCEEDED: frozenset(),
}


def may_become(current: RunState, target: RunState) -> bool:
    """Whether a run may go from one state to the other."""
    return target in TRANSITIONS[current]
