"""One pass of the sum hypothesis over all inputs: ``python -m tests.benchmarks --only pass``.

Beside the engine, all of whose figures are taken, the same is done in four other ways, with a loss and
nothing else: with `run_with_hooks` on the bridge, as a user would write it; with clean activations cached
and only the last run by hooks; and with torch alone, from folded tables, as one who has thought about it
would, with rows in the order of the inputs or sorted by class.
"""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding_bag

import scrubkit
from scrubkit.hypothesis import from_graph
from scrubkit.models.model import Model
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.passes import run_passes
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.program import Program
from scrubkit.scrubbing.sampling import Draws
from scrubkit.scrubbing.target import levels_of
from scrubkit.subjects.linear import Piece
from scrubkit.subjects.network import NetworkSubject
from tests.benchmarks.plain import PlainHooks
from tests.benchmarks.table import Row, fastest

CPU = torch.device("cpu")


def sum_hypothesis(model: Model) -> nx.DiGraph:
    """The claim that each cluster depends on a + b alone."""
    assert model.truth is not None
    graph = nx.DiGraph(name="sum", task="modular_addition")
    graph.add_node("root", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    for k in model.truth.frequencies:
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(f"c{k}", site=site, feature="(a + b) % p")
        graph.add_edges_from([("a", f"c{k}"), ("b", f"c{k}"), (f"c{k}", "root")])
    return graph


class Plain:
    """The same scrub with torch alone, from the tables that the engine has."""

    def __init__(self, program: Program, labels: Tensor, *, by_class: bool) -> None:
        root, self.n = program.plan.root, len(labels)
        parts = tuple(child.part for child in root.children)
        tables = program.readout.table((Piece(parts, parts, root.part),)).unflatten(0, (-1, self.n))
        order = labels.argsort(stable=True)
        self.p = int(labels.max()) + 1
        if by_class:
            tables, labels = tables[:, order], labels[order]
            order = torch.arange(self.n)
        self.labels, self.members = labels, order.view(self.p, -1)
        self.table, self.slots = tables.reshape(-1, self.p).contiguous(), len(tables)
        self.generator = torch.Generator().manual_seed(0)

    def __call__(self) -> Tensor:
        """Scrub every input once and return the mean loss."""
        draw = lambda high: torch.randint(high, (self.n,), generator=self.generator)  # noqa: E731
        rows = [draw(self.n)]
        for i in range(1, self.slots):
            rows.append(self.members[self.labels, draw(self.members.shape[1])] + i * self.n)
        return cross_entropy(embedding_bag(torch.stack(rows, dim=1), self.table, mode="sum"), self.labels)


@torch.no_grad()
def one_pass() -> list[Row]:
    """Compare one pass with all figures by the engine with the others, at equal draws with hooks."""
    model = scrubkit.load("modadd-p113")
    subject, labels = NetworkSubject(model), model.labels
    plan = bind(from_graph(sum_hypothesis(model)), subject)
    program = Program(subject, plan)
    levels = levels_of(subject, NetworkSubject(model, dtype=torch.float64))
    # Tokens are drawn with the clusters that read them, which so are clean runs: by hooks, one for each.
    graph = sum_hypothesis(model)
    graph.remove_nodes_from("ab")
    leaves = bind(from_graph(graph), subject)
    plain, cached = (PlainHooks(model.bridge, model.tokens, cached=c) for c in (False, True))
    n = len(labels)

    def engine() -> object:
        return run_passes(program.folded, levels, seed=0, passes=range(1), device=CPU)

    def hooks(by: PlainHooks) -> Callable[[], Tensor]:
        def run() -> Tensor:
            z = by.outputs(leaves, Draws(0, n, range(n), CPU))[:, 0].double()
            return z.logsumexp(1) - z.gather(1, labels[:, None])[:, 0]

        return run

    some = Draws(0, n, range(512), CPU)
    torch.testing.assert_close(program.outputs(some), scrub_rows(subject, plan, some), rtol=1e-4, atol=1e-4)
    for by in (plain, cached):
        expected = Program(subject, leaves).outputs(some)
        torch.testing.assert_close(by.outputs(leaves, some), expected, rtol=1e-3, atol=1e-3)
    folded, by_class = (Plain(program, labels, by_class=c) for c in (False, True))
    copied = torch.empty(2**24)
    least, _ = fastest({"engine": engine, "folded": folded, "by class": by_class, "copy": copied.clone}, 6)
    slow, _ = fastest({"cached": hooks(cached), "engine": engine}, 6, most=4)
    slowest, _ = fastest({"hooks": hooks(plain), "engine": engine}, 6, most=2)
    took = min(least["engine"], slow["engine"], slowest["engine"])
    rows = len(plan.root.children) + 3
    bound = rows * n * labels.max().item() * 4 / (2 * copied.nbytes / least["copy"])
    what = "a pass, all figures"
    return [
        Row(what, took, "plain hooks, loss", slowest["hooks"] / took, at_least=300),
        Row(what, took, "cached hooks, loss", slow["cached"] / took, at_least=60),
        Row(what, took, "folded torch, loss", least["folded"] / took, at_least=1.3),
        Row(what, took, "folded torch, sorted by class", least["by class"] / took),
        Row(what, took, "its table rows at the copy rate", bound / took),
    ]
