"""Labels from the source agree with a judge that sees nothing but weights, at a small size.

``python -m tests.benchmarks.bench_labels`` does the same at length.
"""

from collections import Counter

import numpy as np

from scrubkit.families.programs.claims import to_hypothesis
from scrubkit.families.programs.model import to_model
from scrubkit.families.programs.suites.base import draw_base
from scrubkit.families.programs.suites.models import compile_all
from scrubkit.families.programs.suites.relatives import own
from tests.benchmarks.bench_labels import compare
from tests.programs.weights_judge import WeightsJudge


def test_both_judges_agree(capsys):
    count = Counter()
    compare(3, "superposed", 3, count)
    assert count["claims"] == 24 and count["disagreements"] == 0, capsys.readouterr().out
    assert count["true"] >= 1


def test_the_judge_of_weights_notices_other_weights():
    _, models = compile_all(draw_base(3, "plain", small=True), small=True)
    claims = list(own(models[0].program))
    found = []
    for made in models[:2]:
        judge = WeightsJudge(to_model(made))
        for claim in claims:
            failures, idle = judge.judge(to_hypothesis(claim, made))
            found.append(bool(failures.any() or idle))
    first = np.array(found).reshape(2, -1)
    assert not first[0].any() and first[1:].any()
