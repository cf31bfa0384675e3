"""CUDA scores equal CPU scores on the same draws."""

import networkx as nx
import pytest
import torch

from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.passes import run_passes
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.sampling import Draws
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.scrubbing.target import of_model
from tests.scrubbing.test_scoring import clusters

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none"),
]


def hypotheses() -> list[nx.DiGraph]:
    whole = nx.DiGraph()
    whole.add_node("root", site="logits")
    whole.add_node("key", site="hook_embed[pos=0, frequencies=key]", feature="a")
    whole.add_node("heads", site="blocks.0.hook_attn_out[pos=-1]", feature="(a + b) % p")
    whole.add_edges_from([("key", "heads"), ("heads", "root")])
    return [clusters("(a + b) % p"), clusters("(a - b) % p"), whole]


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("variant", ["pizza", "clock-torus"])
def test_cuda_scores_equal_cpu_scores(variant: str, index: int) -> None:
    model = compile_model(variant=variant, p=23, frequencies=(3, 7), seed=0)
    graph = hypotheses()[index]
    on_cpu = Scorer(model, device="cpu").score(graph, draws=16)
    on_gpu = Scorer(model, device="cuda").score(graph, draws=16)
    assert on_gpu.verdict == on_cpu.verdict
    assert on_gpu.fidelity is not None
    assert on_cpu.fidelity is not None
    assert on_gpu.fidelity.value == pytest.approx(on_cpu.fidelity.value, abs=1e-4)
    assert on_gpu.scrubbed_loss.value == pytest.approx(on_cpu.scrubbed_loss.value, rel=1e-3, abs=1e-6)


def test_draws_are_the_same_bits_on_both_devices() -> None:
    cpu = Draws(5, 100, range(37, 950), torch.device("cpu")).numbers(3)
    cuda = Draws(5, 100, range(37, 950), torch.device("cuda")).numbers(3)
    assert torch.equal(cpu, cuda.cpu())


def test_running_out_of_memory_halves_the_chunk_and_goes_on() -> None:
    model = compile_model(variant="pizza", p=23, frequencies=(3, 7), seed=0)
    target = of_model(model, torch.device("cuda"))
    outputs = target.outputs(bind(from_graph(clusters("a")), target.subject))
    sizes = []

    def tight(draws: Draws) -> torch.Tensor:
        sizes.append(len(draws.items))
        if len(draws.items) > 400:
            raise torch.OutOfMemoryError("pretended")
        return outputs(draws)

    device = torch.device("cuda")
    found = run_passes(tight, target.measure, seed=0, passes=range(4), device=device, chunk=1600)
    free = run_passes(outputs, target.measure, seed=0, passes=range(4), device=device)
    assert sizes[:3] == [1600, 800, 400]
    torch.testing.assert_close(found.means["loss"], free.means["loss"])
