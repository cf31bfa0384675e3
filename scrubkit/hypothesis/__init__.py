"""Hypotheses: which sites of a model matter, what they depend on, and for what."""

from scrubkit.hypothesis.checks import from_graph as from_graph
from scrubkit.hypothesis.claim import Hypothesis as Hypothesis
from scrubkit.hypothesis.claim import Node as Node
from scrubkit.hypothesis.files import find_hypotheses as find_hypotheses
from scrubkit.hypothesis.files import load_hypothesis as load_hypothesis
from scrubkit.hypothesis.json_file import HypothesisFile as HypothesisFile
from scrubkit.hypothesis.json_file import from_json as from_json
from scrubkit.hypothesis.json_file import to_json as to_json
