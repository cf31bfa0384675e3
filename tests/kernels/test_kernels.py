"""The compiled loops say what torch says."""

import math

import networkx as nx
import numpy as np
import pytest
import torch

from scrubkit import kernels
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.program import Program
from scrubkit.scrubbing.sampling import Draws, by_feature
from scrubkit.subjects.first_block import FirstBlock
from scrubkit.subjects.linear import Folded, LinearReadout
from tests.scrubbing.random_models import both

numba = pytest.importorskip("numba")
CPU = torch.device("cpu")


@pytest.fixture(params=[True, False], ids=["compiled", "torch"])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(kernels, "available", lambda: request.param)
    return request.param


def random_levels(n_answers: int = 1, labels: bool = True, dtype: torch.dtype = torch.float32) -> Levels:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 8, (40, n_answers, 13)))
    right = rng.integers(0, 13, (40, n_answers)) if labels else None
    return Levels(lambda rows: logits[rows], right, 40, (n_answers, 13))


@pytest.mark.parametrize("n_answers", [1, 3])
@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_figures_are_those_of_torch(n_answers, labels, dtype, monkeypatch):
    levels = random_levels(n_answers, labels)
    rows = torch.arange(600) % 40
    outputs = (8 * torch.randn(600, n_answers, 13, generator=torch.Generator().manual_seed(1))).to(dtype)
    found = {}
    for which in (True, False):
        monkeypatch.setattr(kernels, "available", lambda which=which: which)
        found[which] = levels.figures(outputs, rows)
    assert found[True].keys() == found[False].keys() == set(levels.names)
    for name, values in found[True].items():
        torch.testing.assert_close(values, found[False][name], rtol=1e-12, atol=1e-12)


def test_the_first_of_equal_logits_is_the_answer(compiled):
    levels = random_levels()
    outputs = torch.zeros(40, 1, 13)
    expected = (levels.predictions[:, 0] == 0).double()
    assert torch.equal(levels.figures(outputs, torch.arange(40))["agreement"], expected)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e4, 1e30])
def test_figures_of_extreme_logits_are_finite_and_right(scale, compiled):
    levels = random_levels()
    outputs = torch.zeros(40, 1, 13, dtype=torch.float64)
    outputs[:, 0, 3] = scale
    assert levels.labels is not None
    found = levels.figures(outputs, torch.arange(40))["loss"]
    normaliser = scale + math.log(1 + 12 * math.exp(-scale)) if scale < 700 else scale
    right = levels.labels[:, 0] == 3
    torch.testing.assert_close(found[right], torch.full_like(found[right], normaliser - scale))
    torch.testing.assert_close(found[~right], torch.full_like(found[~right], normaliser))


def test_logits_that_are_no_numbers_give_figures_that_are_none(compiled):
    outputs = torch.zeros(40, 1, 13)
    outputs[5, 0, 7] = math.nan
    found = random_levels().figures(outputs, torch.arange(40))
    assert found["loss"].isnan().nonzero().flatten().tolist() == [5]


def test_exponentials_are_right_to_the_last_bits():
    from scrubkit.kernels.arithmetic import exp

    x = -np.abs(np.random.default_rng(0).normal(0, 100, 20_000)).clip(0, 700)

    @numba.njit
    def all_of(values: np.ndarray) -> np.ndarray:
        return np.array([exp(v) for v in values])

    np.testing.assert_allclose(all_of(x), np.exp(x), rtol=4e-16)


def test_single_exponentials_are_right_to_a_few_of_their_last_bits():
    from scrubkit.kernels.arithmetic import exp32

    x = -np.abs(np.random.default_rng(0).normal(0, 30, 20_000)).clip(0, 87).astype(np.float32)

    @numba.njit
    def all_of(values: np.ndarray) -> np.ndarray:
        return np.array([exp32(v) for v in values])

    assert all_of(x).dtype == np.float32
    np.testing.assert_allclose(all_of(x), np.exp(x.astype(float)), rtol=3e-7)


def folded(n_answers: int, scale: float = 8.0) -> Folded:
    """Logits of 600 items, each the sum of three rows of a table."""
    generator = torch.Generator().manual_seed(2)
    table = scale * torch.randn(120, n_answers * 13, generator=generator)
    return Folded(table, torch.randint(120, (600, 3), generator=generator), (n_answers, 13))


@pytest.mark.parametrize("n_answers", [1, 3])
@pytest.mark.parametrize("labels", [True, False])
def test_figures_of_sums_of_rows_are_those_of_the_sums(n_answers, labels):
    levels, rows = random_levels(n_answers, labels), torch.arange(600) % 40
    sums = folded(n_answers)
    found, expected = levels.figures(sums, rows), levels.figures(sums.added_up().double(), rows)
    assert found.keys() == expected.keys() == set(levels.names)
    for name, values in found.items():
        torch.testing.assert_close(values, expected[name], rtol=1e-5, atol=1e-5, msg=name)


def near_itself(change: float) -> tuple[Levels, Folded]:
    """Outputs that are the model's own but for a small change, of a model that is sure of its answers."""
    own = 20 * torch.nn.functional.one_hot(torch.arange(40) % 13, 13).double()[:, None]
    own += torch.from_numpy(np.random.default_rng(1).normal(0, 1, own.shape)).float().double()
    levels = Levels(lambda rows: own[rows], (np.arange(40) % 13)[:, None], 40, (1, 13))
    moved = own[:, 0].float() + change * torch.randn(40, 13, generator=torch.Generator().manual_seed(3))
    return levels, Folded(moved, torch.arange(40)[:, None], (1, 13))


@pytest.mark.parametrize("change", [1.0, 0.1])
def test_losses_and_divergences_far_below_one_keep_their_digits(change):
    levels, sums = near_itself(change)
    rows = torch.arange(40)
    found, expected = levels.figures(sums, rows), levels.figures(sums.added_up().double(), rows)
    assert float(expected["loss"].max()) < 1e-5 and float(expected["kl"].max()) < 1e-5
    torch.testing.assert_close(found["loss"], expected["loss"], rtol=1e-5, atol=0)
    torch.testing.assert_close(found["kl"], expected["kl"], rtol=1e-4, atol=1e-14)


def test_a_sum_of_rows_that_is_no_number_gives_figures_that_are_none():
    sums = folded(1)
    sums.table[7, 3] = math.nan
    found = random_levels().figures(sums, torch.arange(600) % 40)
    torch.testing.assert_close(found["loss"].isnan(), (sums.index == 7).any(dim=1))


def test_rows_are_added_up_beforehand_where_nothing_is_compiled(compiled):
    levels, sums, rows = random_levels(), folded(1), torch.arange(600) % 40
    exact = Folded(sums.table.double(), sums.index, sums.shape)
    for name, values in levels.figures(exact, rows).items():
        torch.testing.assert_close(
            values, levels.figures(exact.added_up(), rows)[name], rtol=1e-12, atol=1e-12
        )


def test_draws_are_those_of_torch(monkeypatch):
    resampling = by_feature([np.arange(100) % 7])
    found = {}
    for which in (True, False):
        monkeypatch.setattr(kernels, "available", lambda which=which: which)
        draws = Draws(11, 100, range(250, 730), CPU)
        found[which] = draws.stand_ins(resampling, draws.rows, 5)
    assert torch.equal(found[True], found[False])


def test_draws_cross_the_border_of_a_pass(monkeypatch):
    resampling = by_feature([np.arange(7) % 3])
    found = {}
    for which in (True, False):
        monkeypatch.setattr(kernels, "available", lambda which=which: which)
        draws = Draws(2**63 + 5, 7, range(3, 60), CPU)
        found[which] = draws.stand_ins(resampling, draws.rows, -4)
    assert torch.equal(found[True], found[False])


@pytest.mark.parametrize("size", [1, 2, 3, 113, 2**20 - 1, 12_769, 10**9 + 7, 2**40, 2**51 - 1])
def test_remainders_without_division_are_those_of_a_division(size):
    from scrubkit.kernels.arithmetic import remainder

    rng = np.random.default_rng(size)
    edges = np.array([0, 1, size - 1, size, size + 1, 2**62 - 1, 2**62 - size, 2**53, 2**53 + 1])
    near = (rng.integers(0, 2**62 // size, 20_000) * size)[:, None] + [-1, 0, 1]
    numbers = np.concatenate([edges, near.clip(0, 2**62 - 1).ravel(), rng.integers(0, 2**62, 20_000)])

    @numba.njit
    def all_of(values: np.ndarray, size: int) -> np.ndarray:
        return np.array([remainder(v, size) for v in values])

    np.testing.assert_array_equal(all_of(numbers, size), numbers % size)


def by_planes() -> nx.DiGraph:
    """Two planes of the logits, each of which reads neurons of its own, on tokens that are set."""
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    for position, name in enumerate("ab"):
        graph.add_node(name, site=f"hook_embed[pos={position}]", feature=name)
    for k, neurons in ((1, "0-3"), (2, "4-6")):
        graph.add_node(f"plane{k}", site=f"logits[frequencies={k}]", feature="(a + b) % p")
        graph.add_node(
            f"n{k}", site=f"blocks.0.mlp.hook_post[pos=-1, neurons={neurons}]", feature="(a + b) % p"
        )
        graph.add_edges_from([("a", f"n{k}"), ("b", f"n{k}"), (f"n{k}", f"plane{k}"), (f"plane{k}", "root")])
    return graph


def past_the_mlp() -> nx.DiGraph:
    """Attention and MLP set, so that nothing is left to compute."""
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("attention", site="blocks.0.hook_attn_out[pos=-1]", feature="(a + b) % p")
    graph.add_node("mlp", site="blocks.0.hook_mlp_out[pos=-1]", unimportant=True)
    graph.add_edges_from([("attention", "root"), ("mlp", "root")])
    return graph


@pytest.mark.parametrize("graph", [by_planes(), past_the_mlp()], ids=["planes", "past the mlp"])
def test_sums_of_sums_are_one_sum_and_what_the_bridge_gives(graph):
    fast, slow = both("one block")
    plan = bind(from_graph(graph), fast)
    draws = Draws(3, fast.n_inputs, range(25), CPU)
    found = Program(fast, plan).folded(draws)
    assert isinstance(found, Folded)
    expected = scrub_rows(slow, plan, draws)
    torch.testing.assert_close(found.added_up(), expected, rtol=1e-9, atol=1e-9)


def test_sums_of_sums_are_added_up_where_their_tables_leave_no_room(monkeypatch):
    fast, slow = both("one block")
    plan = bind(from_graph(by_planes()), fast)
    monkeypatch.setattr(LinearReadout, "room_for", lambda self, pieces: False)
    draws = Draws(3, fast.n_inputs, range(25), CPU)
    found = Program(fast, plan).folded(draws)
    assert not isinstance(found, Folded)
    torch.testing.assert_close(found, scrub_rows(slow, plan, draws), rtol=1e-9, atol=1e-9)


def first_block_graph(site: str) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("n", site=site, feature="(a, b)")
    graph.add_node("e0", site="hook_embed[pos=0, frequencies=1]", feature="a")
    graph.add_node("e0rest", site="hook_embed[pos=0, frequencies=2]", feature="(a, b)")
    graph.add_node("e1", site="hook_embed[pos=1, frequencies=~1]", feature="b % 2")
    graph.add_edges_from([("n", "root"), ("e0", "n"), ("e1", "n"), ("e0rest", "n")])
    return graph


@pytest.mark.parametrize(
    "site",
    [
        "blocks.0.mlp.hook_post[pos=-1, neurons=0,3]",
        "blocks.0.mlp.hook_pre[pos=-1]",
        "blocks.0.hook_resid_mid[pos=-1]",
        "blocks.0.hook_resid_post[pos=-1]",
        "blocks.0.attn.hook_z[pos=-1, head=1]",
        "blocks.0.attn.hook_pattern[pos=-1]",
    ],
)
def test_the_folded_first_block_gives_what_the_bridge_gives(site, compiled, monkeypatch):
    fast, slow = both("one block")
    read = []
    whole = FirstBlock.read
    monkeypatch.setattr(FirstBlock, "read", lambda *args: read.append(1) or whole(*args))
    plan = bind(from_graph(first_block_graph(site)), fast)
    draws = Draws(3, fast.n_inputs, range(25), CPU)
    expected = scrub_rows(slow, plan, draws)
    torch.testing.assert_close(Program(fast, plan).outputs(draws), expected, rtol=1e-9, atol=1e-9)
    assert bool(read) == ("pattern" not in site)


def test_the_first_block_is_not_folded_where_more_than_one_position_attends():
    fast, _ = both("two blocks")
    parts = [fast.part("hook_embed[pos=0, frequencies=1]", {})]
    assert not FirstBlock(fast.network).applies(parts, fast.part("logits", {}))
    assert not FirstBlock(fast.network).applies(parts, fast.part("blocks.1.hook_resid_pre[pos=0]", {}))


def test_the_first_block_is_not_folded_through_a_normalization():
    fast, _ = both("LayerNorm, GELU")
    parts = [fast.part("hook_embed[pos=0, frequencies=1]", {})]
    assert not FirstBlock(fast.network).applies(parts, fast.part("logits", {}))
