"""Wu et al. 2024, pyvene: interchanges, the causal model, and rotations, by the authors of DAS."""

from functools import cache

import networkx as nx
import pytest
import torch
from torch.nn import functional

import scrubkit
from scrubkit.methods import das, interchange
from scrubkit.methods.alignment import Place, draw_pairs
from scrubkit.methods.boundless_das import SoftBoundary
from scrubkit.methods.registry import find_method
from scrubkit.methods.variables import predicted as ours_predicted
from scrubkit.methods.variables import variables_of
from scrubkit.scrubbing.target import target_of
from tests.methods.authors.interchanges import causal_model, intervened, predicted, rotation, whole
from tests.methods.authors.plain import Plain
from tests.methods.conftest import POST, SUM, Z, compiled

MLP = "blocks.0.hook_mlp_out[pos=-1]"
HALF = f"{POST}[pos=-1, neurons=cluster:2]"
HEAD = f"{Z}[pos=-1, head=0]"
PAIRS = 256
P = 13


@pytest.fixture(autouse=True)
def known_to_pyvene(pyvene, monkeypatch):
    """pyvene looks every model's class up in its tables, before it takes a path to a module."""
    for table in (pyvene.type_to_module_mapping, pyvene.type_to_dimension_mapping):
        monkeypatch.setitem(table, Plain, {})


def addition(site, feature=SUM):
    """Both operands at the embedding, and what the answer is read from at some site."""
    graph = nx.DiGraph([("a", "s"), ("b", "s"), ("s", "logits")])
    for name, where, what in (("a", "hook_embed[pos=0]", "a"), ("b", "hook_embed[pos=1]", "b")):
        graph.add_node(name, site=where, feature=what)
    graph.add_node("s", site=site, feature=feature)
    graph.add_node("logits", site="logits")
    return graph


def maximum(model):
    graph = nx.DiGraph([("x0", "first"), ("x1", "first"), ("first", "logits"), ("x2", "logits")])
    for i in range(3):
        graph.add_node(f"x{i}", site=f"hook_embed[pos={i}]", feature=f"x{i}")
    graph.add_node("first", site=model.truth.site("first"), feature="max(x0, x1)")
    graph.add_node("logits", site="logits")
    return graph


@cache
def clock():
    return compiled("clock-torus", planted=False)


def double(model, graph):
    return scrubkit.bind(target_of(model, dtype=torch.float64), graph)


ADDITION = {"s": lambda a, b: (a + b) % P, "logits": lambda s: s}
MAXIMUM = {"first": max, "logits": max}
CLAIMS = {
    "sum in the MLP": (clock, lambda model: addition(MLP), ADDITION, True),
    "sum in half of the neurons": (clock, lambda model: addition(HALF), ADDITION, False),
    "sum in one head": (clock, lambda model: addition(HEAD), ADDITION, False),
    "larger of two": (lambda: scrubkit.load("max3"), maximum, MAXIMUM, True),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_interchange_accuracy_is_what_pyvene_measures(claim, monkeypatch):
    model, graph, steps, holds = CLAIMS[claim]
    model = model()
    bound, plain = double(model, graph(model)), Plain(model)
    monkeypatch.setattr(interchange, "PAIRS", PAIRS)
    answer = find_method("interchange-accuracy").score(
        bound.target,
        bound.plan.hypothesis,
        task=None,
        generator=torch.Generator().manual_seed(0),
        budget=scrubkit.Budget(),
    )
    generator, theirs = torch.Generator().manual_seed(0), []
    high = causal_model(bound, steps)
    for variable in variables_of(bound):
        base, source = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
        names = [node.name for node in variable]
        goal = predicted(high, model.task.columns, names, base, source, "logits")
        own = bound.right[ours_predicted(bound, variable, base, source)][:, 0]
        assert torch.equal(own, goal), names
        hows = {node.part: whole(node.part) for node in variable}
        with torch.no_grad():
            output = intervened(bound, plain, hows, base, source, model.config.d_head)
        theirs.append(float((output[:, 0].argmax(-1) == goal).double().mean()))
    assert answer.score == pytest.approx(sum(theirs) / len(theirs), abs=1e-12)
    assert (min(theirs) == 1) if holds else 0 < min(theirs) < 0.95


def searched(name, feature=SUM):
    """What our search finds for the sum in the MLP, and held-out pairs to judge it."""
    bound = double(clock(), addition(MLP, feature))
    generator = torch.Generator().manual_seed(0)
    held_out = draw_pairs(bound, (bound["s"],), 512, generator, held_out=True)
    found = find_method(name).aligner.align(  # pyright: ignore[reportAttributeAccessIssue]
        bound.target, bound.plan.hypothesis, ("s",), task=None, generator=generator, budget=scrubkit.Budget()
    )
    return bound, Place.of(bound, ("s",)), held_out, found


@pytest.mark.parametrize("name", ["das", "boundless-das"])
def test_a_trained_subspace_has_the_same_effect_in_pyvene(name):
    bound, place, pairs, found = searched(name)
    width = bound["s"].read(pairs.base[:1]).numel()
    unit = torch.eye(width, dtype=torch.float64)
    projection = found.exchange(torch.zeros_like(unit), unit)
    basis = torch.linalg.eigh(projection)[1][:, -found.rank :]
    hows = {bound["s"].part: rotation(basis)}
    with torch.no_grad():
        theirs = intervened(bound, Plain(clock()), hows, pairs.base, pairs.source)
    ours = place.output(pairs.base, found.exchange(place.read(pairs.base), place.read(pairs.source)))
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert found.rank < width and accuracy(bound, place, pairs, found) > 0.95


def trained(bound, how, steps, judged, cool=None):
    """Train an intervention of pyvene's as its tutorials do; returns its accuracy on held-out pairs."""
    generator = torch.Generator().manual_seed(0)
    pairs = draw_pairs(bound, (bound["s"],), 1024, generator, held_out=False)
    part, plain = bound["s"].part, Plain(clock())
    optimizer = torch.optim.Adam([p for p in how.parameters() if p.requires_grad], lr=0.02)
    for step in range(steps):
        batch = pairs.at(torch.randint(len(pairs), (128,), generator=generator))
        if cool is not None:
            how.set_temperature(torch.tensor(cool(step / steps), dtype=torch.float64))
        output = intervened(bound, plain, {part: how}, batch.base, batch.source)
        loss = functional.cross_entropy(output[:, 0], bound.right[batch.goal][:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        output = intervened(bound, plain, {part: how}, judged.base, judged.source)
    return float(bound.answers(output, judged.goal).double().mean())


def accuracy(bound, place, pairs, found):
    output = place.output(pairs.base, found.exchange(place.read(pairs.base), place.read(pairs.source)))
    return float(bound.answers(output, pairs.goal).double().mean())


@pytest.mark.parametrize(("feature", "holds"), [(SUM, True), ("(a - b) % p", False)])
def test_das_reaches_what_pyvene_reaches(pyvene, feature, holds):
    """Theirs starts anywhere, as the paper does; ours from the directions in which means differ."""
    bound, place, pairs, found = searched("das", feature)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        how = pyvene.LowRankRotatedSpaceIntervention(embed_dim=32, low_rank_dimension=found.rank).double()
    ours, theirs = accuracy(bound, place, pairs, found), trained(bound, how, 60, pairs)
    assert ours == pytest.approx(theirs, abs=0.05)
    assert theirs == 1 if holds else theirs < 0.25


def test_das_of_too_low_a_rank_reaches_as_little_in_pyvene(pyvene, monkeypatch):
    """The sum lies on two circles, four directions."""
    rank = 2
    monkeypatch.setattr(Place, "needed", property(lambda place: narrow(place, rank)))
    monkeypatch.setattr(das, "STEPS", 100)
    bound, place, pairs, found = searched("das")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        how = pyvene.LowRankRotatedSpaceIntervention(embed_dim=32, low_rank_dimension=rank).double()
    ours, theirs = accuracy(bound, place, pairs, found), trained(bound, how, 100, pairs)
    assert found.rank == rank and 0.2 < theirs < 0.6
    assert ours == pytest.approx(theirs, abs=0.1)


def narrow(place, rank, needed=Place.needed.func):
    return needed(place)[:, :rank].contiguous()


def test_boundless_das_reaches_what_pyvene_reaches(pyvene):
    bound, place, pairs, found = searched("boundless-das")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        how = pyvene.BoundlessRotatedSpaceIntervention(embed_dim=32).double()
    theirs = trained(bound, how, 100, pairs, lambda progress: 50 * (0.1 / 50) ** progress)
    assert accuracy(bound, place, pairs, found) == theirs == 1


def test_the_soft_boundary_is_theirs_half_an_axis_on_and_takes_the_first_axis_whole(pyvene):
    """Theirs multiplies by a second sigmoid at axis 0, which is 1/2 there however cold it gets."""
    n, at = 8, 5
    ours, theirs = SoftBoundary(torch.eye(n)), pyvene.BoundlessRotatedSpaceIntervention(embed_dim=n)
    theirs.set_temperature(torch.tensor(0.1))
    theirs.set_intervention_boundaries((at - 0.5) / n)
    theirs.rotate_layer.weight = torch.eye(n)
    with torch.no_grad():
        ours.boundary.fill_(at / n)
        mask = theirs(torch.zeros(1, n), torch.ones(1, n))[0]
        torch.testing.assert_close(ours.mask(1.0)[1:], mask[1:], rtol=0, atol=1e-4)
    assert ours.mask(1.0)[0].item() == pytest.approx(1) and mask[0].item() == pytest.approx(0.5)
