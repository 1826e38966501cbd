"""Fusion: a missing modality is one that was never there; per-sample dropout; the original's zeros beside it."""

from itertools import combinations, permutations

import pytest
import torch

from mgutils.errors import ConfigError
from mgutils.models.fusion import (
    MaskedFusion,
    ZeroedFusion,
    drop_modalities,
    mean_of_probabilities,
    mean_present,
)

MODALITIES = 4
SUBSETS = [subset for size in range(1, MODALITIES + 1) for subset in combinations(range(MODALITIES), size)]
WIDTH, CLASSES = 16, 5


def build(kind=MaskedFusion):
    torch.manual_seed(0)
    head = kind(WIDTH, CLASSES)
    torch.nn.init.normal_(head.qkv.bias)  # zeros would hide what a zero token says
    return head


def make_tokens(batch=6, seed=1):
    return torch.randn(batch, MODALITIES, WIDTH, generator=torch.Generator().manual_seed(seed))


def only(subset, batch=6):
    present = torch.zeros(batch, MODALITIES, dtype=torch.bool)
    present[:, list(subset)] = True
    return present


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("subset", SUBSETS)
def test_a_masked_modality_is_one_left_out(subset, training):
    head, tokens = build().train(training), make_tokens()
    left = tokens[:, list(subset)]
    with torch.set_grad_enabled(training):
        masked = head(tokens, only(subset))
        assert torch.equal(masked, head(left, torch.ones(left.shape[:2], dtype=torch.bool)))
        for junk in (0.0, 1e30, torch.nan):
            spoiled = tokens.masked_fill(~only(subset)[..., None], junk)
            assert torch.equal(head(spoiled, only(subset)), masked)


def test_what_is_missing_differs_from_clip_to_clip():
    head, tokens = build().eval(), make_tokens(len(SUBSETS))
    present = torch.cat([only(subset, 1) for subset in SUBSETS])
    together = head(tokens, present)
    for row, subset in enumerate(SUBSETS):
        alone = head(tokens[row:row + 1, list(subset)], torch.ones(1, len(subset), dtype=torch.bool))
        torch.testing.assert_close(together[row:row + 1], alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("fuse", [build().eval(), lambda tokens, present: mean_of_probabilities(tokens, present)])
def test_the_order_of_modalities_means_nothing(fuse):
    tokens = make_tokens()
    present = drop_modalities(only(range(MODALITIES)), 0.4, torch.Generator().manual_seed(0))
    for order in permutations(range(MODALITIES)):
        torch.testing.assert_close(fuse(tokens[:, order], present[:, order]), fuse(tokens, present), atol=1e-6, rtol=0)


def test_a_missing_token_gets_no_gradient():
    head, tokens = build(), make_tokens().requires_grad_()
    (gradient,) = torch.autograd.grad(head(tokens, only((0, 2))).square().sum(), tokens)
    assert (gradient[:, [1, 3]] == 0).all() and (gradient[:, [0, 2]].abs().sum(dim=2) > 0).all()


def test_a_clip_with_nothing_gets_the_answer_to_zeros():
    head = build()
    logits = head(make_tokens(), only(()))
    assert torch.equal(logits, head.classes(head.out(torch.zeros(6, WIDTH))))
    logits.sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in head.parameters())


def as_torch(head):
    """Torch's attention with the weights of ours."""
    theirs = torch.nn.MultiheadAttention(WIDTH, head.heads, batch_first=True)
    theirs.load_state_dict({"in_proj_weight": head.qkv.weight, "in_proj_bias": head.qkv.bias,
                            "out_proj.weight": head.out.weight, "out_proj.bias": head.out.bias})
    return theirs


@pytest.mark.parametrize("subset", SUBSETS)
def test_masked_fusion_is_torch_s_attention_with_a_padding_mask(subset):
    head, tokens, present = build(), make_tokens(), only(subset)
    mixed, attention = as_torch(head)(tokens, tokens, tokens, key_padding_mask=~present)
    wanted = head.classes(mixed[present].view(6, len(subset), WIDTH).mean(dim=1))
    torch.testing.assert_close(head(tokens, present), wanted, atol=1e-6, rtol=0)
    torch.testing.assert_close(head.attend(tokens, present)[1][present], attention[present], atol=1e-6, rtol=0)


def test_a_zero_token_is_not_a_missing_one():
    torch.manual_seed(0)
    zeroed = ZeroedFusion(WIDTH, CLASSES).eval()
    masked = build().eval()
    tokens, present = make_tokens(), only((2,))
    _, attention = zeroed.attend(tokens, present)
    assert attention[:, :, [0, 1, 3]].sum(dim=2).mean().item() == pytest.approx(0.75, abs=0.05)
    _, attention = masked.attend(tokens, present)
    assert torch.equal(attention[:, 2], present.float())
    alone = zeroed(tokens[:, [2]], torch.ones(6, 1, dtype=torch.bool))
    assert (zeroed(tokens, present) - alone).abs().max() > 0.05


def test_zeroed_fusion_is_the_original_s_head():
    """Stack, zero, attend, mean over M, classify: written again from the facts."""
    head, tokens, present = build(ZeroedFusion).eval(), make_tokens(), only((0, 3))
    stacked = torch.stack([tokens[:, m] if m in (0, 3) else torch.zeros_like(tokens[:, m]) for m in range(4)], dim=1)
    mixed, _ = as_torch(head)(stacked, stacked, stacked)
    torch.testing.assert_close(head(tokens, present), head.classes(mixed.sum(dim=1) / 4), atol=1e-6, rtol=0)


# -- dropout -----------------------------------------------------------------------------------------------------------


def test_dropout_is_drawn_for_each_clip_and_leaves_one():
    present = torch.rand(4000, MODALITIES, generator=torch.Generator().manual_seed(3)) < 0.8
    kept = drop_modalities(present, 0.3, torch.Generator().manual_seed(0))
    assert not (kept & ~present).any()
    assert (kept.any(dim=1) == present.any(dim=1)).all()
    several = present.sum(dim=1) == MODALITIES
    assert (kept[several].float().mean(dim=0) - 0.7).abs().max() < 0.03
    assert len(kept[several].unique(dim=0)) == 2**MODALITIES - 1


def test_dropout_of_everything_keeps_one_at_random():
    kept = drop_modalities(only(range(MODALITIES), 4000), 1.0, torch.Generator().manual_seed(0))
    assert (kept.sum(dim=1) == 1).all()
    assert (kept.float().mean(dim=0) - 0.25).abs().max() < 0.03


def test_no_dropout_keeps_all():
    present = only((0, 2))
    for per in ("sample", "batch"):
        assert torch.equal(drop_modalities(present, 0.0, torch.Generator(), per), present)


def test_the_original_draws_once_for_a_batch():
    generator = torch.Generator().manual_seed(0)
    draws = [drop_modalities(only(range(MODALITIES)), 0.5, generator, "batch") for _ in range(200)]
    assert all((draw == draw[0]).all() for draw in draws)
    assert len(torch.stack([draw[0] for draw in draws]).unique(dim=0)) == 2**MODALITIES  # also nothing at all


# -- means -------------------------------------------------------------------------------------------------------------


def test_mean_of_probabilities_in_loops():
    logits = torch.randn(7, 3, CLASSES, generator=torch.Generator().manual_seed(0))
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1]]).bool()
    found = mean_of_probabilities(logits, present)
    for row in range(7):
        said = [logits[row, m].softmax(dim=0) for m in range(3) if present[row, m]]
        wanted = sum(said) / len(said) if said else torch.full((CLASSES,), 1 / CLASSES)
        torch.testing.assert_close(found[row], wanted, atol=1e-6, rtol=0)


def test_the_mean_of_nothing_is_zero():
    assert (mean_present(torch.full((1, 3, 2), torch.nan), torch.zeros(1, 3, dtype=torch.bool)) == 0).all()


@pytest.mark.parametrize(("make", "message"), [
    (lambda: MaskedFusion(10, 3), "found width 10 with 4 heads"),
    (lambda: ZeroedFusion(10, 3), "found width 10 with 4 heads"),
    (lambda: drop_modalities(only((0,)), 1.5, torch.Generator()), "found 1.5; wanted a probability"),
    (lambda: drop_modalities(only((0,)), 0.5, torch.Generator(), "clip"), "per 'clip'; wanted 'sample' or 'batch'"),
])
def test_faults_are_named(make, message):
    with pytest.raises(ConfigError, match="wanted") as caught:
        make()
    assert message in str(caught.value)
