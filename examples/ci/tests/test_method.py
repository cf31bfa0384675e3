"""The method under test: does it behave, and is it right?"""

from fidelity_method import ByFidelity

import scrubkit.testing

RARE = "neurons that decide three inputs of 169 move the logits less, on average, than the threshold allows"
EMPTY = "a hypothesis that resamples nothing leaves the logits exactly as they are"


@scrubkit.testing.parametrize_with_checks(ByFidelity())
def test_the_method_behaves(method, check):
    check(method)


@scrubkit.testing.parametrize_with_cases(
    suite="fast",
    expected_failures={
        "deciding-p13-6-rare-*": RARE,
        "*-vacuous-*": EMPTY,
    },
)
def test_the_method_is_right(case):
    case.check(ByFidelity())
