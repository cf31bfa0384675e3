"""In which way a claim that is not sufficient is false, and where, in words.

In this order: *rare*, it holds on average; *wrong-place*, naming another site at one node or exchanging
those of two repairs it; *left-out*, what it does not name or calls unimportant moves the output while
every node has its clean value; *too-coarse*, it fails with all that kept. A claim that is sufficient and
has an edge that no context needs is *not-needed*.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from typing import Any

import networkx as nx

from scrubkit.bench.case import Stratum
from scrubkit.bench.label import criteria
from scrubkit.bench.label.scrubbed import Scrubbed, Scrubber, kept, only, pinned
from scrubkit.core.site import parse
from scrubkit.errors import ScrubkitError
from scrubkit.hypothesis import Hypothesis, from_graph
from scrubkit.scrubbing.plan import Plan, bind

MOVES = 80
"""Most changes of sites that are tried."""
GLANCE = 128
"""Draws by which most of them are seen not to repair anything."""
_ROWS = 4
"""Most values of an input that a sentence names."""


class Why:
    """Says in which way one claim is false.

    Args:
        scrubber: measures hypotheses about the subject.
        hypothesis: the claim.
        plan: the same, bound.
        found: what joint draws make of the output.
    """

    def __init__(self, scrubber: Scrubber, hypothesis: Hypothesis, plan: Plan, found: Scrubbed) -> None:
        self.scrubber, self.hypothesis, self.plan, self.found = scrubber, hypothesis, plan, found

    def stratum(self) -> tuple[Stratum, list[str]]:
        """Return the stratum of a claim that is not sufficient, and what fails in words."""
        root = self.hypothesis.root
        if criteria.rarely(self.found.mean, self.found.failure):
            return "rare", [f"{root}: {self._rarely()}"]
        tried = islice(self._moves(), MOVES)
        repair = next((said for said, moved in tried if self._repaired(moved)), None)
        if repair is not None:
            return "wrong-place", [f"{root}: {self._often()}; {repair} repairs it"]
        rest = self.scrubber.scrub(self.plan, pinned(self.plan.root), quick=True)
        if _fails(rest):
            said = f"{root}: what is left out or called unimportant moves {rest.mean:.3g} of the variance"
            return "left-out", [said]
        return "too-coarse", [f"{name}: {moved}" for name, moved in self._coarse()]

    def _rarely(self) -> str:
        shares = f"{self.found.failure:.2g} of the draws, though {self.found.mean:.2g} of the variance moves"
        return f"an answer changes in {shares}; worst{self._at()}"

    def _often(self) -> str:
        return f"joint draws move {self.found.mean:.3g} of the variance"

    def _at(self) -> str:
        if self.found.witness is None:
            return ""
        columns = self.scrubber.subject.columns
        row = self.found.witness.row
        named = [f"{name}={column[row]}" for name, column in list(columns.items())[:_ROWS]]
        return f" at {', '.join(named)}" if named else f" at row {row}"

    def _coarse(self) -> Iterator[tuple[str, str]]:
        """Yield the nodes whose stand-ins alone move the output, or all of them together."""
        tree, found = kept(self.plan.root), False
        for node in tree.walk():
            if node.resampling is None or node is tree:
                continue
            alone = self.scrubber.scrub(self.plan, only(tree, node.index), quick=True)
            if _fails(alone):
                found = True
                yield node.node, f"stand-ins of its feature move {alone.mean:.3g} of the variance"
        if not found:
            yield self.hypothesis.root, f"{self._often()}; no node does so alone"

    def _repaired(self, graph: nx.DiGraph) -> bool:
        try:
            plan = bind(from_graph(graph), self.scrubber.subject)
        except ScrubkitError:
            return False
        if self.scrubber.sampled(plan, plan.root, GLANCE).mean > 2 * criteria.MEAN_FAILS:
            return False
        found = self.scrubber.scrub(plan, quick=True)
        return found.mean < criteria.MEAN_HOLDS and found.worst < 1

    def _moves(self) -> Iterator[tuple[str, nx.DiGraph]]:
        """Yield hypotheses in which two nodes exchange their sites, or one node sits on another site."""
        graph = self.hypothesis.graph
        named = [n for n in graph if graph.out_degree(n) and not graph.nodes[n].get("unimportant")]
        for one, two in combinations(named, 2):
            a, b = graph.nodes[one], graph.nodes[two]
            if a.get("site") != b.get("site"):
                changed = graph.copy()
                changed.nodes[one]["site"], changed.nodes[two]["site"] = b["site"], a["site"]
                yield f"exchanging the sites of {one} and {two}", changed
        taken = {graph.nodes[n]["site"] for n in graph}
        for name in named:
            for site in self._sites(graph.nodes[name]["site"]):
                if site not in taken:
                    changed = graph.copy()
                    changed.nodes[name]["site"] = site
                    yield f"{name} at {site}", changed

    def _sites(self, site: str) -> Iterator[str]:
        """Yield the sites of the same kind: another position, head, component or group of neurons."""
        subject: Any = self.scrubber.subject
        if not hasattr(subject, "architecture"):
            given = site in subject.inputs
            yield from (
                n for n in subject.order if not subject.is_output(n) and (n in subject.inputs) == given
            )
            return
        read = parse(site)
        keys = dict(read.parts)
        a = subject.architecture
        for key, values in self._values(a).items():
            if key in keys:
                for value in values:
                    if value != keys[key]:
                        inner = ", ".join(f"{k}={value if k == key else v}" for k, v in keys.items())
                        yield f"{read.hook}[{inner}]"

    def _values(self, architecture: Any) -> dict[str, list[str]]:
        """Return what each key of a site may say instead."""
        names = getattr(self.scrubber.subject.truth, "names", None) or {}  # pyright: ignore[reportAttributeAccessIssue]
        groups = [",".join(map(str, members)) for members in names.get("neurons", {}).values() if members]
        found = {
            "pos": [str(i) for i in range(architecture.n_ctx)],
            "head": [str(h) for h in range(architecture.n_heads)],
            "neurons": groups,
            "subspace": list(getattr(self.scrubber.subject.truth, "subspaces", None) or {}),  # pyright: ignore[reportAttributeAccessIssue]
        }
        for key, size in architecture.decompositions.items():
            found[key] = [str(k) for k in range(size)]
        return found


def _fails(found: Scrubbed) -> bool:
    return found.mean > criteria.MEAN_HOLDS or found.worst >= 1
