"""Labels: whether a hypothesis is true of a model's weights, decided without scrubbing it."""

from scrubkit.benchmark.label.criteria import decide as decide
from scrubkit.benchmark.label.judge import Judge as Judge
from scrubkit.benchmark.label.judge import label as label
