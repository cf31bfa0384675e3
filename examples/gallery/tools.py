"""What the stories of the gallery build with: programs, claims, graphs of functions, probes, maps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import networkx as nx
import torch
from torch import Tensor, nn

import scrubkit


def program(name: str, inputs: Mapping[str, int], **nodes: str) -> nx.DiGraph:
    """Return a program: inputs with their number of values, nodes as expressions; the last is the answer.

    A node reads the inputs and nodes that its expression names.
    """
    graph = nx.DiGraph(name=name, output=list(nodes)[-1])
    for x, size in inputs.items():
        graph.add_node(x, values=range(size))
    for node, feature in nodes.items():
        read = [word for word in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", feature)) if word in graph]
        graph.add_node(node, feature=feature)
        graph.add_edges_from((word, node) for word in read)
    return graph


def claim(nodes: Mapping[str, tuple[Any, str | None]], out: str = "logits", **graph: Any) -> nx.DiGraph:
    """Return the hypothesis that the output reads some nodes, and that nothing else reaches it.

    Args:
        nodes: site and feature of each; a feature of None claims that the node does not matter.
        out: the output's site.
        graph: attributes of the graph, such as subspaces.
    """
    found = nx.DiGraph(**graph)
    found.add_node("output", site=out)
    for name, (site, feature) in nodes.items():
        found.add_node(
            name, site=site, **({"unimportant": True} if feature is None else {"feature": feature})
        )
        found.add_edge(name, "output")
    return found


def functions(sizes: Mapping[str, int], label: str, **nodes: Callable[..., Tensor]) -> scrubkit.FunctionGraph:
    """Return a graph of functions on all inputs from 0 to below their sizes.

    Args:
        sizes: number of values of each input.
        label: what is right, an expression over the inputs.
        nodes: functions of inputs and other nodes by name.
    """
    graph = nx.DiGraph((x, name) for name, fn in nodes.items() for x in fn.__code__.co_varnames)
    nx.set_node_attributes(graph, nodes, "fn")
    grid = torch.cartesian_prod(*(torch.arange(size) for size in sizes.values())).T
    return scrubkit.FunctionGraph(graph, dict(zip(sizes, grid, strict=True)), label=label)


def learned_xor(sizes: tuple[int, int], seed: int) -> scrubkit.FunctionGraph:
    """Train a network of two hidden layers on xor; return it with a node for each neuron.

    Args:
        sizes: neurons of the layers, called h0, h1, ... and k0, k1, ...
        seed: decides the weights that training starts from.
    """
    generator, widths = torch.Generator().manual_seed(seed), [2, *sizes, 1]
    rows = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    target = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.double)
    layers = [nn.Linear(i, o).double() for i, o in zip(widths, widths[1:], strict=False)]
    parameters = [p for layer in layers for p in layer.parameters()]
    for p in parameters:
        p.data = (torch.rand(p.shape, generator=generator, dtype=torch.double) * 2 - 1) / widths[1] ** 0.5
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimizer = torch.optim.Adam(parameters, 0.03)
    for _ in range(600):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(rows.double())[:, 0], target).backward()
        optimizer.step()
    names = [
        ["x0", "x1"],
        *([f"{s}{i}" for i in range(n)] for s, n in zip("hk", sizes, strict=True)),
        ["out"],
    ]
    graph = nx.DiGraph()
    for layer, below, above in zip(layers, names, names[1:], strict=False):
        for name, w, bias in zip(above, layer.weight.detach(), layer.bias.detach(), strict=True):
            graph.add_node(name, fn=_neuron(w, bias, name == "out"))
            graph.add_edges_from((x, name) for x in below)
    return scrubkit.FunctionGraph(graph, {"x0": rows[:, 0], "x1": rows[:, 1]}, label="x0 != x1")


def _neuron(w: Tensor, bias: Tensor, last: bool) -> Callable[..., Tensor]:
    def fn(**read: Tensor) -> Tensor:
        pre = torch.stack([value.double() for value in read.values()], -1) @ w + bias
        return (pre > 0).long() if last else pre.relu()

    return fn


def replacements(bound: scrubkit.Bound, rows: Tensor) -> dict[str, Callable[[Any], Tensor]]:
    """Return the three usual ablations: what each puts in a part's place on some inputs."""
    others = bound.others(rows, torch.Generator().manual_seed(0))
    return {
        "zero": lambda part: torch.zeros_like(bound.read(part, rows)),
        "mean": lambda part: bound.mean(part).expand_as(bound.read(part, rows)),
        "resample": lambda part: bound.read(part, others),
    }


def consistent(subject: Any, graph: nx.DiGraph, seen: Callable[[Tensor], Tensor]) -> float:
    """Return how often an abstracted output is the usual one for the features read, from any values.

    Local consistency as one number: 1 where the features decide what is seen of the output, whatever values
    they are read from, and whatever is not read.

    Args:
        subject: the network.
        graph: what its output reads.
        seen: abstracts outputs.
    """
    bound, generator = scrubkit.bind(subject, graph), torch.Generator().manual_seed(0)
    base, *donors = (bound.others(torch.arange(4000), generator) for _ in range(1 + len(bound.mapped)))
    answers = seen(bound.output(base, {n.name: d for n, d in zip(bound.mapped, donors, strict=True)}))
    features = torch.stack([torch.tensor(n.classes)[d] for n, d in zip(bound.mapped, donors, strict=True)])
    same = [answers[(features.T == read).all(1)] for read in features.unique(dim=1).T]
    return sum(int((a == a.mode().values).sum()) for a in same) / len(base)


def only(task: scrubkit.Task, rows: Tensor, weights: Sequence[float] | None = None) -> scrubkit.Task:
    """Return a task that has some of its inputs alone, or weighs them."""
    some = rows.numpy()
    assert task.labels is not None
    return scrubkit.Task(
        task.name,
        tokens=task.tokens[some],
        labels=task.labels[some],
        variables={name: column[some] for name, column in task.columns.items()},
        weights=weights,
        answer=task.answer,
        d_vocab=task.d_vocab,
        d_vocab_out=task.d_vocab_out,
    )


def weighted(task: scrubkit.Task, weights: Sequence[float]) -> scrubkit.Task:
    """Return a task with other weights of its inputs."""
    return only(task, torch.arange(task.n_inputs), weights)


def pruned(bound: scrubkit.Bound, rows: Tensor, share: float) -> list[Any]:
    """Return the embeddings, heads and MLPs that are left when what matters least is removed, greedily.

    Args:
        bound: the network.
        rows: the inputs; what is removed comes from other ones.
        share: how much of the variance of the output the circuit has to explain.
    """
    kept, others = bound.components(), bound.others(rows, torch.Generator().manual_seed(0))

    def explained(some: list[Any]) -> float:
        removed = [part for part in bound.components() if part not in some]
        output = bound.ablated(rows, lambda part: bound.read(part, others), removed)
        change = bound.figures(output, rows)["squared_change"]
        return 1 - float(change.mean()) / bound.permuted["squared_change"]

    while len(kept) > 1:
        fewer = max(([other for other in kept if other is not part] for part in kept), key=explained)
        if explained(fewer) < share:
            break
        kept = fewer
    return kept


def probe(values: Tensor, wanted: Tensor) -> float:
    """Fit a linear probe to half of some inputs; return how often it is right on the other half.

    Args:
        values: what is read, (input, ...).
        wanted: a class for each input.
    """
    flat = values.reshape(len(values), -1).double()
    flat = torch.cat([flat / flat.std(), torch.ones(len(flat), 1, dtype=torch.double)], 1)
    fit, test = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0)).chunk(2)
    goal = nn.functional.one_hot(wanted.long()).double()
    ridge = flat[fit].T @ flat[fit] + 1e-3 * torch.eye(flat.shape[1], dtype=torch.double)
    weights = torch.linalg.solve(ridge, flat[fit].T @ goal[fit])
    return float(((flat[test] @ weights).argmax(1) == wanted[test]).double().mean())


def attributed(bound: scrubkit.Bound, part: Any, corrupt: Tensor, clean: Tensor) -> Tensor:
    """Return, to first order, what patching a part adds to the lead of the clean input's answer."""
    kept: list[Tensor] = []

    def keep(value: Tensor, hook: object = None) -> Tensor:
        kept.append(value.detach().requires_grad_())
        return kept[0]

    with torch.enable_grad():
        logits = bound.bridge.run_with_hooks(bound.tokens[corrupt], fwd_hooks=[(part.hook, keep)])
        bound.lead(logits[:, list(bound.whole_output.positions)], clean).sum().backward()
    gradient, change = kept[0].grad, bound.read(part, clean) - bound.read(part, corrupt)
    assert gradient is not None
    gradient = gradient[:, list(part.positions)]
    if part.heads is not None:
        gradient = gradient[:, :, list(part.heads)]
    return (change * gradient).flatten(1).sum(1)


class RevNet(nn.Module):
    """An invertible map: a rotation, then layers that shift one half by a function of the other.

    Gomez et al. 2017, arXiv:1707.04585. Without layers it is a rotation, as in distributed alignment search.
    """

    def __init__(self, width: int, layers: int, hidden: int = 128, seed: int = 0) -> None:
        super().__init__()
        generator, half = torch.Generator().manual_seed(seed), width // 2
        shapes = [(half, hidden), (hidden, half)]
        self.turn = nn.utils.parametrizations.orthogonal(nn.Linear(width, width, bias=False))
        self.turn.weight = torch.linalg.qr(torch.randn(width, width, generator=generator)).Q
        self.shifts = nn.ModuleList()
        for _ in range(layers):
            linear = [nn.Linear(i, o) for i, o in shapes]
            for one in linear:
                one.weight.data = torch.randn(one.weight.shape, generator=generator) / one.in_features**0.5
                one.bias.data.zero_()
            self.shifts.append(nn.Sequential(linear[0], nn.ReLU(), linear[1]))

    def forward(self, x: Tensor) -> Tensor:
        """Return the coordinates of points."""
        a, b = self.turn(x).chunk(2, 1)
        for shift in self.shifts:
            a, b = b, a + shift(b)
        return torch.cat([a, b], 1)

    def inverse(self, z: Tensor) -> Tensor:
        """Return the points of coordinates."""
        a, b = z.chunk(2, 1)
        for shift in reversed(self.shifts):
            a, b = b - shift(a), a
        return torch.cat([a, b], 1) @ self.turn.weight


def fit_alignment(
    model: scrubkit.Model,
    site: str,
    phi: RevNet,
    dims: int,
    rows: Tensor,
    wanted: Callable[[Tensor, Tensor], Tensor],
    steps: int,
    rate: float,
) -> Callable[[Tensor, Tensor], Tensor]:
    """Fit a map to interchange interventions on pairs of inputs.

    Args:
        model: a network without LayerNorm.
        site: a stream between attention and MLP of its last block.
        phi: the map, changed in place.
        dims: how many of its coordinates hold the variable.
        rows: the inputs that pairs are made of.
        wanted: the answer that the causal model gives for a base and a donor.
        steps: steps of Adam, 256 pairs each.
        rate: its learning rate.

    Returns:
        A function from bases and donors to logits under the interchange.
    """
    bound, last = scrubkit.bind(model), model.config.n_layers - 1
    part, generator = bound.part(site), torch.Generator().manual_seed(0)
    stream = bound.read(part, torch.arange(bound.n_inputs))[:, 0]
    weights = model.weights.named()
    w = [weights[f"blocks.{last}.mlp.{name}"] for name in ("W_in", "b_in", "W_out", "b_out")]
    unembed, bias = weights["unembed.W_U"], weights["unembed.b_U"]

    def exchanged(base: Tensor, donor: Tensor) -> Tensor:
        coordinates = phi(stream)
        return phi.inverse(torch.cat([coordinates[donor, :dims], coordinates[base, dims:]], 1))

    optimizer = torch.optim.Adam(phi.parameters(), rate)
    for _ in range(steps):
        base, donor = rows[torch.randint(len(rows), (2, 256), generator=generator)]
        with nn.utils.parametrize.cached():  # the rotation is worked out once a step
            h = exchanged(base, donor)
            logits = (h + torch.relu(h @ w[0] + w[1]) @ w[2] + w[3]) @ unembed + bias
            loss = nn.functional.cross_entropy(logits, wanted(base, donor))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def exchange(base: Tensor, donor: Tensor) -> Tensor:
        return bound.run(base, {part: exchanged(base, donor).detach()[:, None]})[0][:, 0]

    return exchange
