"""The method under test: does it behave, and is it right?"""

from fidelity_method import ByFidelity

import scrubkit.testing

IDLE = "what does nothing can be resampled at no loss, so a claim that it matters goes unnoticed"
LEARNED = "a trained model is never exactly its algorithm, and the threshold is tuned to exact ones"
EMPTY = "a hypothesis that resamples nothing leaves the logits exactly as they are"


@scrubkit.testing.parametrize_with_checks(ByFidelity())
def test_the_method_behaves(method, check):
    check(method)


@scrubkit.testing.parametrize_with_cases(
    suite="fast",
    expected_failures={
        "*-decoy_head-*": IDLE,
        "*-decoy_neurons-*": IDLE,
        "*-extra_frequency-*": IDLE,
        "*-skip_matters-*": IDLE,
        "*-everything_in_one-*": EMPTY,
        "trained-p59-none-[46]": LEARNED,
        "trained-p59-refine-1": LEARNED,
    },
)
def test_the_method_is_right(case):
    case.check(ByFidelity())
