"""Labels: whether a hypothesis is true of a model's weights, decided without scrubbing it."""

from scrubkit.bench.label.criteria import decide as decide
from scrubkit.bench.label.judge import Judge as Judge
from scrubkit.bench.label.judge import label as label
