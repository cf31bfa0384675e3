"""Labels: whether a hypothesis is true of the weights, decided by joint interventions read at the output."""

from scrubkit.bench.label.criteria import decide as decide
from scrubkit.bench.label.judge import Judge as Judge
from scrubkit.bench.label.judge import Replayed as Replayed
from scrubkit.bench.label.judge import label as label
from scrubkit.bench.label.judge import replay as replay
