"""The graph as GraphML (Brandes et al. 2002, http://graphml.graphdrawing.org), for networkx, Gephi, yEd and others.

A node's id is the entity's title. The graph is undirected, as it is for clustering, and each relationship is an edge:
where a collection says something of A and B and something else of B and A, there are two parallel edges. networkx then
reads a MultiGraph (`networkx.Graph(graph)` merges them), otherwise a Graph.
"""

import os
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from fileintel.runtime import in_native_thread, yielding
from fileintel.storage import index_tables
from fileintel.storage.engine import Database

# XML 1.0, section 2.2: the only characters that a document may hold, even as references
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Gephi takes names, colours and weights from attributes of certain names, of which `label` and `weight` are wanted
_NODE_KEYS = (
    ("label", "string"),
    ("id", "string"),
    ("human_readable_id", "int"),
    ("type", "string"),
    ("description", "string"),
    ("frequency", "int"),
    ("degree", "int"),
    ("community", "int"),
)
_EDGE_KEYS = (
    ("human_readable_id", "int"),
    ("description", "string"),
    ("weight", "double"),
    ("combined_degree", "int"),
)
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'


def write(database: Database, version_id: str, path: Path) -> int:
    """Write a version's graph, down to the disk; returns the number of nodes and edges.

    Raises:
      OSError: it cannot be written.
    """
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        file.writelines(_declarations("node", _NODE_KEYS))
        file.writelines(_declarations("edge", _EDGE_KEYS))
        file.write('<graph edgedefault="undirected">\n')
        for batch in chain(_nodes(database, version_id), _edges(database, version_id)):
            file.writelines(batch)
            count += len(batch)
        file.write("</graph>\n</graphml>\n")
        file.flush()
        in_native_thread(os.fsync, file.fileno())
    return count


def _declarations(kind: str, keys: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, type_name in keys:
        yield f'<key id="{kind}_{name}" for="{kind}" attr.name="{name}" attr.type="{type_name}"/>\n'


def _nodes(database: Database, version_id: str) -> Iterator[list[str]]:
    for rows, communities in index_tables.entities_with_community(database, version_id):
        yield [_node(row[0], (*row[:7], communities.get(row[1]))) for row in yielding(rows)]


def _edges(database: Database, version_id: str) -> Iterator[list[str]]:
    for rows in index_tables.edges(database, version_id):
        yield [_edge(row) for row in yielding(rows)]


def _node(title: str, values: tuple[Any, ...]) -> str:
    return f"<node id={_attribute(title)}>{_data('node', _NODE_KEYS, values)}</node>\n"


def _edge(row: Any) -> str:
    identity, number, source, target, *values = row
    ends = f"source={_attribute(source)} target={_attribute(target)}"
    return f'<edge id="{identity}" {ends}>{_data("edge", _EDGE_KEYS, (number, *values[:3]))}</edge>\n'


def _data(kind: str, keys: tuple[tuple[str, str], ...], values: Any) -> str:
    return "".join(
        f'<data key="{kind}_{name}">{_content(value) if type_name == "string" else value}</data>'
        for (name, type_name), value in zip(keys, values, strict=True)
        if value is not None
    )


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("", text))


def _content(text: str) -> str:
    return escape(_FORBIDDEN.sub("", text), {"\r": "&#13;"})  # a bare one would be read as a line feed
