"""The forward pass of any depth, held to TransformerLens's own, hook by hook."""

from itertools import product

import pytest
import torch

from scrubkit.core.task import Task
from scrubkit.errors import ModelError
from scrubkit.models import forward as passes
from scrubkit.models.bridge import build_bridge, read_bridge, to_bridge_state
from scrubkit.models.config import ModelConfig
from scrubkit.models.forward import forward, logits, logits_by_tile
from scrubkit.models.model import Model
from scrubkit.models.weights import Weights, random_weights, run

SIZES = {"d_vocab": 7, "d_vocab_out": 5, "n_ctx": 4, "d_model": 6, "n_heads": 2, "d_head": 4, "d_mlp": 9}
HOOKS = ("hook_resid_pre", "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_pattern", "attn.hook_z")
HOOKS += (
    "hook_attn_out",
    "hook_resid_mid",
    "mlp.hook_pre",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
)
NORMS = ("ln1.hook_scale", "ln1.hook_normalized", "ln2.hook_scale", "ln2.hook_normalized")
SHAPES = [
    {"n_layers": layers, "normalization": norm, "act_fn": act, "attention": attention}
    for (layers, norm), (act, attention) in product(
        [(1, None), (2, "LN"), (3, "RMS"), (2, None), (1, "LN")],
        [("relu", "causal"), ("gelu", "bidirectional"), ("gelu_new", "causal"), ("silu", "causal")],
    )
] + [{"n_layers": 2, "normalization": "LN", "d_mlp": 0}, {"n_layers": 1, "d_mlp": 0}]


def made(**options) -> tuple[ModelConfig, Weights]:
    """Random weights in which no bias is zero and no scale one."""
    config = ModelConfig(**(SIZES | options))
    rng = torch.Generator().manual_seed(0)
    weights = random_weights(config, rng)
    return config, Weights(
        {k: v + torch.randn(v.shape, generator=rng) / 3 for k, v in weights.named().items()}
    )


def rows(n: int = 20) -> torch.Tensor:
    return torch.randint(7, (n, 4), generator=torch.Generator().manual_seed(1))


def hooks_of(config: ModelConfig) -> list[str]:
    inner = [h for h in HOOKS if config.d_mlp or "mlp" not in h and "mid" not in h]
    inner += [h for h in NORMS if config.normalization and (config.d_mlp or "ln2" not in h)]
    named = [f"blocks.{layer}.{h}" for layer in range(config.n_layers) for h in inner]
    last = ["ln_final.hook_scale", "ln_final.hook_normalized"] if config.normalization else []
    return ["hook_embed", "hook_pos_embed", *named, *last]


@pytest.mark.parametrize("options", SHAPES, ids=lambda o: "-".join(map(str, o.values())))
def test_every_activation_is_the_bridges(options):
    config, weights = made(**options)
    bridge, tokens = build_bridge(weights, config), rows()
    expected, cache = bridge.run_with_cache(tokens)
    found = forward(weights, config, tokens, keep=hooks_of(config))
    assert torch.allclose(found["logits"], expected, atol=2e-5)
    for hook in hooks_of(config):
        assert found[hook].shape == cache[hook].shape, hook
        assert torch.allclose(found[hook], cache[hook], atol=2e-5), hook


@pytest.mark.parametrize("options", SHAPES, ids=lambda o: "-".join(map(str, o.values())))
def test_in_double_precision_it_is_exact_where_the_bridge_is(options):
    config, weights = made(**options)
    bridge = build_bridge(weights, config).to(torch.float64)
    # TransformerLens's RMS normalization computes its scale in float32 whatever its input is.
    tolerance = 1e-5 if config.normalization == "RMS" else 1e-12
    found = forward(weights.to(torch.float64), config, rows())["logits"]
    assert found.dtype == torch.float64
    assert torch.allclose(found, bridge(rows()), atol=tolerance)


@pytest.mark.parametrize("options", SHAPES[:8], ids=lambda o: "-".join(map(str, o.values())))
@pytest.mark.parametrize("answer", [(-1,), (0,), (2, 0), (1, 2, 3)])
def test_reading_some_positions_gives_what_reading_all_gives(options, answer):
    config, weights = made(**options)
    w = weights.to(torch.float64)
    everything = forward(w, config, rows())["logits"]
    assert torch.allclose(logits(w, config, rows(), answer), everything[:, list(answer)], atol=1e-12)


def test_shorter_rows_than_the_context_are_read_from_the_start():
    config, weights = made(n_layers=2, normalization="LN")
    short = forward(weights, config, rows()[:, :3])["logits"]
    assert torch.allclose(short, forward(weights, config, rows())["logits"][:, :3], atol=1e-5)


def test_tiles_give_what_one_pass_gives(monkeypatch):
    config, weights = made(n_layers=2, normalization="LN")
    w = weights.to(torch.float64)
    whole = logits(w, config, rows(), (-1,))
    monkeypatch.setattr(passes, "TILE_BYTES", 30_000)
    tiles = list(logits_by_tile(w, config, rows(), (-1,)))
    assert len(tiles) > 2
    assert torch.allclose(torch.cat([found for _, found in tiles]), whole, atol=1e-12)
    assert [r.start for r, _ in tiles[1:]] == [r.stop for r, _ in tiles[:-1]]


def test_a_tile_of_the_largest_modular_models_stays_under_the_bound():
    config = ModelConfig(d_vocab=998, d_vocab_out=997, n_ctx=3)
    size = passes.tile(config, 3, torch.float64)
    widest = size * 3 * 8 * max(config.d_mlp, config.d_vocab_out, config.n_heads * config.d_head)
    assert 100 < size and widest < passes.TILE_BYTES


def test_the_one_layer_pass_is_a_special_case():
    config, weights = made()
    w = weights.to(torch.float64)
    named = {"pattern": "attn.hook_pattern", "z": "attn.hook_z", "post": "mlp.hook_post"}
    found = forward(w, config, rows(), (-1,), keep=[f"blocks.0.{hook}" for hook in named.values()])
    plain = run(w, rows())
    assert torch.allclose(found["logits"][:, 0], plain["logits"], atol=1e-12)
    assert torch.allclose(found["blocks.0.attn.hook_pattern"][:, :, 0], plain["pattern"], atol=1e-12)
    assert torch.allclose(found["blocks.0.attn.hook_z"][:, 0], plain["z"], atol=1e-12)
    assert torch.allclose(found["blocks.0.mlp.hook_post"][:, 0], plain["post"], atol=1e-12)


@pytest.mark.parametrize("options", SHAPES, ids=lambda o: "-".join(map(str, o.values())))
def test_a_bridge_gives_back_the_shape_and_the_weights_it_was_built_from(options):
    config, weights = made(**options)
    bridge = build_bridge(weights, config)
    found, copy = read_bridge(bridge)
    assert found == (config if config.d_mlp else config.model_copy(update={"act_fn": "relu"}))
    assert copy.digest() == weights.digest()
    assert to_bridge_state(weights).keys() == bridge.state_dict().keys()


def test_weights_read_from_a_bridge_share_no_memory_with_it():
    config, weights = made()
    bridge = build_bridge(weights, config)
    _, copy = read_bridge(bridge)
    with torch.no_grad():
        for parameter in bridge.parameters():
            parameter.zero_()
    assert copy.digest() == weights.digest()


def boot(**options):
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge.sources import boot_native

    sizes = {"d_model": 8, "n_heads": 2, "d_head": 4, "n_ctx": 4, "d_vocab": 7, "n_layers": 1, "d_mlp": 9}
    return boot_native(TransformerBridgeConfig(**(sizes | {"seed": 0} | options)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization_type": "LNPre"}, "normalization_type is LNPre; those that can be held are LN, RMS"),
        ({"act_fn": "solu"}, "act_fn is solu; those that can be held are relu"),
        ({"positional_embedding_type": "rotary"}, "positional_embedding_type is rotary"),
        ({"gated_mlp": True}, "gated_mlp is set"),
        ({"n_key_value_heads": 1}, "n_key_value_heads is 1"),
        ({"attn_scale": 3.0}, r"attention scores are divided by 3; only by sqrt\(d_head\)"),
        ({"output_logits_soft_cap": 5.0}, "output_logits_soft_cap is set"),
    ],
)
def test_a_bridge_that_cannot_be_held_is_refused_with_the_reason(options, message):
    with pytest.raises(ModelError, match=message):
        read_bridge(boot(**options))


def test_all_that_cannot_be_held_is_said_at_once():
    with pytest.raises(ModelError) as caught:
        read_bridge(boot(act_fn="solu", normalization_type="RMSPre", attn_scale=3.0))
    assert len(caught.value.faults) == 3


def test_a_bridge_becomes_a_model():
    bridge = boot(n_layers=2, normalization_type="LN", act_fn="gelu")
    task = Task("first", tokens=[[0, 1, 2], [3, 4, 5]], labels=[0, 3], answer=0)
    model = Model.from_bridge(bridge, task, name="mine")
    assert (model.config.n_layers, model.config.act_fn, model.config.normalization) == (2, "gelu", "LN")
    assert torch.allclose(model.logits().float(), bridge(model.tokens)[:, 0], atol=1e-5)


def test_a_task_that_the_bridge_cannot_take_is_refused():
    task = Task("long", tokens=[[0, 1, 2, 3, 9]])
    with pytest.raises(ModelError) as caught:
        Model.from_bridge(boot(), task, name="mine")
    assert len(caught.value.faults) == 3


def test_logits_are_given_at_each_answer():
    config, weights = made(n_layers=2)
    task = Task("two", tokens=rows().numpy(), answer=(1, 3), d_vocab=7, d_vocab_out=5)
    model = Model.from_bridge(build_bridge(weights, config), task, name="mine")
    assert model.logits().shape == (20, 2, 5)
    assert torch.allclose(model.logits().float(), model.bridge(model.tokens)[:, [1, 3]], atol=1e-5)
