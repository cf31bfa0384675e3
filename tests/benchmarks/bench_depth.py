"""Deep models against plain hooks, as ratios in one run: ``python -m tests.benchmarks --only depth``.

Models of 2 to 6 layers with random weights (time does not depend on them), p = 59, d_model 128, 512 neurons a
layer, on one thread. The hypothesis reads half the neurons of the last layer, which read half of those of the
layer before, and so on down to both embeddings; a second one reads each layer twice, so that it unrolls into
2^layers nodes, of which many are equal.
"""

from __future__ import annotations

import networkx as nx
import torch

from scrubkit.families.modular.task import ModularAddition
from scrubkit.hypothesis import from_graph
from scrubkit.models.bridge import build_bridge
from scrubkit.models.config import ModelConfig
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import random_weights
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.program import Program
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.network import NetworkSubject
from tests.benchmarks.plain import PlainHooks
from tests.benchmarks.table import Row, fastest

CPU = torch.device("cpu")
ITEMS = 1024
"""Of a pass over 3,481 inputs."""


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


@torch.no_grad()
def compare(n_layers: int, width: int) -> Row:
    """Compare a tile of a pass by the engine with the same by plain hooks, at equal draws."""
    model = random_model(n_layers)
    subject = NetworkSubject(model)
    plan = bind(from_graph(chain(n_layers, width)), subject)
    program, plain = (
        Program(subject, plan),
        PlainHooks(build_bridge(model.weights, model.config), model.tokens),
    )
    draws = Draws(0, subject.n_inputs, range(ITEMS), CPU)
    torch.testing.assert_close(program.outputs(draws), plain.outputs(plan, draws), rtol=1e-3, atol=1e-3)
    least, _ = fastest(
        {"hooks": lambda: plain.outputs(plan, draws), "engine": lambda: program.outputs(draws)}, 3, most=5
    )
    return Row(
        f"{n_layers} layers, {plan.n_tree_nodes} nodes unrolled, {ITEMS} items",
        least["engine"],
        "plain hooks",
        least["hooks"] / least["engine"],
        at_least=10,
    )


def depths() -> list[Row]:
    """Compare on 2 to 6 layers."""
    return [compare(n_layers, width) for n_layers, width in ((2, 1), (3, 1), (4, 1), (6, 1), (2, 2), (4, 2))]
