"""The ``writer`` question: here is a model, write down what it computes, and the grade of what was written.

A writer is a person, a program or a language model. It is given a model without its truth and hands in a
hypothesis as node-link JSON, which is graded by its label (is it true *of these weights*?) and by its match
with the known algorithm. A claim that tests nothing is no answer: its label is vacuous.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np

from scrubkit.bench.label import Judge
from scrubkit.errors import ScrubkitError
from scrubkit.harness.pose import agreement
from scrubkit.harness.questions import bare
from scrubkit.hypothesis import from_json
from scrubkit.models.model import Model

EXAMPLE = {
    "directed": True,
    "multigraph": False,
    "graph": {"subspaces": {}},
    "nodes": [
        {"id": "logits", "site": "logits"},
        {"id": "hidden", "site": "blocks.0.hook_resid_post[pos=-1]", "feature": "x0 + x1"},
    ],
    "edges": [{"source": "hidden", "target": "logits"}],
}
FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Grade:
    """What a written hypothesis is worth.

    Attributes:
        label: true, false, vacuous or ambiguous, of the weights; "invalid" if it is no hypothesis about them.
        match: agreement with the known algorithm, 0 to 1; 0 where the hypothesis is not true.
        reasons: why, in words.
    """

    label: str
    match: float
    reasons: tuple[str, ...]

    @property
    def true(self) -> bool:
        """Whether the writer was right."""
        return self.label == "true"


def question(model: Model) -> str:
    """Return the question in words: shape, inputs and variables of a model, and what to hand in.

    Args:
        model: what is asked about; its name and its truth are not told.
    """
    config, task = model.config, model.task
    rows = np.asarray(task.tokens)
    values = ", ".join(
        f"{name} in {sorted(set(np.asarray(v).tolist()))[:12]}" for name, v in task.columns.items()
    )
    form = json.dumps(EXAMPLE, indent=1)
    heads = f"{config.n_heads} heads of {config.d_head}"
    shape = f"d_model {config.d_model}, {heads}, {config.d_mlp} neurons a layer"
    return f"""A transformer of {config.n_layers} layers ({shape}) takes {rows.shape[1]} tokens and \
answers with the logits of {config.d_vocab_out} classes. There are {len(rows)} inputs. \
Their variables: {values}.

Find out which algorithm they run, and hand in a hypothesis: a directed graph as node-link JSON. A node \
has a site (a TransformerLens hook name and a part of it: pos=, head=, neurons=, or subspace= with \
orthonormal rows of your own under graph.subspaces) and a feature, an expression over the variables: all \
that the value there may depend on. An edge says that its target reads its source. One node, the sink, is on \
"logits". What is not named is claimed not to matter; every node that is named has to be needed, and a claim \
that any weights would pass counts for nothing. The form, with a claim that is probably false:

```json
{form}
```

End with your hypothesis in one fenced json block."""


def grade(model: Model, text: str) -> Grade:
    """Grade what a writer has handed in.

    Args:
        model: the model with its truth.
        text: the hypothesis as JSON, alone or in the last fenced block of a longer text; no code is run.
    """
    blocks = FENCE.findall(text)
    try:
        hypothesis = from_json(blocks[-1] if blocks else text, title="what was written")
        # The names that the model's truth gives to its parts are not for the writer to use.
        label = Judge.of(bare(model)).label(hypothesis)
    except ScrubkitError as error:
        return Grade("invalid", 0.0, tuple(error.faults))
    found = agreement(hypothesis, model) if label.label == "true" else None
    return Grade(label.label, 0.0 if found is None else found.overall, label.failed)
