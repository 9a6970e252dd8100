"""The graph opens in networkx as it is in the tables."""

import re
from pathlib import Path

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fileintel.graphrag.export import export_index, graphml
from fileintel.graphrag.model import Relationship
from fileintel.storage.engine import Database
from tests.export.example import ALONE, LINKS, TITLES, Example, example, publish

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def shown(text: str) -> str:
    """A text without what XML cannot hold."""
    return CONTROL.sub("", text)


def test_the_graph_has_the_entities_with_their_attributes(exported: Path, made: Example) -> None:
    graph = nx.read_graphml(exported / "graph.graphml")
    assert list(graph.nodes) == [shown(title) for title in (*TITLES, ALONE)]
    top = {title: c.number for c in made.communities if c.level == 0 for title in c.entities}
    for title, entity in made.graph.entities.items():
        assert graph.nodes[shown(title)] == {
            "label": shown(title),
            "id": entity.id,
            "human_readable_id": entity.number,
            "type": entity.type,
            "description": shown(entity.description),
            "frequency": entity.frequency,
            "degree": entity.degree,
            "community": top[title],
        }


def test_every_relationship_is_an_edge_and_two_directions_are_two(exported: Path, made: Example) -> None:
    graph = nx.read_graphml(exported / "graph.graphml")
    assert isinstance(graph, nx.MultiGraph)
    assert graph.number_of_edges() == len(LINKS)
    assert graph.number_of_edges(shown(TITLES[0]), shown(TITLES[2])) == 2
    for link in made.graph.relationships.values():
        assert graph.edges[shown(link.source), shown(link.target), link.id] == {
            "human_readable_id": link.number,
            "description": shown(link.description),
            "weight": link.weight,
            "combined_degree": link.combined_degree,
        }
    assert nx.Graph(graph).number_of_edges() == len(LINKS) - 1


def test_without_parallel_edges_networkx_reads_a_simple_graph(database: Database, tmp_path: Path) -> None:
    made = example("simple")
    links: dict[tuple[str, str], Relationship] = made.graph.relationships
    made.graph.relationships = {pair: link for pair, link in links.items() if pair != (TITLES[2], TITLES[0])}
    for community in made.communities:
        community.relationships = [pair for pair in community.relationships if pair in made.graph.relationships]
    export_index(database, publish(database, made), tmp_path / "there")
    graph = nx.read_graphml(tmp_path / "there" / "graph.graphml")
    assert type(graph) is nx.Graph
    assert graph.number_of_edges() == len(LINKS) - 1


def test_an_entity_outside_of_all_communities_has_no_community(database: Database, tmp_path: Path) -> None:
    made = example("outside")
    made.communities = []
    made.reports = {}
    export_index(database, publish(database, made), tmp_path / "there")
    graph = nx.read_graphml(tmp_path / "there" / "graph.graphml")
    assert len(graph) == len(TITLES) + 1
    assert not nx.get_node_attributes(graph, "community")


def test_the_file_declares_each_attribute_once(exported: Path) -> None:
    tree = etree.parse(exported / "graph.graphml")
    keys = [key.get("id") for key in tree.iter("{*}key")]
    assert len(keys) == len(set(keys))
    assert {data.get("key") for data in tree.iter("{*}data")} == set(keys)


@given(st.text(), st.text())
def test_any_title_and_description_survive_but_for_what_xml_cannot_hold(title: str, description: str) -> None:
    values = (title, "id", 0, "type", description, 1, 2, None)
    node = etree.fromstring(graphml._node(title, values).encode("utf-8", "surrogatepass"))
    kept = "".join(c for c in title if graphml._FORBIDDEN.sub("", c))
    assert node.get("id") == kept
    texts = {data.get("key"): data.text or "" for data in node}
    assert texts["node_label"] == kept
    assert texts["node_description"] == graphml._FORBIDDEN.sub("", description)
    assert "node_community" not in texts
