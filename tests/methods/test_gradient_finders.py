"""Finders that follow gradients or learn masks: exact where the model is linear, and what they miss."""

import pytest
import torch

import scrubkit
from scrubkit.methods.atp_star import query_key_effects
from scrubkit.methods.edge_attribution import edge_effects
from scrubkit.methods.edge_pruning import MaskedRuns
from scrubkit.methods.masks import kept, learn, sampled
from scrubkit.methods.residual import Residual
from tests.methods.conftest import KEYS, POST, Z, bare, compiled
from tests.methods.test_builtin_methods import find
from tests.scrubbing.random_models import random_model

MLP = "blocks.0.hook_mlp_out[pos=-1]"
HEAD = f"{Z}[pos=-1, head=0]"
PIZZA = {("hook_embed[pos=0]", HEAD), ("hook_embed[pos=1]", HEAD), (HEAD, MLP), (MLP, "logits")}


@pytest.mark.parametrize("kind", ["model", "bridge"])
def test_the_sweep_ends_at_the_gradient_of_the_embedding(kind: str) -> None:
    model = random_model("LayerNorm, GELU")
    bound = scrubkit.bind(model) if kind == "model" else scrubkit.bind(model.bridge, task=model.task)
    rows, embed = torch.arange(5), bound.part("hook_embed")
    value = bound.read(embed, rows).requires_grad_()
    (wanted,) = torch.autograd.grad(bound.lead(bound.run(rows, {embed: value})[0], rows).sum(), value)
    found = Residual(bound, rows).sweep(lambda logits: bound.lead(logits, rows))
    assert found.embed is not None
    torch.testing.assert_close(found.embed, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["eap", "eap-ig", "eap-ig-kl", "edge-pruning"])
def test_the_edges_of_the_pizza_stand_above_all_others(name: str) -> None:
    found = find(name, bare(compiled("pizza", planted=False)))
    ranked = sorted(found.edges, key=lambda edge: -found.edges[edge])
    assert set(ranked[:4]) == PIZZA
    assert found.edges[ranked[4]] < 0.1 * found.edges[ranked[3]]


def test_an_edge_into_a_linear_reader_has_its_exact_effect() -> None:
    """What the last MLP writes reaches the logits along a straight path: first order is all there is."""
    bound = scrubkit.bind(random_model("two blocks"))
    clean, corrupt = torch.arange(8), torch.arange(8) + 9
    effects = edge_effects(bound, clean, corrupt, lambda logits: bound.lead(logits, clean))
    part = bound.part("blocks.1.hook_mlp_out[pos=-1]")
    patched = bound.run(clean, {part: bound.read(part, corrupt)})[0]
    change = (bound.lead(patched, clean) - bound.lead(bound.clean(clean), clean)).abs().mean()
    assert effects[str(part), "logits"] == pytest.approx(float(change), rel=1e-3)


def test_effects_of_a_divergence_need_the_way() -> None:
    """Hanna et al. 2024: the gradient of the KL is zero at the clean input, where it is smallest."""
    from scrubkit.methods.edge_attribution import EdgeAttributionIGKL

    bound = scrubkit.bind(random_model("two blocks"))
    clean, corrupt = torch.arange(8), torch.arange(8) + 9
    metric = EdgeAttributionIGKL().metric(bound, clean)
    at_once, on_the_way = (edge_effects(bound, clean, corrupt, metric, steps) for steps in (1, 5))
    assert max(at_once.values()) < 1e-5
    assert max(on_the_way.values()) > 1e-3


def saturated() -> scrubkit.Model:
    """A program whose heads look a value up where a key matches: their attention is saturated."""
    return scrubkit.load("induction5")


def test_the_gradient_of_a_saturated_query_is_blind_and_the_repaired_one_is_not() -> None:
    """Kramar et al. 2024, section 3.1: a softmax far from its turning point has no slope."""
    bound, generator = scrubkit.bind(saturated()), torch.Generator().manual_seed(0)
    clean, corrupt = (bound.others(torch.arange(64), generator) for _ in range(2))
    stream = Residual(bound, clean)
    found = stream.sweep(lambda logits: bound.lead(logits, clean))
    exact, first_order, repaired = 0.0, 0.0, 0.0
    for layer in stream.blocks:
        repaired = max(repaired, *query_key_effects(bound, found, layer, clean, corrupt))
        for name in ("q", "k"):
            part = bound.part(f"blocks.{layer}.attn.hook_{name}")
            value = bound.read(part, clean).requires_grad_()
            lead = bound.lead(bound.run(clean, {part: value})[0], clean)
            (gradient,) = torch.autograd.grad(lead.sum(), value, allow_unused=True)
            change = bound.read(part, corrupt) - value.detach()
            if gradient is not None:
                first_order = max(first_order, float((change * gradient).flatten(1).sum(1).abs().mean()))
            patched = bound.run(clean, {part: bound.read(part, corrupt)})[0]
            exact = max(exact, float((bound.lead(patched, clean) - lead.detach()).abs().mean()))
    assert exact > 1
    assert first_order < 0.01 * exact
    assert repaired > 0.3 * exact


def test_dropping_a_component_takes_its_share_out_of_the_gradient() -> None:
    bound = scrubkit.bind(random_model("one block"))
    rows = torch.arange(6)
    stream = Residual(bound, rows)
    whole, dropped = (stream.sweep(lambda z: bound.lead(z, rows), skip=s) for s in ("", "mlp 0"))
    through = whole.inputs[bound.part("blocks.0.hook_mlp_out")]
    weights = stream.output_map(0)
    missing = whole.outputs[Z] - dropped.outputs[Z]
    torch.testing.assert_close(missing, torch.einsum("ipd,hed->iphe", through, weights), rtol=1e-4, atol=1e-5)
    assert float(missing.abs().max()) > 0.01


def test_masks_all_open_give_the_clean_and_all_shut_the_corrupt_output() -> None:
    bound = scrubkit.bind(random_model("LayerNorm, GELU"))
    runs = MaskedRuns(bound, torch.arange(6), torch.arange(6) + 9)
    for value, rows in ((1.0, runs.clean), (0.0, runs.corrupt)):
        gates = {name: torch.full((len(runs.sources[part]),), value) for name, part in runs.readers.items()}
        torch.testing.assert_close(runs.outputs(gates), bound.clean(rows), rtol=1e-4, atol=1e-5)


def test_a_gate_that_is_worth_its_price_stays_and_another_goes() -> None:
    clean = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]])
    outputs = lambda gates: clean * gates["x"][0] + 0 * gates["x"][1]  # noqa: E731
    odds = learn(
        {"x": 2},
        outputs,
        clean,
        price=0.02,
        steps=60,
        rate=0.25,
        generator=torch.Generator().manual_seed(0),
    )
    assert kept(odds["x"])[0] > 0.9 and kept(odds["x"])[1] < 0.1


def test_gates_are_exactly_zero_and_one_some_of_the_time() -> None:
    gates = sampled(torch.zeros(2000), torch.Generator().manual_seed(0))
    assert 0.1 < float((gates == 0).double().mean()) < 0.5
    assert 0.1 < float((gates == 1).double().mean()) < 0.5
    share = float((gates > 0).double().mean())
    assert share == pytest.approx(float(kept(torch.zeros(()))), abs=0.04)


def test_subnetwork_probing_drops_decoys_and_keeps_what_is_used() -> None:
    model = compiled("pizza")
    assert model.truth is not None
    sites = find("subnetwork-probing", bare(model)).sites
    decoys = [sites[f"{POST}[pos=-1, neurons={i}]"] for i in model.truth.neuron_roles["decoy"]]
    needed = [sites[f"{POST}[pos=-1, neurons={i}]"] for i in model.truth.clusters[KEYS[0]]]
    assert max(decoys) < 0.1 < 0.5 < min(needed)


def test_head_importance_is_a_share_of_its_block() -> None:
    sites = find("hisp", bare(compiled("pizza", planted=False))).sites
    heads = [value for site, value in sites.items() if "hook_z" in site]
    assert sum(value**2 for value in heads) == pytest.approx(1)
    assert sites[HEAD] == pytest.approx(1)
