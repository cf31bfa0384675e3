"""From a program to the weights of a transformer, with every variable's place known."""

from scrubkit.families.programs.compile.compile import Compiled, compile_program
from scrubkit.families.programs.compile.options import Options
from scrubkit.families.programs.compile.truth import Coded, Truth

__all__ = ["Coded", "Compiled", "Options", "Truth", "compile_program"]
