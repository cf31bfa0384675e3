"""The figures of a score, from the distribution of scrubbed outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from tests.oracle.exact import Spread

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]


def log_softmax(z: np.ndarray) -> np.ndarray:
    """Log-probabilities of logits."""
    shifted = z - z.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def pairwise(clean: np.ndarray, values: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Every per-input quantity of each input (row) against each output (column)."""
    own, found = log_softmax(clean), log_softmax(values)
    loss = -found[:, labels].T
    own_loss = -own[np.arange(len(labels)), labels]
    centred, other = clean - clean.mean(-1, keepdims=True), values - values.mean(-1, keepdims=True)
    entropy = (np.exp(own) * own).sum(-1)
    distance = (centred**2).sum(-1)[:, None] + (other**2).sum(-1)[None, :] - 2 * centred @ other.T
    return {
        "loss": loss,
        "kl": entropy[:, None] - np.exp(own) @ found.T,
        "agreement": (clean.argmax(-1)[:, None] == values.argmax(-1)[None, :]).astype(float),
        "accuracy": (labels[:, None] == values.argmax(-1)[None, :]).astype(float),
        "abs_loss_change": np.abs(loss - own_loss[:, None]),
        "squared_change": distance,
    }


def of_logits(
    clean: np.ndarray, labels: np.ndarray, weights: np.ndarray, parts: Iterable[tuple[float, Spread]]
) -> dict[str, float]:
    """Figures of classes: losses and KL in nats."""
    itself = pairwise(clean, clean, labels)
    n = np.arange(len(labels))
    model_loss = float(weights @ itself["loss"][n, n])
    independent = {name: float(weights @ table @ weights) for name, table in itself.items()}
    means = dict.fromkeys(itself, 0.0)
    by_input = np.zeros(len(labels))
    for share, spread in parts:
        tables = pairwise(clean, spread.values, labels)
        for name, table in tables.items():
            means[name] += share * float(weights @ (spread.chance * table).sum(1))
        by_input += share * (spread.chance * tables["loss"]).sum(1)
    worst = max(
        float(weights[labels == c] @ by_input[labels == c] / weights[labels == c].sum())
        for c in np.unique(labels)
    )
    return {
        "model_loss": model_loss,
        "baseline_loss": independent["loss"],
        "scrubbed_loss": means["loss"],
        "loss_recovered": _share(means["loss"] - independent["loss"], model_loss - independent["loss"]),
        "kl": means["kl"],
        "faithfulness": 1 - _share(means["kl"], independent["kl"]),
        "agreement": means["agreement"],
        "accuracy": means["accuracy"],
        "abs_loss_change": means["abs_loss_change"],
        "worst_label_loss": worst,
        "fidelity": 1 - _share(means["squared_change"], independent["squared_change"]),
    }


def of_numbers(
    clean: np.ndarray,
    label: np.ndarray,
    loss: Loss,
    weights: np.ndarray,
    parts: Iterable[tuple[float, Spread]],
) -> dict[str, float]:
    """Figures of a graph of functions, whose output is one number."""
    own = np.asarray(loss(clean, label), dtype=float)
    model_loss = float(weights @ own)
    pairs = np.asarray(loss(clean[None, :], label[:, None]), dtype=float)
    baseline = float(weights @ pairs @ weights)
    permuted = float(weights @ (clean[None, :] - clean[:, None]) ** 2 @ weights)
    scrubbed = changed = moved = 0.0
    for share, spread in parts:
        values = spread.values[:, 0]
        found = np.asarray(loss(values[None, :], label[:, None]), dtype=float)
        scrubbed += share * float(weights @ (spread.chance * found).sum(1))
        changed += share * float(weights @ (spread.chance * np.abs(found - own[:, None])).sum(1))
        square = (values[None, :] - clean[:, None]) ** 2
        moved += share * float(weights @ (spread.chance * square).sum(1))
    return {
        "model_loss": model_loss,
        "baseline_loss": baseline,
        "scrubbed_loss": scrubbed,
        "loss_recovered": _share(scrubbed - baseline, model_loss - baseline),
        "abs_loss_change": changed,
        "fidelity": 1 - _share(moved, permuted),
    }


def _share(part: float, whole: float) -> float:
    """Return a quotient, or NaN where the whole is nothing but rounding."""
    return part / whole if abs(whole) > 1e-12 else float("nan")
