"""Deep models against plain hooks, as ratios in one run: ``python -m tests.benchmarks.bench_depth``.

Models of 2 to 6 layers with random weights (time does not depend on them), p = 59, d_model 128, 512 neurons a
layer, on one thread. The hypothesis reads half the neurons of the last layer, which read half of those of the
layer before, and so on down to both embeddings; a second one reads each layer twice, so that it unrolls into
2^layers nodes, of which many are equal.
"""

from __future__ import annotations

import time

import networkx as nx
import torch

from scrubkit.families.modular.task import ModularAddition
from scrubkit.hypothesis import from_graph
from scrubkit.models.bridge import build_bridge
from scrubkit.models.config import ModelConfig
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import random_weights
from scrubkit.scrubbing.passes import cpu_tiles
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.program import Program
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.network import NetworkSubject
from tests.benchmarks.plain import PlainHooks

CPU = torch.device("cpu")


def random_model(n_layers: int) -> Model:
    """Return a deep model of addition mod 59 with random weights."""
    task = ModularAddition(59)
    config = ModelConfig.for_task(task, d_model=128, n_heads=4, d_head=32, d_mlp=512, n_layers=n_layers)
    weights = random_weights(config, torch.Generator().manual_seed(0))
    return Model(f"{n_layers} layers", task, config, weights, Provenance(kind="trained"))


def chain(n_layers: int, width: int = 1) -> nx.DiGraph:
    """Return a hypothesis that reads neurons of every layer, in `width` parts a layer."""
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    readers = ["root"]
    for layer in reversed(range(n_layers)):
        nodes = [f"l{layer}.{i}" for i in range(width)]
        for i, name in enumerate(nodes):
            neurons = f"{256 * i}-{256 * i + 255}"
            graph.add_node(
                name,
                site=f"blocks.{layer}.mlp.hook_post[pos=-1, neurons={neurons}]",
                feature=f"(a + {i + 1} * b) % p",
            )
            graph.add_edges_from((name, reader) for reader in readers)
        readers = nodes
    for position, letter in enumerate("ab"):
        graph.add_node(letter, site=f"hook_embed[pos={position}]", feature=letter)
        graph.add_edges_from((letter, reader) for reader in readers)
    return graph


def compare(n_layers: int, width: int) -> None:
    """Print one pass by the engine, by plain hooks and by hooks with clean activations cached."""
    model = random_model(n_layers)
    subject = NetworkSubject(model)
    plan = bind(from_graph(chain(n_layers, width)), subject)
    program = Program(subject, plan)
    n_inputs = subject.n_inputs
    bridge = build_bridge(model.weights, model.config)
    took, logits = {}, {}
    for name, cached in (("hooks", False), ("cached hooks", True)):
        plain = PlainHooks(bridge, model.tokens, cached=cached)
        plain.outputs(plan, Draws(0, n_inputs, range(16), CPU))
        began = time.perf_counter()
        logits[name] = plain.outputs(plan, Draws(0, n_inputs, range(n_inputs), CPU))
        took[name] = time.perf_counter() - began
    with torch.no_grad():
        tile = next(iter(cpu_tiles(range(n_inputs), n_inputs)))[0]
        program.outputs(Draws(0, n_inputs, tile, CPU))
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            logits["engine"] = program.outputs(Draws(0, n_inputs, tile, CPU))
            seconds.append((time.perf_counter() - began) * n_inputs / len(tile))
    gap = float((logits["engine"][:n_inputs] - logits["hooks"]).abs().max())
    engine = sorted(seconds)[1]
    print(
        f"{n_layers} layers, {plan.n_tree_nodes:3d} nodes unrolled: engine {engine:7.3f} s, "
        f"hooks {took['hooks']:7.3f} s ({took['hooks'] / engine:5.1f} times), "
        f"cached {took['cached hooks']:7.3f} s ({took['cached hooks'] / engine:5.1f} times); "
        f"largest difference of a logit {gap:.1e}"
    )


def main() -> None:
    """Compare on 2, 4 and 6 layers."""
    torch.set_num_threads(1)
    print("one pass over 3,481 inputs, one thread")
    for n_layers, width in ((2, 1), (4, 1), (6, 1), (2, 2), (4, 2)):
        compare(n_layers, width)


if __name__ == "__main__":
    main()
