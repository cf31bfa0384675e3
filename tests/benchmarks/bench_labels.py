"""Do labels from the source graph agree with a judge that sees nothing but weights?

``python -m tests.benchmarks.bench_labels --models 304 --claims 10032``. Claims are those of the suites, true
of some variant of a base or made from such a one; models are all variants of bases in every style. Both
judges are asked for the share of draws that change the answer, row by row, and for the edges that no context
needs.
"""

import argparse
import time
from collections import Counter

import numpy as np

from scrubkit.families.programs.claims import to_hypothesis
from scrubkit.families.programs.judge import Judge
from scrubkit.families.programs.model import to_model
from scrubkit.families.programs.near_misses import near_misses
from scrubkit.families.programs.suites.base import STYLES, draw_base
from scrubkit.families.programs.suites.models import compile_all
from scrubkit.families.programs.suites.twins import pool
from tests.programs.weights_judge import TooLarge, WeightsJudge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--claims", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="begin at this base, to go on after a stop")
    asked = parser.parse_args()
    began, count = time.process_time(), Counter()
    each = -(-asked.claims // asked.models)
    for number in range(asked.first, -(-asked.models // 8)):
        compare(asked.seed * 10**6 + number, STYLES[number % len(STYLES)], each, count)
        seconds = time.process_time() - began
        print(number, dict(count), f"{seconds:.0f} s", flush=True)


def compare(seed: int, style: str, each: int, count: Counter) -> None:
    """Ask both judges the same about every variant of a base."""
    _, models = compile_all(draw_base(seed, style), small=False)
    programs = [model.program for model in models]
    rng = np.random.default_rng(seed)
    claims = [claim for _, _, _, claim in pool(programs, rng)]
    for made in models:
        weights = WeightsJudge(to_model(made))
        count["models"] += 1
        for i in rng.choice(len(claims), size=each, replace=False):
            claim = claims[i]
            if rng.random() < 0.2:
                misses = [miss for _, miss in near_misses(made.program, claim)]
                claim = misses[rng.integers(len(misses))]
            source = Judge(made.program, claim)
            failures = source.failures(exact_other=False)
            idle = [] if failures.any() else source.idle()
            try:
                found, found_idle = weights.judge(to_hypothesis(claim, made))
            except TooLarge:
                count["too large"] += 1
                continue
            count["claims"] += 1
            count["true"] += not failures.any() and not idle
            if np.abs(found - failures).max() > 1e-6 or sorted(found_idle) != sorted(idle):
                count["disagreements"] += 1
                print("disagree", seed, style, claim.name, dict(claim.nodes(data=True)), list(claim.edges))
                print(np.abs(found - failures).max(), found_idle, idle, flush=True)


if __name__ == "__main__":
    main()
