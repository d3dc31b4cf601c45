"""The body against torch's own attention, the counts of its numbers, and how tokens are pooled."""

import pytest
import torch
from torch import nn

from lib.encoders.fast import Dropout, fused_attention
from lib.encoders.transformer import Attention, Block, Transformer, classifier, n_parameters
from lib.settings import Body


def test_attention_equals_torchs_with_the_same_weights():
    body = Body(width=24, heads=3, head_width=8, dropout=0.0)
    ours, theirs = Attention(body).eval(), nn.MultiheadAttention(24, 3, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.query_key_value.weight)
        theirs.in_proj_bias.copy_(ours.query_key_value.bias)
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.randn(2, 7, 24)
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0], rtol=1e-5, atol=1e-6)


def test_the_kernel_of_a_device_is_the_attention_as_it_is_written():
    torch.manual_seed(0)
    query, key, value = (torch.randn(3, 12, 40, 16, requires_grad=True) for _ in range(3))
    plain = (query * 16**-0.5 @ key.mT).softmax(-1) @ value
    fused = fused_attention(query, key, value, 0.0)
    torch.testing.assert_close(plain, fused, rtol=1e-5, atol=1e-5)
    gradients = [torch.autograd.grad(out.square().sum(), (query, key, value)) for out in (plain, fused)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_a_block_equals_torchs_with_the_same_weights(norm, activation):
    body = Body(width=24, heads=3, head_width=8, mlp=48, dropout=0.0, norm=norm, activation=activation)
    ours = Block(body).eval()
    theirs = nn.TransformerEncoderLayer(24, 3, 48, 0.0, activation, batch_first=True, norm_first=norm == "pre").eval()
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(ours.attention.query_key_value.weight)
        theirs.self_attn.in_proj_bias.copy_(ours.attention.query_key_value.bias)
    theirs.self_attn.out_proj.load_state_dict(ours.attention.out.state_dict())
    for name, part in (
        ("norm1", ours.norm1),
        ("norm2", ours.norm2),
        ("linear1", ours.mlp[0]),
        ("linear2", ours.mlp[3]),
    ):
        getattr(theirs, name).load_state_dict(part.state_dict())
    x = torch.randn(2, 7, 24)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_dropout_drops_in_training_alone():
    attention, x = Attention(Body()), torch.randn(1, 10, 64)
    assert not torch.equal(attention.train()(x), attention(x))
    assert torch.equal(attention.eval()(x), attention(x))


def test_dropout_has_its_rate_keeps_the_mean_and_draws_no_pattern():
    torch.manual_seed(0)
    x = torch.ones(1000, 1001)
    y = Dropout(0.3).train()(x)
    assert (y == 0).float().mean() == pytest.approx(77 / 256, abs=0.002)
    assert y.mean() == pytest.approx(1, abs=0.002)
    assert y.unique().tolist() == pytest.approx([0, 256 / (256 - 77)])
    dropped = (y == 0).float().flatten() - 77 / 256
    for lag in (1, 2, 4, 8, 16, 1001):  # neighbours come out of one drawn number
        assert abs((dropped[lag:] * dropped[:-lag]).mean()) < 0.001
    assert torch.equal(Dropout(0.3).eval()(x), x)
    assert torch.equal(Dropout(0.0).train()(x), x)


@pytest.mark.parametrize(
    ("pool_after", "odd", "tokens", "left"),
    [
        ((2, 4), "floor", 40, 10),
        ((2, 4, 6), "floor", 40, 5),
        ((2, 4), "floor", 10, 2),
        ((2, 4), "ceil", 10, 3),
        ((2, 4), "floor", 1, 1),
    ],
)
def test_tokens_are_halved_where_the_settings_say(pool_after, odd, tokens, left):
    model = Transformer(Body(pool_after=pool_after, odd=odd))
    seen = []
    model.norm.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[1]))
    assert model(torch.randn(2, tokens, 64)).shape == (2, 64)
    assert seen == [left]


def test_pooling_keeps_the_maximum_of_each_pair():
    body = Body(layers=1, pool_after=(1,), norm="post")
    model = Transformer(body).eval()
    model.blocks[0] = nn.Identity()
    x = torch.randn(3, 6, 64)
    torch.testing.assert_close(model(x), x.view(3, 3, 2, 64).amax(2).mean(1))


@pytest.mark.parametrize(("head_width", "millions"), [(5, 3.45), (8, 3.68), (16, 4.27), (64, 7.85)])
def test_four_bodies_with_classifiers_have_the_counted_numbers(head_width, millions):
    body = n_parameters(Transformer(Body(head_width=head_width))) + n_parameters(classifier("paper", 64, 200, 2048))
    fronts = (80 + 1) * 64 + (12 + 1) * 64 + (1024 + 1) * 64 + (128 + 1) * 64 + 128 * 201
    assert (4 * body + fronts) / 1e6 == pytest.approx(millions, abs=0.006)


def test_classifiers():
    assert n_parameters(classifier("paper", 256, 200, 2048)) == 257 * 2048 + 2049 * 200
    assert n_parameters(classifier("linear", 256, 200, 2048)) == 257 * 200
