"""Writes betweenness.json: betweenness centrality of random directed graphs by networkx.

Made once with Python 3.11 and networkx 3.6.1: pip install networkx==3.6.1; python betweenness.py
"""
import json
import random
from pathlib import Path

import networkx as nx


def record(name, graph, lengths):
    """`lengths`: the length of each edge in the order of the sorted edges, or None."""
    edges = sorted(graph.edges())
    if lengths is not None:
        for (u, v), length in zip(edges, lengths):
            graph[u][v]["length"] = length
    found = nx.betweenness_centrality(graph, normalized=False, weight=None if lengths is None else "length")
    return {
        "name": name,
        "nodes": graph.number_of_nodes(),
        "sources": [u for u, _ in edges],
        "targets": [v for _, v in edges],
        "lengths": lengths,
        "betweenness": [found[node] for node in range(graph.number_of_nodes())],
    }


random.seed(7)
sparse = nx.gnp_random_graph(60, 0.04, seed=1, directed=True)
dense = nx.gnp_random_graph(40, 0.25, seed=2, directed=True)
ring = nx.DiGraph(nx.watts_strogatz_graph(50, 6, 0.2, seed=3))
cases = [
    record("sparse", sparse.copy(), None),
    record("dense", dense.copy(), None),
    record("small world", ring.copy(), None),
    record("sparse, whole lengths", sparse.copy(), [random.randint(1, 4) for _ in sparse.edges()]),
    record("dense, whole lengths", dense.copy(), [random.randint(1, 4) for _ in dense.edges()]),
    record("small world, real lengths", ring.copy(), [round(random.uniform(0.1, 3), 6) for _ in ring.edges()]),
]
Path(__file__).with_name("betweenness.json").write_text(json.dumps(cases) + "\n")
