"""Captions encoded once: equal to the pair losses, value and gradient, in float64; memory of the loss."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgutils import losses
from mgutils.losses import grouped
from mgutils.losses.grouped import CLASS_LOSSES, on_pairs

PAIRS = losses.LOSSES | {"siglip": losses.siglip, "supcon": losses.supcon}
CLASSES = CLASS_LOSSES | {"siglip": on_pairs(losses.siglip), "supcon": on_pairs(losses.supcon)}


def value_and_gradient(loss, image, captions, target, temperature):
    leaves = [part.clone().requires_grad_() for part in (image, captions, temperature)]
    value = loss(leaves[0], leaves[1], target, leaves[2])
    return [value, *torch.autograd.grad(value, leaves)]


def batch(seed, size, classes, spread=1.0, width=5):
    generator = torch.Generator().manual_seed(seed)
    draw = {"generator": generator, "dtype": torch.float64}
    target = torch.cat([torch.arange(classes), torch.randint(classes, (size - classes,), generator=generator)])
    target = target[torch.randperm(size, generator=generator)]
    return spread * torch.randn(size, width, **draw), spread * torch.randn(classes, width, **draw), target


@pytest.mark.parametrize("name", PAIRS)
@given(seed=st.integers(0, 10**6), classes=st.integers(1, 6), more=st.integers(1, 12),
       temperature=st.sampled_from([0.05, 0.07, 1.0, 3.0]))
@settings(max_examples=30)
def test_equal_to_the_loss_of_pairs(name, seed, classes, more, temperature):
    image, captions, target = batch(seed, classes + more, classes, spread=0.4)
    tau = torch.tensor(temperature, dtype=torch.float64)

    def pairs(image, captions, target, tau):
        return PAIRS[name](image, captions[target], target, tau)

    wanted = value_and_gradient(pairs, image, captions, target, tau)
    found = value_and_gradient(CLASSES[name], image, captions, target, tau)
    for here, there in zip(found, wanted, strict=True):
        scale = max(1.0, float(there.abs().max()))
        assert float((here - there).abs().max()) < 1e-12 * scale


def test_cross_entropy_over_grouped_classes_is_another_loss():
    """The law that holds for KL and JS does not hold for a cross entropy, as the module's text says."""
    image, captions, target = batch(0, 12, 3)
    logits = losses.similarity_logits(image, captions, 1.0)
    grouped = torch.nn.functional.cross_entropy(logits + target.bincount().log(), target)
    right = logits.gather(1, target[:, None])[:, 0]
    copies = ((logits + target.bincount().log()).logsumexp(dim=1) - right).mean()
    assert float(copies - grouped) == pytest.approx(float(target.bincount()[target].double().log().mean()))


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"captions \(3, 4\)"):
        grouped.js(torch.zeros(5, 2), torch.zeros(3, 4), torch.zeros(5, dtype=torch.long), 1.0)
