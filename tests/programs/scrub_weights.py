"""Scrubbing compiled weights draw by draw: labels are held to this, which shares the forward pass alone."""

import numpy as np

from scrubkit.core.feature import class_ids, parse
from tests.programs.forward import forward


def share_changed(model, claim, draws: int, seed: int) -> float:
    """The share of draws, over all rows, on which a scrub of a claim changes the answer."""
    program, rng = model.program, np.random.default_rng(seed)
    columns = {name: program.values[name] for name in program.inputs}
    places = {n: model.truth.where(v)[0] for n, v in claim.nodes(data="variable") if v}
    clean = forward(model.weights, model.config, program.tokens)
    ((answer, _),) = program.outputs.items()
    classes = {n: class_ids(parse(claim.nodes[n].get("feature", "0")).values(columns, {})) for n in places}

    def same(node, rows):
        ids = classes[node]
        return np.array([rng.choice(np.flatnonzero(ids == ids[row])) for row in rows])

    def value(node, stream):
        place = places[node]
        return stream[place.time][:, place.pos] @ model.truth.spaces[place.space]

    def visit(node, rows):
        parents = [m for m in claim.predecessors(node) if not claim.nodes[m].get("unimportant")]
        if claim.in_degree(node) == 0:
            return clean.stream if node in places else None, rows
        others = rng.integers(0, len(program.rows), len(rows))
        edits = {}
        for m in parents:
            stream, at = visit(m, same(m, rows))
            edits[m] = value(m, [x[at] for x in stream] if stream is clean.stream else stream)
        taken = {claim.nodes[m]["variable"] for m in parents}
        for held in places:
            if held not in (node, *parents) and claim.nodes[held]["variable"] not in taken:
                edits[held] = value(held, [x[others] for x in clean.stream])

        def edit(time, x):
            for m, coded in edits.items():
                place = places[m]
                if place.time == time:
                    basis = model.truth.spaces[place.space]
                    x = x.copy()
                    x[:, place.pos] += (coded - x[:, place.pos] @ basis) @ basis.T
            return x

        run = forward(model.weights, model.config, program.tokens[others], edit)
        return (run if node not in places else run.stream), np.arange(len(rows))

    root = next(n for n in claim if claim.out_degree(n) == 0)
    rows = np.tile(np.arange(len(program.rows)), draws)
    run, _ = visit(root, rows)
    return float((run.logits[:, answer].argmax(axis=-1) != program.labels[rows]).mean())
