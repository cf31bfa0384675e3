"""Compiled models: weights written down by formula, so that the algorithm is known."""

from scrubkit.models.compile.build import compile_model
from scrubkit.models.compile.check import Check, check
from scrubkit.models.compile.distractors import Distractors
from scrubkit.models.compile.request import VARIANTS, CompileRequest

__all__ = ["VARIANTS", "Check", "CompileRequest", "Distractors", "check", "compile_model"]
