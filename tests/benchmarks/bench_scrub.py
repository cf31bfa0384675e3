"""Speed of scrubbing, as ratios in one run: ``python -m tests.benchmarks.bench_scrub``.

1. One pass of the sum hypothesis over all inputs against the same done with `run_with_hooks` on the bridge,
   as a user would write it, on one CPU thread, with equal draws and equal losses.
2. Cost against the size of the unrolled hypothesis.
3. A hundred hypotheses on one model against one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import networkx as nx
import torch
from torch import Tensor

import scrubkit
from scrubkit.hypothesis import from_graph
from scrubkit.models.model import Model
from scrubkit.scrubbing.evaluate import own_rows
from scrubkit.scrubbing.passes import cpu_tiles
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.program import Program
from scrubkit.scrubbing.sampling import Draws
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.scrubbing.target import levels_of
from scrubkit.subjects.network import NetworkSubject

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


def losses_by_tables(program: Program, labels: Tensor, passes: int) -> list[Tensor]:
    """Scrub with the engine: draws, logits and cross-entropy."""
    n_inputs = len(labels)
    results = []
    for d in range(passes):
        parts = []
        for tile, wanted in cpu_tiles(range(d * n_inputs, (d + 1) * n_inputs), n_inputs):
            draws = Draws(0, n_inputs, tile, CPU)
            z = program.outputs(draws)[:, 0].double()
            loss = z.logsumexp(1) - z.gather(1, labels[draws.rows][:, None])[:, 0]
            parts.append(loss[: len(wanted)])
        results.append(torch.cat(parts))
    return results


def losses_by_hooks(model: Model, program: Program, labels: Tensor, draw: int) -> Tensor:
    """Scrub with plain hooks: run each source, patch its neurons into a run on the other input."""
    assert model.truth is not None
    n_inputs = len(labels)
    draws = Draws(0, n_inputs, range(draw * n_inputs, (draw + 1) * n_inputs), CPU)
    root = program.plan.root
    hook = "blocks.0.mlp.hook_post"
    saved: list[tuple[list[int], Tensor]] = []
    for child in root.children:
        rows = own_rows(child, draws.rows, draws)
        caught: list[Tensor] = []

        def catch(value: Tensor, hook: object = None, into: list[Tensor] = caught) -> None:
            into.append(value)

        model.bridge.run_with_hooks(model.tokens[rows], fwd_hooks=[(hook, catch)])
        saved.append((list(child.part.neurons), caught[0]))

    def patch(value: Tensor, hook: object = None) -> Tensor:
        for neurons, source in saved:
            value[:, -1, neurons] = source[:, -1, neurons]
        return value

    others = program.anyone.draw(draws.rows, draws.numbers(root.other_stream))
    logits = model.bridge.run_with_hooks(model.tokens[others], fwd_hooks=[(hook, patch)])
    z = logits[:, -1].double()
    return z.logsumexp(1) - z.gather(1, labels[:, None])[:, 0]


def seconds(run: Callable[[], object], repeats: int) -> float:
    """Median time of a call."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


@torch.no_grad()
def one_pass(model: Model) -> None:
    """Compare one pass by tables with one by hooks."""
    subject = NetworkSubject(model)
    program = Program(subject, bind(from_graph(sum_hypothesis(model)), subject))
    labels = model.labels
    fast = losses_by_tables(program, labels, 1)[0]
    slow = losses_by_hooks(model, program, labels, 0)
    gap = float((fast - slow).abs().max())
    by_tables = seconds(lambda: losses_by_tables(program, labels, 8), 7) / 8
    levels = levels_of(subject, NetworkSubject(model, dtype=torch.float64))

    def all_figures() -> None:
        for tile, _ in cpu_tiles(range(8 * len(labels)), len(labels)):
            draws = Draws(0, len(labels), tile, CPU)
            levels.figures(program.outputs(draws), draws.rows)

    with_figures = seconds(all_figures, 5) / 8
    by_hooks = seconds(lambda: losses_by_hooks(model, program, labels, 0), 3)
    print(f"one pass of the sum hypothesis, {len(labels):,} inputs, one thread, losses in float64")
    print(f"  plain hooks            {by_hooks:8.4f} s   {len(labels) / by_hooks:12,.0f} inputs/s")
    print(f"  engine, loss only      {by_tables:8.4f} s   {len(labels) / by_tables:12,.0f} inputs/s")
    print(f"  engine, all figures    {with_figures:8.4f} s   {len(labels) / with_figures:12,.0f} inputs/s")
    print(f"  ratio {by_hooks / by_tables:.0f} (target 100); largest difference of a loss {gap:.1e}")


def tree_size(model: Model) -> None:
    """Time a pass against the number of tree nodes: the logits read plane by plane, one to all planes."""
    print("cost against the size of the unrolled hypothesis")
    subject = NetworkSubject(model)
    levels = levels_of(subject, NetworkSubject(model, dtype=torch.float64))
    for n_planes in (1, 4, 16, 48):
        graph = nx.DiGraph()
        graph.add_node("root", site="logits")
        for k in range(1, n_planes + 1):
            graph.add_node(f"plane{k}", site=f"logits[frequencies={k}]", feature="(a + b) % p")
            graph.add_edge(f"plane{k}", "root")
        program = Program(subject, bind(from_graph(graph), subject))

        def sweep(program: Program = program) -> None:
            with torch.no_grad():
                for tile, _ in cpu_tiles(range(len(levels.labels)), len(levels.labels)):
                    program.outputs(Draws(0, len(levels.labels), tile, CPU))

        sweep()
        took = seconds(sweep, 5)
        tree_nodes = program.plan.n_tree_nodes
        print(
            f"  {tree_nodes:3d} tree nodes {1000 * took:8.2f} ms per pass, "
            f"{1000 * took / tree_nodes:6.2f} ms per tree node"
        )


def many(model: Model) -> None:
    """Time one hypothesis alone and a hundred on one model."""
    graphs = [sum_hypothesis(model) for _ in range(100)]
    for i, graph in enumerate(graphs):
        for name in list(graph):
            if name.startswith("c"):
                graph.nodes[name]["feature"] = f"(a + {i + 1} * b) % p"
    began = time.perf_counter()
    Scorer(model, device="cpu").score(graphs[0], draws=4)
    one = time.perf_counter() - began
    began = time.perf_counter()
    scorer = Scorer(model, device="cpu")
    for graph in graphs:
        scorer.score(graph, draws=4)
    hundred = time.perf_counter() - began
    print(
        f"one hypothesis {one:.2f} s, a hundred on one model {hundred:.2f} s: {hundred / one:.1f} times one"
    )


def main() -> None:
    """Run all three."""
    torch.set_num_threads(1)
    model = scrubkit.load("modadd-p113")
    one_pass(model)
    tree_size(model)
    many(model)


if __name__ == "__main__":
    main()
