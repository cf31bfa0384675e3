"""Draw the pictures of the site into docs/img: ``python docs/draw.py [claims] [strata] [operators]``.

Claims and mutants are drawn by scrubkit, coloured by what `scrubkit.explain` finds on a small model.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np

import scrubkit
from scrubkit.families.modular.suites.hypotheses import true_hypotheses
from scrubkit.families.modular.suites.known import Known
from scrubkit.families.modular.suites.mutators import MUTATORS, RESTATEMENTS
from scrubkit.hypothesis import from_graph

IMAGES = Path(__file__).parent / "img"
STYLE = "<style>.drawing{color:#1f2328}@media(prefers-color-scheme:dark){.drawing{color:#e6edf3}}</style>"
"""Colours of the text where the picture stands alone; in a page it has those of the page."""
SUM, HIT, APART = "(a + b) % 4", "a + b + c == 9", "(a - b) % 4"
STRATA = {
    "true": {"ab": ("ab", SUM), "c": ("c", "c"), "hit": ("hit", HIT)},
    "left-out": {"ab": ("ab", SUM), "hit": ("hit", HIT)},
    "too-coarse": {"ab": ("ab", "(a + b) % 2"), "c": ("c", "c"), "hit": ("hit", HIT)},
    "wrong-place": {"ab": ("apart", SUM), "c": ("c", "c"), "hit": ("hit", HIT)},
    "not-needed": {"ab": ("ab", SUM), "c": ("c", "c"), "hit": ("hit", HIT), "apart": ("apart", APART)},
    "rare": {"ab": ("ab", SUM), "c": ("c", "c"), "hit": ("hit", None)},
    "vacuous": {name: (name, "(a, b, c)") for name in ("ab", "c", "hit")},
}
"""Claims about `sum_or_more`: by node, the variable at whose place it is, and its feature or None."""


def sum_or_more() -> nx.DiGraph:
    """A program with a variable that nothing reads, and one that decides the answer on one input of 64."""
    graph = nx.DiGraph(name="sum_or_more", output="answer")
    graph.add_edges_from([("a", "ab"), ("b", "ab"), ("a", "apart"), ("b", "apart")])
    graph.add_nodes_from("abc", values=range(4))
    graph.add_edges_from([("a", "hit"), ("b", "hit"), ("c", "hit")])
    graph.add_edges_from([("ab", "answer"), ("c", "answer"), ("hit", "answer")])
    features = {"ab": SUM, "apart": APART, "hit": HIT, "answer": "(max(ab, c) + hit) % 4"}
    nx.set_node_attributes(graph, features, "feature")
    return graph


def save(model: scrubkit.Model, graph: nx.DiGraph, path: Path, draws: int = 2) -> None:
    """Draw a hypothesis in the colours of its explanation."""
    hypothesis = from_graph(graph)
    drawing = hypothesis.draw(scrubkit.explain(model, hypothesis, draws=draws))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(re.sub("<svg ([^>]*)>", rf'<svg class="drawing" \1>{STYLE}', drawing.svg, count=1) + "\n")
    print(path)


def claims() -> None:
    """The claim of the first tour."""
    page = (Path(__file__).parent / "tours" / "score.md").read_text()
    names: dict[str, object] = {}
    exec(re.findall(r'title="my_claim.py"\n(.*?)```', page, flags=re.DOTALL)[0], names)
    model = scrubkit.load("pizza-p59")
    save(model, names["hypothesis"](model.truth), IMAGES / "my_claim.svg")  # pyright: ignore[reportCallIssue]


def strata() -> None:
    """A claim of each stratum, about one program."""
    model = scrubkit.compile_graph(sum_or_more(), codes="rotated")
    for stratum, nodes in STRATA.items():
        graph = nx.DiGraph(name=stratum)
        graph.add_node("logits", site="logits")
        for name, (variable, feature) in nodes.items():
            said = {"unimportant": True} if feature is None else {"feature": feature}
            graph.add_node(name, site=model.truth.site(variable), **said)  # pyright: ignore
            graph.add_edge(name, "logits")
        save(model, graph, IMAGES / "strata" / f"{stratum}.svg", draws=64)


def operators() -> None:
    """What each operator makes of a true hypothesis: of the least graph that it applies to."""
    other = scrubkit.compile_model(variant="pizza", p=13, frequencies=(3, 6), permute=True).truth
    for name, operator in {**MUTATORS, **RESTATEMENTS}.items():
        for model, graph in subjects():
            made = operator(graph, Known.of(model, other), np.random.default_rng(0))
            if made is not None:
                save(model, made, IMAGES / "operators" / f"{name}.svg")
                break
        else:
            print(f"no picture of {name}")


def subjects() -> Iterator[tuple[scrubkit.Model, nx.DiGraph]]:
    """Yield true hypotheses of small models, the least first."""
    found = [(m, graph) for m in models() for graph in true_hypotheses(Known.of(m)).values()]
    yield from sorted(found, key=lambda pair: pair[1].number_of_nodes())


@functools.cache
def models() -> list[scrubkit.Model]:
    """Two models of addition mod 13, with parts that mislead."""
    made = []
    for variant, cancelling in (("pizza", 1), ("clock-torus", 0)):
        planted = {"decoy_neurons": 4, "decoy_heads": 1, "cancelling_heads": cancelling}
        made.append(scrubkit.compile_model(variant=variant, p=13, frequencies=(2, 5), distractors=planted))
    return made


if __name__ == "__main__":
    for name in sys.argv[1:] or ("claims", "strata", "operators"):
        globals()[name]()
