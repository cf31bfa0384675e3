"""Miller, Chughtai and Saunders 2024, auto_circuit: attribution of edges, edges patched, ACDC, gates."""

import pytest
import torch

import scrubkit
from scrubkit.methods import acdc, edge_attribution
from scrubkit.methods.acdc import PairRuns, Pruning
from scrubkit.methods.edge_attribution import EdgeAttribution
from scrubkit.methods.edge_pruning import MaskedRuns
from scrubkit.methods.masks import kept, sampled
from scrubkit.scrubbing.target import target_of
from tests.methods.authors.edges import batch, patchable
from tests.methods.authors.plain import Plain
from tests.methods.conftest import compiled
from tests.scrubbing.random_models import random_model

MODELS = {
    "pizza": lambda: compiled("pizza"),
    "max3": lambda: scrubkit.load("max3"),
    "random": lambda: random_model("LayerNorm, GELU"),
}
PAIRS = 8

pytestmark = pytest.mark.usefixtures("auto_circuit")


@pytest.fixture(params=MODELS)
def both(request):
    """A model of ours in float64 and auto_circuit's, pairs of inputs, and a generator."""
    model = MODELS[request.param]()
    bound = scrubkit.bind(target_of(model, dtype=torch.float64))
    generator = torch.Generator().manual_seed(0)
    clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
    return bound, *patchable(bound, Plain(model)), clean, corrupt


def close(ours, theirs):
    """Compare figures of edges; theirs may have edges that ours leaves out, which are worth nothing."""
    scale = max(theirs.values())
    assert scale > 1e-3
    for edge, value in theirs.items():
        assert ours.get(edge, 0.0) == pytest.approx(value, rel=1e-9, abs=1e-9 * scale), edge


def test_edge_attribution_gives_the_scores_of_the_mask_gradient(both, monkeypatch):
    """Their paper calls it equal to edge attribution patching where all masks are 0."""
    from auto_circuit.prune_algos.mask_gradient import mask_gradient_prune_scores

    bound, model, edges, clean, corrupt = both
    theirs = dict.fromkeys(edges, 0.0)
    for i in range(PAIRS):
        pair = [batch(bound, clean[i : i + 1], corrupt[i : i + 1])]
        scores = mask_gradient_prune_scores(model, pair, None, "logit", "avg_diff", mask_val=0.0)
        for ends, edge in edges.items():
            theirs[ends] += abs(float(edge.prune_score(scores))) / PAIRS
    monkeypatch.setattr(edge_attribution, "PAIRS", PAIRS)
    found = EdgeAttribution().find(
        bound.target, task=None, generator=torch.Generator().manual_seed(0), budget=scrubkit.Budget()
    )
    assert found.edges.keys() <= theirs.keys()
    close(found.edges, theirs)


def test_edges_that_are_removed_cost_the_same_divergence(both):
    from auto_circuit.utils.ablation_activations import src_ablations
    from auto_circuit.utils.graph_utils import patch_mode
    from auto_circuit.utils.tensor_ops import multibatch_kl_div

    bound, model, edges, clean, corrupt = both
    runs = PairRuns(bound, clean, corrupt)
    own = model(bound.tokens[clean])[model.out_slice].log_softmax(-1)
    given = src_ablations(model, bound.tokens[corrupt])
    rng, seen = torch.Generator().manual_seed(1), []
    for _ in range(6):
        removed = [edge for edge in runs.edges if torch.rand((), generator=rng) < 0.3]
        names = {f"{source}->{reader}" for source, reader in removed}
        with patch_mode(model, given, edges=names):
            output = model(bound.tokens[clean])[model.out_slice].log_softmax(-1)
        seen.append(float(multibatch_kl_div(output, own).detach()))
        assert runs.divergence(frozenset(removed)) == pytest.approx(seen[-1], rel=1e-9, abs=1e-12)
    assert len({round(kl, 6) for kl in seen}) > 2


@pytest.mark.parametrize("threshold", [5, 4, 3])
def test_acdc_keeps_the_same_edges(both, threshold, monkeypatch):
    from auto_circuit.prune_algos.ACDC import acdc_prune_scores

    bound, model, edges, clean, corrupt = both
    scores = acdc_prune_scores(
        model, [batch(bound, clean, corrupt)], None, tao_exps=[-threshold], tao_bases=[1]
    )
    theirs = {ends for ends, edge in edges.items() if edge.prune_score(scores) == torch.inf}
    monkeypatch.setattr(acdc, "PAIRS", PAIRS)
    monkeypatch.setattr(acdc, "THRESHOLD", 10.0**-threshold)
    found = Pruning().find(
        bound.target, task=None, generator=torch.Generator().manual_seed(0), budget=scrubkit.Budget()
    )
    assert {edge for edge, cost in found.edges.items() if cost >= 10.0**-threshold} == theirs
    assert 0 < len(theirs) < len(edges)


def test_edges_under_fractional_masks_give_the_same_logits(both):
    from auto_circuit.utils.ablation_activations import src_ablations
    from auto_circuit.utils.graph_utils import patch_mode

    bound, model, edges, clean, corrupt = both
    runs, rng = MaskedRuns(bound, clean, corrupt), torch.Generator().manual_seed(1)
    names = dict(zip(runs.stream.writers, bound.components(), strict=True))
    gates = {}
    for name, reader in runs.readers.items():
        gates[name] = torch.rand(len(runs.sources[reader]), generator=rng, dtype=torch.float64)
        for gate, source in zip(gates[name], runs.sources[reader], strict=True):
            edge = edges[str(names[source]), str(names.get(reader, "logits"))]
            edge.patch_mask(model).data[edge.patch_idx] = 1 - gate
    with patch_mode(model, src_ablations(model, bound.tokens[corrupt])), torch.no_grad():
        theirs = model(bound.tokens[clean])[model.out_slice]
    torch.testing.assert_close(runs.outputs(gates)[:, 0], theirs, rtol=1e-9, atol=1e-9)
    assert float((theirs - bound.clean(clean)[:, 0]).abs().max()) > 1e-2


def test_hard_concrete_gates_have_the_same_law():
    """Theirs is the code of Cao, Sanh and Rush 2021."""
    from auto_circuit.prune_algos.subnetwork_probing import regularize_const
    from auto_circuit.utils.tensor_ops import sample_hard_concrete

    odds, size = torch.linspace(-4, 4, 9), 20_000
    torch.testing.assert_close(kept(odds), torch.sigmoid(odds - regularize_const))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = sample_hard_concrete(odds, size)
    ours = sampled(odds.expand(size, -1), torch.Generator().manual_seed(0))
    for figure in (lambda gates: gates, lambda gates: gates == 0, lambda gates: gates == 1):
        one, other = (figure(gates).double() for gates in (ours, theirs))
        error = ((one.var(0) + other.var(0)) / size).sqrt()
        assert ((one.mean(0) - other.mean(0)).abs() <= 4 * error + 2e-4).all()
