"""The training forward pass and loss against the bridge, against plain autograd and against float64."""

import numpy as np
import pytest
import torch

from scrubkit.core.task import Task
from scrubkit.families.modular.task import ModularAddition, ModularMultiplication, ModularSubtraction
from scrubkit.families.modular.train.step import (
    FAINT,
    UNTRAINED,
    cross_entropy,
    flatten,
    forward,
    n_parameters,
    trained_shapes,
    unflatten,
    views,
)
from scrubkit.models.bridge import bridge_logits, build_bridge
from scrubkit.models.record import ModelConfig
from scrubkit.models.weights import Weights, random_weights, run

SHAPES = {
    "mainline": {},
    "one narrow head": {"d_model": 24, "n_heads": 1, "d_head": 5, "d_mlp": 40},
    "heads wider than the residual stream": {"d_model": 8, "n_heads": 3, "d_head": 16, "d_mlp": 12},
}


def weights_with_biases(config: ModelConfig, seed: int) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    w = random_weights(config, generator)
    return w.with_(
        b_in=torch.randn(config.d_mlp, generator=generator) * 0.3,
        b_out=torch.randn(config.d_model, generator=generator) * 0.3,
    )


def operands(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = (torch.from_numpy(task.columns[name])[None] for name in "ab")
    return a, b


@pytest.mark.parametrize("task", [ModularAddition(13), ModularSubtraction(10), ModularMultiplication(11)])
@pytest.mark.parametrize("sizes", SHAPES.values(), ids=SHAPES)
def test_the_functional_form_has_the_bridges_logits(task, sizes):
    config = ModelConfig.for_task(task, **sizes)
    w = weights_with_biases(config, 1)
    logits = forward(views(flatten(w, config)[None], config), *operands(task))[0]
    expected = bridge_logits(build_bridge(w, config), torch.from_numpy(task.tokens))
    assert expected.std() > 0.1
    assert (logits - expected).abs().max() < 1e-5


def test_gradients_are_those_of_the_plain_forward_pass():
    task = ModularAddition(7)
    config = ModelConfig.for_task(task, d_model=12, n_heads=2, d_head=6, d_mlp=20)
    w = weights_with_biases(config, 2).to(torch.float64)
    labels = torch.from_numpy(task.labels)

    plain = {name: tensor.clone().requires_grad_() for name, tensor in w.short().items()}
    logits = run(Weights.one_layer(**plain), torch.from_numpy(task.tokens))["logits"]
    torch.nn.functional.cross_entropy(logits, labels).backward()

    flat = flatten(w, config)[None].requires_grad_()
    cross_entropy(forward(views(flat, config), *operands(task)), labels[None]).mean().backward()
    assert flat.grad is not None
    for name, gradient in views(flat.grad, config).items():
        torch.testing.assert_close(gradient[0], plain[name].grad, rtol=1e-9, atol=1e-14)


def test_runs_side_by_side_do_not_mix():
    task = ModularAddition(11)
    config = ModelConfig.for_task(task, d_model=16, n_heads=2, d_head=8, d_mlp=24)
    flats = torch.stack([flatten(weights_with_biases(config, seed), config) for seed in range(3)])
    chosen = [np.random.default_rng(seed).permutation(task.n_inputs)[:40] for seed in range(3)]
    a, b = (torch.from_numpy(np.stack([task.columns[name][rows] for rows in chosen])) for name in "ab")
    together = forward(views(flats, config), a, b)
    for i in range(3):
        alone = forward(views(flats[i : i + 1], config), a[i : i + 1], b[i : i + 1])[0]
        torch.testing.assert_close(together[i], alone, rtol=1e-5, atol=1e-6)


def test_flat_parameters_come_back_as_the_same_weights_and_the_rest_is_zero():
    config = ModelConfig.for_task(ModularAddition(5), d_model=4, n_heads=2, d_head=3, d_mlp=6)
    w = weights_with_biases(config, 3)
    back = unflatten(flatten(w, config), config)
    assert flatten(w, config).numel() == n_parameters(config)
    for name in trained_shapes(config):
        assert torch.equal(back.short()[name], w.short()[name])
    for name in UNTRAINED:
        assert not back.short()[name].any()


@pytest.mark.parametrize("margin", [-200.0, -5.0, 0.0, 3.0, 15.0, 30.0, 80.0])
def test_the_loss_keeps_its_digits_at_every_margin(margin):
    logits = torch.tensor([[[margin, 0.0, -1.0, 0.5], [margin + 300, 300.0, 299.0, 300.5]]])
    label = torch.zeros(1, 2, dtype=torch.long)
    logits.requires_grad_()
    loss = cross_entropy(logits, label)
    loss.sum().backward()
    exact = logits.detach().double()
    rest = torch.logsumexp(exact[..., 1:] - exact[..., :1], dim=-1)
    torch.testing.assert_close(
        loss.double(), torch.nn.functional.softplus(rest, threshold=100.0), rtol=1e-5, atol=0
    )
    others = torch.softmax(exact[..., 1:], dim=-1) * torch.sigmoid(rest)[..., None]
    expected = torch.cat([-others.sum(-1, keepdim=True), others], dim=-1)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad.double(), expected, rtol=1e-5, atol=FAINT)


def test_no_gradient_by_a_logit_is_so_small_that_products_with_it_are_slow():
    logits = torch.tensor([[[20.0, 0.0, -30.0, -70.0]]], requires_grad=True)
    cross_entropy(logits, torch.tensor([[0]])).mean().backward()
    assert logits.grad is not None
    sizes = logits.grad[0, 0].abs()
    assert sizes[:3].min() > FAINT
    assert sizes[3] == 0
