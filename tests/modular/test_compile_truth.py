"""What a compiled model's truth says of its sites is so: read from hooks, and edited through them."""

from functools import cache

import numpy as np
import pytest
import torch

from scrubkit.core.feature import class_ids
from scrubkit.core.feature import parse as parse_feature
from scrubkit.families.modular.compile import compile_model
from scrubkit.models.record import Statement
from scrubkit.models.weights import run
from scrubkit.subjects.sites import Sites

P = 13
EVERYTHING = {
    "dead_frequencies": [1],
    "decoy_neurons": 8,
    "decoy_heads": 1,
    "redundant_heads": 2,
    "cancelling_heads": 2,
    "backup_path": 0.2,
    "memorised_pairs": 4,
}
MODELS = {
    "pizza": {"variant": "pizza"},
    "pizza-planted": {"variant": "pizza", "distractors": EVERYTHING},
    "pizza-subtraction": {
        "variant": "pizza",
        "task": "modular_subtraction",
        "distractors": {"backup_path": 0.2, "cancelling_heads": 1},
    },
    "torus": {"variant": "clock-torus"},
    "torus-planted": {"variant": "clock-torus", "distractors": EVERYTHING},
    "torus-multiplication": {"variant": "clock-torus", "task": "modular_multiplication"},
    "attention": {"variant": "clock-attention"},
    "attention-planted": {"variant": "clock-attention", "distractors": EVERYTHING},
}
NAMES = sorted(MODELS)


@cache
def build(name):
    return compile_model(p=P, frequencies=(2, 5), rotate=True, permute=True, seed=1, **MODELS[name])


def locate(model, statement):
    return Sites.of(model).part(statement.site, {})


def component(index, order, frequencies):
    """Return the projector, over tokens or classes, onto some frequencies of the group."""
    x = np.arange(order)
    waves = [f(2 * np.pi * k * x / order) for k in frequencies for f in (np.cos, np.sin)]
    basis = np.linalg.qr(np.stack(waves, 1))[0]
    used = np.flatnonzero(index >= 0)
    projector = np.zeros((len(index), len(index)))
    projector[np.ix_(used, used)] = (basis @ basis.T)[np.ix_(index[used], index[used])]
    return torch.from_numpy(projector)


def reader(model, part):
    """Return the function from a hook's value to the part of it that a site means."""
    group = model.task.group

    def take(value):
        if part.hook == "hook_embed":
            w = model.weights.to(torch.float64).W_E
            if part.components is not None:
                index = np.append(group.a, -1)
                w = component(index, group.order, part.components) @ w
            return torch.stack([w[model.tokens[:, i]] for i in part.positions], 1)
        if part.hook == "logits":
            if part.components is None:
                return value
            return value @ component(group.c, group.order, part.components)
        if part.hook.endswith("hook_pattern"):
            return value[:, list(part.heads)]
        if part.hook.endswith("hook_z"):
            return value[:, part.positions][:, :, list(part.heads)]
        value = value[:, list(part.positions)]
        if part.neurons is not None:
            return value[..., list(part.neurons)]
        if part.basis is not None:
            basis = torch.tensor(part.basis, dtype=value.dtype)
            return value @ basis.T @ basis
        return value

    return take


def hook_of(part):
    return "unembed.hook_out" if part.hook == "logits" else part.hook


@cache
def activations(name):
    model = build(name)
    _, cache_ = model.bridge.run_with_cache(model.tokens)
    return {hook: value.double() for hook, value in cache_.items() if isinstance(value, torch.Tensor)}


def received(model, part, value):
    """Return what the readers of neurons receive of them, and any other value as it is."""
    if part.neurons is None:
        return value
    w = model.weights.to(torch.float64)
    chosen = list(part.neurons)
    return value @ w.W_out[chosen] @ w.W_U


def within_share(values, classes):
    """Return the variation within classes as a share of the whole; 0 where nothing varies."""
    flat = values.reshape(len(values), -1)
    total = (flat - flat.mean(0)).pow(2).sum()
    if total <= 1e-12 * flat.pow(2).sum():
        return 0.0
    within = sum((flat[classes == c] - flat[classes == c].mean(0)).pow(2).sum() for c in np.unique(classes))
    return float(within / total)


@pytest.mark.parametrize("name", NAMES)
def test_every_site_carries_the_feature_that_the_truth_states(name):
    model = build(name)
    for statement in model.truth.statements:
        part = locate(model, statement)
        value = reader(model, part)(activations(name)[hook_of(part)])
        if part.hook == "logits":
            value = value[:, -1]
        classes = class_ids(parse_feature(statement.feature).values(model.task.columns, model.task.constants))
        exact = value if statement.exact else received(model, part, value)
        # TransformerLens computes in float32, where gains of 4 alpha / epsilon magnify rounding.
        assert within_share(exact, classes) < (1e-9 if statement.exact else 2e-3), statement


@pytest.mark.parametrize(
    ("name", "site", "false_feature"),
    [
        ("pizza", "blocks.0.mlp.hook_post[pos=-1, neurons=cluster:2]", "(a + b) % p"),
        ("pizza", "logits[frequencies=5]", "(a + b) % p"),
        ("torus", "blocks.0.mlp.hook_post[pos=-1, neurons=cluster:2]", "(a - b) % p"),
        ("attention", "hook_embed[pos=0, frequencies=2]", "b"),
    ],
)
def test_a_false_statement_would_be_seen(name, site, false_feature):
    model = build(name)
    statement = Statement(site=site, feature=false_feature)
    part = locate(model, statement)
    value = reader(model, part)(activations(name)[hook_of(part)])
    value = value[:, -1] if part.hook == "logits" else received(model, part, value)
    classes = class_ids(parse_feature(false_feature).values(model.task.columns, model.task.constants))
    assert within_share(value, classes) > 0.05


def scrub(name, statement):
    """Shuffle a site's value over the inputs; return the largest change of the centred logits."""
    model = build(name)
    part = locate(model, statement)
    # One cycle through all inputs, so that none keeps its own value.
    order = np.random.default_rng(0).permutation(model.task.n_inputs)
    shuffle = torch.from_numpy(np.roll(order, 1)[np.argsort(order)])

    def edit(value, hook=None):
        held = value.double()
        own = reader(model, part)
        new = held.clone()
        if part.hook == "hook_embed":
            change = own(held)[shuffle] - own(held)
            new[:, list(part.positions)] += change
        elif part.hook.endswith("hook_pattern"):
            new[:, list(part.heads)] = own(held)[shuffle]
        elif part.hook.endswith("hook_z"):
            heads = torch.tensor(part.heads)
            for position in part.positions:
                new[:, position, heads] = held[shuffle][:, position, heads]
        elif part.neurons is not None:
            neurons = torch.tensor(part.neurons)
            for position in part.positions:
                new[:, position, neurons] = held[shuffle][:, position, neurons]
        elif part.hook == "logits":
            new[:, -1] += own(held)[shuffle][:, -1] - own(held)[:, -1]
        else:
            new[:, list(part.positions)] += own(held)[shuffle] - own(held)
        return new.to(value.dtype)

    tokens = model.tokens
    with torch.no_grad():
        edited = model.bridge.run_with_hooks(tokens, fwd_hooks=[(hook_of(part), edit)])[:, -1].double()
        clean = model.bridge(tokens)[:, -1].double()
    change = (edited - edited.mean(1, keepdim=True)) - (clean - clean.mean(1, keepdim=True))
    return float(change.abs().max() / clean.std())


@pytest.mark.parametrize("name", NAMES)
def test_the_logits_depend_on_a_site_just_where_the_truth_says_so(name):
    for statement in build(name).truth.statements:
        if statement.feature == "0":
            continue  # a constant that is shuffled is the same constant
        change = scrub(name, statement)
        assert change > 0.02 if statement.causal else change < 1e-4, (statement, change)


@pytest.mark.parametrize("name", NAMES)
def test_constants_are_the_same_on_every_input(name):
    model = build(name)
    stated = [s for s in model.truth.statements if s.feature == "0"]
    assert stated
    for statement in stated:
        part = locate(model, statement)
        value = reader(model, part)(activations(name)[hook_of(part)])
        assert float((value - value[:1]).abs().max()) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_subspaces_are_orthonormal_and_hold_what_they_are_named_for(name):
    model = build(name)
    w, group = model.weights.to(torch.float64), model.task.group
    bases = {key: torch.tensor(rows, dtype=torch.float64) for key, rows in model.truth.subspaces.items()}
    whole = torch.cat(list(bases.values()))
    assert torch.allclose(whole @ whole.T, torch.eye(len(whole), dtype=torch.float64), atol=1e-12)
    for k in model.truth.frequencies:
        read = bases[f"plane:{k}"] @ w.W_U
        assert torch.allclose(read @ component(group.c, group.order, [k]), read, atol=1e-6)
        assert float(read.norm()) > 1
        written = w.W_E @ bases[f"embed:{k}"].T
        own = component(np.append(group.a, -1), group.order, [k])
        assert torch.allclose(own @ written, written, atol=1e-6)
        assert float(written.norm()) > 1


@pytest.mark.parametrize("name", ["pizza-planted", "torus-planted"])
def test_clusters_are_the_neurons_of_their_frequency(name):
    model = build(name)
    post = run(model.weights.to(torch.float64), model.tokens)["post"]
    for k, neurons in model.truth.clusters.items():
        table = post[:, list(neurons)].numpy().reshape(P, P, -1)
        spectrum = np.abs(np.fft.fft(table, axis=0)[1 : P // 2 + 1]).sum(1)
        assert (spectrum.argmax(0) + 1 == k).all()
    groups = [set(g) for g in (*model.truth.clusters.values(), *model.truth.neuron_roles.values())]
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert {role: len(own) for role, own in model.truth.neuron_roles.items()} == {
        "backup": 15,
        "decoy": 8,
        "memorised": 4,
    }


def test_a_memorised_neuron_fires_on_its_own_pair_only():
    model = build("pizza-planted")
    post = run(model.weights.to(torch.float64), model.tokens)["post"]
    own = post[:, list(model.truth.neuron_roles["memorised"])] > 1e-6
    inputs = {tuple(model.task.tokens[i, :2].tolist()) for i in np.flatnonzero(own.any(1).numpy())}
    assert inputs == {tuple(pair) for pair in model.truth.distractors["memorised_pairs"]}
    assert (own.sum(0) == 1).all()


def test_cancelling_heads_cancel():
    model = build("torus-planted")
    w = model.weights
    heads = [role.head for role in model.truth.heads if role.role == "cancelling"]
    assert len(heads) == 4
    silent = w.W_O.clone()
    silent[heads] = 0
    without = run(w.with_(W_O=silent).to(torch.float64), model.tokens)["logits"]
    assert torch.allclose(without, model.logits(), atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_idle_heads_and_the_rest_of_the_neurons_do_nothing(name):
    model = build(name)
    idle = [role.head for role in model.truth.heads if role.role == "idle"]
    assert len(model.truth.heads) == model.config.n_heads
    assert not model.weights.W_O[idle].any()
    used = {i for own in (*model.truth.clusters.values(), *model.truth.neuron_roles.values()) for i in own}
    rest = sorted(set(range(model.config.d_mlp)) - used)
    assert not model.weights.W_out[rest].any()


def test_noise_leaves_only_what_the_architecture_makes_exact():
    model = compile_model(variant="pizza", p=P, frequencies=(2, 5), noise=0.01)
    exact = {s.site for s in model.truth.statements if s.exact}
    assert "blocks.0.attn.hook_pattern[head=0]" in exact
    assert "hook_embed[pos=0]" in exact
    assert "blocks.0.hook_attn_out[pos=-1]" not in exact
