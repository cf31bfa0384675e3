"""Tasks: what is kept, what is refused, and when two are the same."""

import copy
import pickle

import numpy as np
import pytest

from scrubkit.core.task import Task
from scrubkit.errors import TaskError

ROWS = np.array([[0, 1, 2], [3, 1, 0], [2, 2, 2]])


def task(**changes) -> Task:
    options = {
        "tokens": ROWS,
        "labels": [2, 3, 2],
        "variables": {"x": ROWS[:, 0], "y": [0.5, 1.5, 2.5]},
        "constants": {"v": 10},
        "weights": [1, 2, 0.5],
    }
    return Task("largest", **(options | changes))


def test_a_task_keeps_what_it_is_given():
    found = task()
    assert (found.n_inputs, found.n_ctx, found.d_vocab, found.d_vocab_out) == (3, 3, 4, 4)
    assert (found.answer, found.variables, found.constants) == ((2,), ("x", "y"), {"v": 10})
    assert (found.tokens == ROWS).all() and found.tokens.dtype == np.int64
    assert found.labels is not None and found.weights is not None
    assert found.labels.tolist() == [2, 3, 2]
    assert found.columns["y"].tolist() == [0.5, 1.5, 2.5]
    assert found.weights.tolist() == [1, 2, 0.5]
    assert found.decompositions == {} and found.family == ""


def test_a_task_needs_rows_alone():
    found = Task("rows", tokens=ROWS)
    assert (found.labels, found.weights, found.variables) == (None, None, ())


def test_several_positions_are_answered():
    found = task(answer=(0, -1), labels=[[0, 1], [2, 3], [0, 0]])
    assert found.answer == (0, 2)
    assert found.labels is not None and found.labels.shape == (3, 2)


def test_one_position_may_have_its_labels_in_a_column():
    assert task(labels=[[2], [3], [2]]) == task()


def test_there_are_as_many_classes_as_the_labels_need():
    assert task(labels=[0, 9, 0]).d_vocab_out == 10
    assert task(d_vocab=50).d_vocab_out == 50
    assert task(d_vocab=50, d_vocab_out=7).d_vocab_out == 7


def test_the_rows_are_a_copy():
    rows = ROWS.copy()
    found = task(tokens=rows)
    rows[0, 0] = 3
    assert found.tokens[0, 0] == 0


CHANGES = {
    "tokens": {"tokens": [[0, 1, 2], [3, 1, 0], [2, 2, 1]]},
    "labels": {"labels": [2, 3, 3]},
    "no labels": {"labels": None},
    "a variable": {"variables": {"x": [0, 3, 3], "y": [0.5, 1.5, 2.5]}},
    "the name of a variable": {"variables": {"z": ROWS[:, 0], "y": [0.5, 1.5, 2.5]}},
    "a constant": {"constants": {"v": 11}},
    "the name of a constant": {"constants": {"w": 10}},
    "weights": {"weights": None},
    "the answer": {"answer": 0},
    "d_vocab": {"d_vocab": 5, "d_vocab_out": 4},
    "d_vocab_out": {"d_vocab_out": 5},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_task_that_differs_in_anything_is_another(change):
    assert task(**CHANGES[change]) != task()
    assert task(**CHANGES[change]).hash != task().hash


def test_equal_tasks_are_equal_and_have_one_hash():
    assert task() == task() and hash(task()) == hash(task())
    assert task(tokens=ROWS.astype(np.int32), weights=np.array([1, 2, 0.5], dtype=np.float32)) == task()
    assert pickle.loads(pickle.dumps(task())) == copy.deepcopy(task()) == task()
    assert Task("other", tokens=ROWS) != Task("rows", tokens=ROWS)


FAULTS = {
    "rows of no one length": ({"tokens": [[1, 2], [1]]}, r"tokens must be whole numbers .*no array"),
    "one row": (
        {"tokens": [1, 2]},
        r"tokens must be .* of shape \(input, pos\), found shape \(2,\)",
    ),
    "no rows": ({"tokens": np.zeros((0, 3), dtype=int)}, r"tokens must be whole numbers"),
    "real tokens": ({"tokens": ROWS / 2}, "found shape .* of float64"),
    "negative tokens": ({"tokens": ROWS - 1}, "tokens must be 0 or more, found -1"),
    "a vocabulary too small": ({"d_vocab": 3}, "d_vocab is 3, but the rows need at least 4"),
    "a vocabulary that is no number": ({"d_vocab": "4"}, "d_vocab must be a whole number from 1, found '4'"),
    "classes too few": ({"d_vocab_out": 2}, "d_vocab_out is 2, but the rows need at least 4"),
    "labels of another length": ({"labels": [1, 2]}, r"labels must be whole numbers of shape \(3,\)"),
    "labels for one of two answers": ({"answer": (0, 1)}, r"labels must be .* of shape \(3, 2\)"),
    "negative labels": ({"labels": [-1, 0, 0]}, "labels must be 0 or more, found -1"),
    "an answer out of the row": ({"answer": 3}, "answer is 3; give positions from 0 to 2"),
    "no answer": ({"answer": ()}, "answer is empty"),
    "an answer twice": ({"answer": (2, -1), "labels": None}, "answer names a position twice: 2, 2"),
    "a variable of another length": ({"variables": {"x": [1]}}, r"variable 'x' must be one number per row"),
    "a variable of words": ({"variables": {"x": ["a", "b", "c"]}}, r"'x' must be one number per row"),
    "a variable that is not finite": ({"variables": {"x": [0, 1, np.nan]}}, "variable 'x' holds NaN"),
    "a variable without a name": ({"variables": {"1x": [0, 1, 2]}}, "variable '1x' cannot be named"),
    "a variable called pi": ({"variables": {"pi": [0, 1, 2]}}, "variable 'pi' cannot be named"),
    "a constant that is no number": ({"constants": {"v": "10"}}, "constant 'v' must be one finite number"),
    "a constant of a variable's name": ({"constants": {"x": 1}}, "'x' is the name of a variable and of"),
    "a weight of zero": ({"weights": [1, 0, 1]}, "weights must be positive and finite, found 0.0 in row 1"),
    "weights of another length": ({"weights": [1]}, r"weights must be one number per row, shape \(3,\)"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_task_is_one_clear_error(name):
    changes, message = FAULTS[name]
    with pytest.raises(TaskError, match=message):
        task(**changes)


def test_all_faults_are_reported_at_once():
    with pytest.raises(TaskError) as caught:
        task(labels=[1], weights=[0, 1, 1], answer=9, constants={"v": None}, d_vocab=1)
    assert len(caught.value.faults) == 5


def test_a_split_is_repeatable_and_leaves_no_set_empty():
    assert (task().split(0.5, 3) == task().split(0.5, 3)).all()
    assert task().split(0.5, 0).sum() == 1
    with pytest.raises(TaskError, match="leaves a set empty"):
        task().split(0.1, 0)
