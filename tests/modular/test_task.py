"""Modular tasks: addition in a cyclic group under other names, and the group's Fourier components."""

import numpy as np
import pytest
import torch

from scrubkit.core.task import Task
from scrubkit.errors import TaskError
from scrubkit.families.modular.family import FAMILY
from scrubkit.families.modular.task import (
    ModularAddition,
    ModularMultiplication,
    ModularSubtraction,
    ModularTask,
)

TASKS = {task.name: task for task in (ModularAddition(6), ModularSubtraction(7), ModularMultiplication(11))}
RIGHT = {
    "modular_addition": lambda a, b: (a + b) % 6,
    "modular_subtraction": lambda a, b: (a - b) % 7,
    "modular_multiplication": lambda a, b: a * b % 11,
}


@pytest.mark.parametrize("name", TASKS)
def test_every_pair_is_a_row_with_its_label(name):
    task = TASKS[name]
    a, b = task.columns["a"], task.columns["b"]
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == task.n_inputs == len(task.operands) ** 2
    assert (task.tokens == np.stack([a, b, np.full_like(a, task.p)], axis=1)).all()
    assert (task.labels == RIGHT[name](a, b)).all()


@pytest.mark.parametrize("name", TASKS)
def test_the_group_turns_every_task_into_addition(name):
    task, group = TASKS[name], TASKS[name].group
    a, b = task.columns["a"], task.columns["b"]
    assert ((group.a[a] + group.b[b]) % group.order == group.c[task.labels]).all()


def test_a_modular_task_is_a_task_and_equal_to_itself_alone():
    assert isinstance(ModularAddition(7), Task)
    assert ModularAddition(7) == ModularTask("modular_addition", 7)
    others = [ModularAddition(5), ModularSubtraction(7), ModularTask("modular_addition", 7, equals=False)]
    assert all(ModularAddition(7) != other for other in others)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_comes_back_from_what_its_family_writes_down(name):
    task = TASKS[name]
    assert FAMILY.task(task.name, FAMILY.task_options(task)) == task


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("modular_addition", {}, "p: not given"),
        ("modular_addition", {"p": 7, "equal": True}, "unknown option 'equal'"),
        ("modular_addition", {"p": 7, "equals": 1}, "equals must be true or false"),
        ("modular_addition", {"p": "7"}, "p must be a whole number"),
        ("modular_addition", {"p": 2}, "p must be larger than 2"),
        ("modular_addition", {"p": 10**6}, "choose p <= 2000"),
        ("modular_multiplication", {"p": 9}, "the nearest primes are 7 and 11"),
        ("modular_multiplication", {"p": 4}, "the nearest primes are 3 and 5"),
        ("modular_adition", {"p": 7}, 'did you mean "modular_addition"'),
    ],
)
def test_options_that_make_no_task_are_one_clear_error(name, options, message):
    with pytest.raises(TaskError, match=message):
        FAMILY.task(name, options)


def components(task: ModularTask):
    return task.decompositions["frequencies"]


@pytest.mark.parametrize("equals", [True, False])
@pytest.mark.parametrize("name", TASKS)
def test_components_are_orthogonal_projections_that_sum_to_the_whole(name, equals):
    task = ModularTask(name, TASKS[name].p, equals)
    found = components(task)
    assert found.size == task.group.order // 2 + 1
    for over, size in ((found.over_tokens, task.d_vocab), (found.over_classes, task.d_vocab_out)):
        parts = np.stack([over([k]) for k in range(found.size)])
        assert np.allclose(parts.sum(0), np.eye(size))
        products = np.einsum("aij,bjk->abik", parts, parts)
        expected = np.einsum("ab,aij->abij", np.eye(found.size), parts)
        assert np.allclose(products, expected)


@pytest.mark.parametrize("chosen", [(1,), (0,), (2, 3), (0, 2), ()])
@pytest.mark.parametrize("name", TASKS)
def test_a_frequency_holds_the_waves_of_the_group(name, chosen):
    """Against the discrete Fourier transform of a function laid out over the group."""
    task, group = TASKS[name], TASKS[name].group
    values = np.random.default_rng(0).standard_normal(task.d_vocab_out)
    inside = np.flatnonzero(group.c >= 0)
    laid = np.zeros(group.order)
    laid[group.c[inside]] = values[inside]
    spectrum = np.fft.rfft(laid)
    kept = np.where(np.isin(np.arange(len(spectrum)), chosen), spectrum, 0)
    expected = np.where(group.c >= 0, 0.0, values if 0 in chosen else 0.0)
    expected[inside] = np.fft.irfft(kept, group.order)[group.c[inside]]
    assert np.allclose(components(task).over_classes(chosen) @ values, expected)


def test_what_is_no_operand_is_in_component_0_alone():
    """The token "=" and, under multiplication, the token 0."""
    task = ModularMultiplication(7)
    embedding = torch.eye(task.d_vocab).double().numpy()
    parts = components(task)
    for token in (0, task.equals_token):
        assert np.allclose(parts.over_tokens([0]) @ embedding[:, token], embedding[:, token])
        assert np.allclose(parts.over_tokens([1, 2, 3]) @ embedding[:, token], 0)
