"""The authors' packages, or the reason why a test is skipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import transformer_lens

HOW = "docs/methods.md, section Authors' code, says how to install it"
REMOVED = ("HookedTransformer", "HookedTransformerConfig", "HookedTransformerKeyValueCache")


@pytest.fixture(scope="session")
def auto_circuit() -> Iterator[None]:
    """auto_circuit, importable beside TransformerLens 4.

    It names classes that TransformerLens 4 has removed, to annotate with and to tell its own models by;
    none of them is called on a plain module, so that empty classes do.
    """
    pytest.importorskip("auto_circuit", reason=f"auto_circuit is not installed: {HOW}")
    with pytest.MonkeyPatch.context() as patch:
        for name in REMOVED:
            patch.setitem(vars(transformer_lens), name, type(name, (), {}))
        for module, name in (("HookedTransformer", REMOVED[0]), ("past_key_value_caching", REMOVED[2])):
            stand_in = ModuleType(f"transformer_lens.{module}")
            setattr(stand_in, name, vars(transformer_lens)[name])
            patch.setitem(sys.modules, stand_in.__name__, stand_in)
        import auto_circuit.prune_algos.ACDC
        import auto_circuit.prune_algos.mask_gradient  # noqa: F401

        yield


@pytest.fixture(scope="session")
def pyvene() -> ModuleType:
    """pyvene, which draws figures as it is imported, so that matplotlib has to be there."""
    return pytest.importorskip("pyvene", reason=f"pyvene is not installed: {HOW}")
