"""Every kind of prompt: those that stages and query modes declare, and the two that belong to neither."""

from fileintel.graphrag import pipeline
from fileintel.graphrag.query import modes
from fileintel.graphrag.stages.metadata import METADATA
from fileintel.graphrag.tuning import TUNE_PROFILE

INDEXING = tuple(kind for stage in pipeline.TABLE for kind in stage.prompts)
QUERYING = tuple(dict.fromkeys(kind for mode in modes.TABLE for kind in mode.load().prompts))
KINDS = {kind.file: kind for kind in (*INDEXING, *QUERYING, METADATA, TUNE_PROFILE)}
