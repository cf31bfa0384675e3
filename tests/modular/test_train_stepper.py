"""The update against torch's own AdamW, and the CUDA graph against plain steps."""

import pytest
import torch

from scrubkit.families.modular.task import ModularAddition
from scrubkit.families.modular.train.recipe import Recipe
from scrubkit.families.modular.train.state import State, initial_state, split_rows
from scrubkit.families.modular.train.step import cross_entropy, forward, views
from scrubkit.families.modular.train.stepper import Stepper, evaluate
from scrubkit.models.record import ModelConfig

TASK = ModularAddition(11)
CONFIG = ModelConfig.for_task(TASK, d_model=16, n_heads=2, d_head=8, d_mlp=24)
RECIPE = Recipe(name="test", learning_rate=1e-2, beta1=0.85, beta2=0.93, weight_decay=0.7, max_steps=10)
CPU = torch.device("cpu")


def start(seeds: list[int], device: torch.device = CPU, dtype: torch.dtype = torch.float64) -> State:
    state = initial_state(CONFIG, seeds, device)
    for name in ("flat", "momentum", "second"):
        setattr(state, name, getattr(state, name).to(dtype))
    return state


def test_steps_are_those_of_torchs_adamw():
    state, (rows, _) = start([0]), split_rows(TASK, 0.5, [0], CPU)
    stepper = Stepper(state, rows, CONFIG, RECIPE)
    theirs = state.flat.clone().requires_grad_()
    optimiser = torch.optim.AdamW([theirs], lr=1e-2, betas=(0.85, 0.93), eps=RECIPE.eps, weight_decay=0.7)
    for step in range(12):
        rate = 1e-2 * (1 + step / 10)
        stepper.step([rate])
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        cross_entropy(forward(views(theirs, CONFIG), rows.a, rows.b), rows.label).mean().backward()
        optimiser.step()
    assert state.step == 12
    torch.testing.assert_close(state.flat, theirs.detach(), rtol=1e-9, atol=1e-12)


def test_every_run_has_its_own_rate():
    state, (rows, _) = start([0, 1]), split_rows(TASK, 0.5, [0, 1], CPU)
    before = state.flat.clone()
    Stepper(state, rows, CONFIG, RECIPE).step([1e-2, 0.0])
    assert not torch.equal(state.flat[0], before[0])
    assert torch.equal(state.flat[1], before[1])


def test_a_finished_run_leaves_and_the_others_go_on_unchanged():
    seeds = [4, 5, 6]
    together, (rows, _) = start(seeds), split_rows(TASK, 0.5, seeds, CPU)
    Stepper(together, rows, CONFIG, RECIPE).step([1e-2] * 3)
    rest = torch.tensor(together.finish([1]))
    Stepper(together, rows.of(rest), CONFIG, RECIPE).step([1e-2] * 2)
    assert [run.seed for run in together.runs] == [4, 6]
    assert [run.seed for run, _ in together.finished] == [5]
    alone, (own, _) = start([6]), split_rows(TASK, 0.5, [6], CPU)
    stepper = Stepper(alone, own, CONFIG, RECIPE)
    stepper.step([1e-2])
    stepper.step([1e-2])
    torch.testing.assert_close(together.flat[1], alone.flat[0], rtol=1e-9, atol=1e-12)


def test_evaluation_gives_mean_loss_and_accuracy():
    state, (rows, _) = start([0]), split_rows(TASK, 0.5, [0], CPU)
    loss, accuracy = evaluate(state.flat, CONFIG, rows)
    logits = forward(views(state.flat, CONFIG), rows.a, rows.b)[0]
    expected = torch.nn.functional.cross_entropy(logits, rows.label[0])
    torch.testing.assert_close(loss[0], expected)
    assert accuracy.item() == pytest.approx((logits.argmax(-1) == rows.label[0]).double().mean().item())


@pytest.mark.gpu
def test_replaying_the_recorded_graph_takes_the_same_steps_as_the_cpu():
    cuda = torch.device("cuda")
    seeds = [0, 1]
    recorded, plain = start(seeds, cuda), start(seeds)
    on_gpu = Stepper(recorded, split_rows(TASK, 0.5, seeds, cuda)[0], CONFIG, RECIPE)
    on_cpu = Stepper(plain, split_rows(TASK, 0.5, seeds, CPU)[0], CONFIG, RECIPE)
    for rates in ([1e-3, 1e-2], [1e-2, 2e-3], [1e-2, 0.0]):
        on_gpu.step(rates)
        on_cpu.step(rates)
    torch.testing.assert_close(recorded.flat.cpu(), plain.flat, rtol=1e-7, atol=1e-10)
