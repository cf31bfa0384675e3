"""Compiled models: weights written down by formula, so that the algorithm is known."""

from scrubkit.families.modular.compile.build import compile_model
from scrubkit.families.modular.compile.check import Check, check
from scrubkit.families.modular.compile.distractors import Distractors
from scrubkit.families.modular.compile.request import VARIANTS, CompileRequest

__all__ = ["VARIANTS", "Check", "CompileRequest", "Distractors", "check", "compile_model"]
