"""The word loss against plain loops and its optimum, and the vectors that stand in for words."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mgutils.errors import ConfigError
from mgutils.losses.semantic import class_vectors, semantic_loss

WORDS = np.random.default_rng(7).normal(0.1, 0.3, (32, 300)).astype(np.float32)


def test_equal_to_plain_loops():
    generator = torch.Generator().manual_seed(0)
    embedded, vectors = (torch.randn(size, 4, generator=generator, dtype=torch.float64) for size in (5, 3))
    target = torch.tensor([0, 2, 1, 1, 0])
    total = 0.0
    for row, own in enumerate(target.tolist()):
        for axis in range(4):
            total += (embedded[row, axis].item() - vectors[own, axis].item()) ** 2
    assert semantic_loss(embedded, target, vectors).item() == pytest.approx(total / 20, rel=1e-12)


def test_equal_to_torch_and_differentiable():
    embedded = torch.randn(6, 300, requires_grad=True)
    target, vectors = torch.arange(6), torch.from_numpy(WORDS)
    loss = semantic_loss(embedded, target, vectors)
    torch.testing.assert_close(loss, torch.nn.functional.mse_loss(embedded, vectors[:6]))
    loss.backward()
    torch.testing.assert_close(embedded.grad, 2 * (embedded.detach() - vectors[:6]) / (6 * 300))


def test_the_optimum_is_the_mean_vector_of_the_classes():
    """One clip that is class 0 three times in four, class 2 once: the gradient vanishes at the mean."""
    vectors = torch.from_numpy(WORDS[:3]).double()
    target = torch.tensor([0, 0, 0, 2])
    best = (0.75 * vectors[0] + 0.25 * vectors[2]).requires_grad_()
    semantic_loss(best.expand(4, -1), target, vectors).backward()
    assert best.grad.abs().max() < 1e-15


def test_at_the_start_it_is_the_mean_square_of_the_words():
    target = torch.arange(32)
    loss = semantic_loss(torch.zeros(32, 300), target, torch.from_numpy(WORDS))
    assert loss.item() == pytest.approx(np.square(WORDS).mean(), rel=1e-5)


@pytest.mark.parametrize("kind", ["words", "permuted", "random", "one_hot"])
def test_all_vectors_have_the_words_mean_square(kind):
    vectors = class_vectors(kind, WORDS, seed=1)
    assert vectors.shape == ((32, 32) if kind == "one_hot" else WORDS.shape)
    assert vectors.dtype == WORDS.dtype
    assert np.square(vectors).mean() == pytest.approx(np.square(WORDS).mean(), rel=1e-5)


def test_words_are_a_copy_as_they_are():
    vectors = class_vectors("words", WORDS)
    np.testing.assert_array_equal(vectors, WORDS)
    assert vectors is not WORDS


@given(classes=st.integers(2, 40), seed=st.integers(0, 1000))
def test_no_class_keeps_its_words(classes, seed):
    words = np.arange(classes, dtype=float)[:, None]
    dealt = class_vectors("permuted", words, seed)[:, 0]
    assert sorted(dealt) == list(range(classes))
    assert not np.any(dealt == words[:, 0])
    np.testing.assert_array_equal(dealt, class_vectors("permuted", words, seed)[:, 0])


def test_every_dealing_is_as_likely():
    words = np.arange(4.0)[:, None]
    dealt = [tuple(class_vectors("permuted", words, seed)[:, 0]) for seed in range(900)]
    counts = {one: dealt.count(one) for one in set(dealt)}
    assert len(counts) == 9  # derangements of four
    assert 60 < min(counts.values()) <= max(counts.values()) < 145


def test_one_hot_vectors_are_axes():
    vectors = class_vectors("one_hot", WORDS)
    assert np.count_nonzero(vectors) == 32
    assert np.unique(vectors.diagonal()).size == 1


def test_random_vectors_depend_on_the_seed():
    first, again, other = (class_vectors("random", WORDS, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05
    assert np.abs(np.corrcoef(first.ravel(), WORDS.ravel())[0, 1]) < 0.05


def test_what_cannot_be_is_an_error():
    with pytest.raises(ConfigError, match="found 'glove'; wanted one of words, permuted"):
        class_vectors("glove", WORDS)
    with pytest.raises(ConfigError, match="found 1 class"):
        class_vectors("permuted", WORDS[:1])
