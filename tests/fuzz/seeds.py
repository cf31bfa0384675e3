"""Whole files of every kind, from which damaged ones are made."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from scrubkit.harness.identity import Identity
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.store import open_store

CLAIM: dict[str, Any] = {
    "directed": True,
    "multigraph": False,
    "graph": {
        "name": "claim",
        "task": "modular_addition",
        "expect": {"pizza": "supported", "trained": ["refuted", "inconclusive"]},
        "subspaces": {"plane": [[1.0] + [0.0] * 6, [0.0, 1.0] + [0.0] * 5]},
        "doc": "words",
    },
    "nodes": [
        {"id": "a", "site": "hook_embed[pos=0]", "feature": "a", "sampler": [0, 1, 2]},
        {"id": "b", "site": "hook_embed[pos=1, frequencies=key]", "feature": "b % 2, abs(cos(b))"},
        {
            "id": "n",
            "site": "blocks.0.mlp.hook_post[neurons=cluster:2]",
            "feature": "(a + b) % p, cos(2 * pi * (a - b) / p)",
            "tolerance": [None, 0.1],
            "period": [None, 2.0],
            "other": "together:x",
        },
        {"id": "rest", "site": "blocks.0.attn.hook_z[head=1]", "unimportant": True},
        {"id": 7, "site": "logits[subspace=plane]", "feature": "a", "sampler": "uniform"},
        {"id": "root", "site": "logits"},
    ],
    "edges": [
        {"source": "a", "target": "n"},
        {"source": "b", "target": "n", "paths": "direct"},
        {"source": "n", "target": 7},
        {"source": "rest", "target": "n"},
        {"source": 7, "target": "root"},
    ],
}
CIRCUIT: dict[str, Any] = {
    "cfg": {"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": False, "d_model": 4},
    "nodes": {name: {"in_graph": True, "score": 0.1} for name in ("input", "a0.h0", "m0", "logits")},
    "edges": {
        "input->a0.h0<q>": {"score": 0.1, "in_graph": False},
        "input->m0": {"score": 0.5, "in_graph": True},
        "m0->logits": {"score": -0.5, "in_graph": True},
    },
}


SHARE = {"count": 1, "total": 4, "value": 0.25, "low": 0.1, "high": 0.5}
BASELINE: dict[str, Any] = {
    "scrubkit": "0.1",
    "suite": {"name": "fast", "version": "1", "hash": "abc", "cases": 4},
    "seed": 0,
    "draws": 8,
    "devices": ["cpu"],
    "methods": {
        "m": {"version": "1", "auroc": {"value": 0.9, "low": 0.8, "high": 1.0}}
        | {name: SHARE for name in ("false_accept", "false_reject", "vacuous_accepted", "faults")}
    },
}
SUITE: dict[str, Any] = {
    "name": "s",
    "version": "1",
    "seed": 0,
    "cases": [
        {
            "id": f"{kind}-1",
            "model": {"kind": kind, "options": options},
            "variant": "pizza",
            "family": "sum",
            "operator": "none",
            "hypothesis": {
                "nodes": [
                    {"id": "a", "site": "hook_embed[pos=0]", "feature": "a"},
                    {"id": "root", "site": "logits"},
                ],
                "edges": [{"source": "a", "target": "root"}],
            },
            "label": {
                "label": "false",
                "failed": ["root does not read b"],
                "evidence": [{"claim": "matters", "where": "a", "value": 0.5, "holds_above": 0.1}],
            },
        }
        for kind, options in {
            "load": {"name": "modadd-p59"},
            "compile": {"variant": "pizza", "p": 7, "frequencies": [2], "distractors": {"decoy_heads": 1}},
            "train": {"p": 59, "seed": 3, "recipe": {"name": "r", "learning_rate": 0.01, "max_steps": 9}},
            "checkpoint": {"p": 59, "seed": 3, "trajectory": 8, "index": 2},
            "functions": {"name": "separate"},
        }.items()
    ],
    "equivalent": {"x": 1},
    "ambiguous": 2,
}
PIZZA_CONFIG: dict[str, Any] = {
    "C": 7,
    "attn_coeff": 0.5,
    "n_layers": 1,
    "act_fn": "relu",
    "eqn_sign": False,
    "funcs": "lambda x: (x[0]+x[1])%7",
}
IDENTITY = Identity(name="m", version="1", config="c" * 64)


@cache
def store_bytes() -> bytes:
    """The bytes of a store with three answers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.sqlite"
        with open_store(path, write=True) as opened:
            for i in range(3):
                outcome = Outcome(key=f"{i:064x}", score=0.5, verdict="supported", notes=("x",))
                opened.add(IDENTITY, outcome, seed=0, draws=8, suite="fast-1", cases=[f"case-{i}"])
        return path.read_bytes()


FEATURE_PIECES = [
    "a",
    "b",
    "p",
    "pi",
    "q",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "(",
    ")",
    "==",
    "<",
    "not ",
    "and ",
    "or ",
]
FEATURE_PIECES += [
    "abs",
    "min",
    "cos",
    ",",
    "0",
    "1",
    "1e400",
    "10**9",
    "9" * 13,
    "999999999999",
    "lambda:",
    "[",
    "]",
    "'x'",
]
FEATURE_PIECES += ["__import__('os')", ".x", "if ", "else ", "1j", "True", "\n", "\x00", "é"]


SITE_PIECES = [
    "hook_embed",
    "logits",
    "blocks.0.attn.hook_z",
    "blocks.0.mlp.hook_post",
    "[",
    "]",
    "pos=",
    "head=",
    "neurons=",
]
SITE_PIECES += [
    "frequencies=",
    "subspace=",
    "-1",
    "0",
    "1-3",
    "3-1",
    "99999999",
    "~",
    "key",
    "rest",
    "cluster:2",
    "cluster:²",
    ",",
    "²",
    "٣",
]
