"""Any bridge can be scored and explained: native ones of two blocks, and GPT-2 as Hugging Face builds it."""

from functools import cache
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch

import scrubkit
from scrubkit.errors import ModelError, ScrubError
from scrubkit.scrubbing.scoring import Scorer

ROWS = np.array([[a, b, c] for a in range(4) for b in range(4) for c in range(4)])


def max_of_three(labels: bool = True) -> scrubkit.Task:
    """The largest of three tokens, on all rows."""
    return scrubkit.Task(
        "max-of-3",
        tokens=ROWS,
        labels=ROWS.max(axis=1) if labels else None,
        variables={f"x{i}": ROWS[:, i] for i in range(3)},
        constants={"v": 4},
    )


@cache
def gpt2() -> Any:
    """A GPT-2 with random weights, built from its config and wrapped without a download."""
    from tokenizers import Tokenizer, models
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = GPT2Config(n_layer=2, n_embd=16, n_head=2, n_inner=8, n_positions=8, vocab_size=11)
    words = Tokenizer(models.WordLevel({str(i): i for i in range(11)}, unk_token="0"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="0", eos_token="1", pad_token="1")
    model = GPT2LMHeadModel(config).eval()
    return TransformerBridge.boot_transformers("gpt2", hf_model=model, tokenizer=tokenizer, device="cpu")


def residual(feature: str) -> nx.DiGraph:
    """The claim that the stream between the blocks depends on a feature only, at the last position."""
    graph = nx.DiGraph(name="residual", task="max-of-3")
    graph.add_node("logits", site="logits")
    graph.add_node("stream", site="blocks.0.hook_resid_post", feature=feature)
    graph.add_edge("stream", "logits")
    return graph


def test_gpt2_keeps_its_logits_where_the_whole_stream_is_claimed() -> None:
    found = scrubkit.score(gpt2(), residual("(x0, x1, x2)"), task=max_of_three(), draws=3)
    assert found.settings.engine == "hooks"
    assert found.fidelity is not None
    assert found.fidelity.value == pytest.approx(1, abs=1e-6)


def test_a_bridge_is_called_what_it_is_given_as_and_bridge_otherwise() -> None:
    task = max_of_three()
    assert Scorer(gpt2(), task=task).target.name == "bridge"
    assert Scorer(gpt2(), task=task, name="mine").target.name == "mine"


def test_a_false_claim_about_gpt2_is_refuted_and_explained() -> None:
    task = max_of_three()
    found = scrubkit.score(gpt2(), residual("x0"), task=task, draws=3)
    assert found.verdict == "refuted"
    why = scrubkit.explain(gpt2(), residual("x0"), task=task, draws=3)
    assert [step.where for step in why.failing] == ["stream"]


def test_gpt2_feels_edits_of_the_middle_of_a_block() -> None:
    """Whether the stream beside the MLP feels an edit of hook_resid_mid depends on the bridge."""
    graph = nx.DiGraph(name="mid", task="max-of-3")
    graph.add_node("logits", site="logits")
    graph.add_node("mid", site="blocks.1.hook_resid_mid[pos=-1]", feature="(x0, x1, x2)")
    graph.add_edge("mid", "logits")
    found = scrubkit.score(gpt2(), graph, task=max_of_three(), draws=3)
    assert found.fidelity is not None
    assert found.fidelity.value == pytest.approx(1, abs=1e-6)


def test_a_task_without_labels_is_judged_by_the_models_own_output() -> None:
    found = scrubkit.score(gpt2(), residual("x0"), task=max_of_three(labels=False), draws=3)
    assert found.verdict == "refuted"
    assert found.loss_recovered is None
    assert found.faithfulness is not None
    assert "loss recovered" not in str(found)


def test_logits_may_be_read_at_several_positions() -> None:
    task = scrubkit.Task(
        "running-max",
        tokens=ROWS,
        labels=np.maximum.accumulate(ROWS, axis=1)[:, 1:],
        variables={f"x{i}": ROWS[:, i] for i in range(3)},
        answer=(1, 2),
    )
    for feature, holds in (("(x0, x1, x2)", True), ("x2", False)):
        graph = residual(feature)
        graph.graph["task"] = ""
        found = scrubkit.score(gpt2(), graph, task=task, draws=3)
        assert found.fidelity is not None
        assert (found.fidelity.value > 0.999) is holds


def test_a_bridge_needs_a_task_that_fits_it() -> None:
    with pytest.raises(ScrubError, match="a bridge needs task="):
        scrubkit.score(gpt2(), residual("x0"))
    long = np.zeros((2, 9), dtype=int)
    task = scrubkit.Task("long", tokens=long, variables={"x": np.arange(2)})
    with pytest.raises(ModelError, match="reads 8 tokens"):
        scrubkit.score(gpt2(), residual("x0"), task=task)


def test_the_weights_of_inputs_count() -> None:
    """All weight on the rows with x0 = 0: resampling x0 then changes nothing."""
    weights = np.where(ROWS[:, 0] == 0, 1.0, 1e-12)
    task = scrubkit.Task(
        "weighted", tokens=ROWS, variables={f"x{i}": ROWS[:, i] for i in range(3)}, weights=weights
    )
    graph = residual("(x1, x2)")
    graph.graph["task"] = ""
    found = scrubkit.score(gpt2(), graph, task=task, draws=4)
    assert found.fidelity is not None
    assert found.fidelity.value > 0.99
