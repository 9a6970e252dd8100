"""What graphrag itself makes of the same answers; a program of its own, because importing this much of it takes long.

stdin: a JSON list of lists of answers, one inner list for each text unit. stdout: its entities and relationships.
"""

import json
import sys
from typing import Any

from graphrag.index.operations.extract_graph import extract_graph
from graphrag.index.operations.extract_graph.graph_extractor import RECORD_DELIMITER, TUPLE_DELIMITER, GraphExtractor
from graphrag.index.operations.extract_graph.utils import filter_orphan_relationships


def main() -> None:
    extractor = GraphExtractor(model=None, prompt="", max_gleanings=0)  # type: ignore[arg-type]
    tables = [
        extractor._process_result("".join(answers), str(number), TUPLE_DELIMITER, RECORD_DELIMITER)
        for number, answers in enumerate(json.load(sys.stdin))
    ]
    entities = extract_graph._merge_entities([table[0] for table in tables])
    relationships = extract_graph._merge_relationships([table[1] for table in tables])
    relationships = filter_orphan_relationships(relationships, entities)
    found: dict[str, Any] = {
        "entities": entities.to_dict(orient="records"),
        "relationships": relationships.to_dict(orient="records"),
    }
    json.dump(found, sys.stdout)


main()
