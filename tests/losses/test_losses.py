"""Every loss against a slow twin in plain loops and against a closed form; the laws that notebook 04 teaches."""

from __future__ import annotations

import math
from math import exp, isclose, log

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mgutils.losses import (
    LOSSES,
    both_directions,
    cross_entropy,
    identity_ce,
    js,
    js_divergence,
    kl_divergence,
    label_distribution,
    label_matrix,
    multi_positive_ce,
    original_ce,
    original_kl,
    report_equation_1,
    siglip,
    similarity_logits,
    supcon,
)

ALL = {**LOSSES, "siglip": siglip, "supcon": supcon}
KNOWS_CLASSES = [original_kl, multi_positive_ce, js, siglip, supcon]


def make_batch(seed: int = 0, size: int = 7, width: int = 5, classes: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    image, text = torch.randn(2, size, width, generator=generator, dtype=torch.float64)
    return image, text, torch.randint(classes, (size,), generator=generator)


def rough(low: int = 2, high: int = 12) -> st.SearchStrategy[Tensor]:
    """Rows of numbers that may be far apart, to be made distributions by softmax."""
    return st.integers(low, high).flatmap(lambda n: st.lists(
        st.lists(st.floats(-30, 30), min_size=n, max_size=n), min_size=3, max_size=3)).map(
            lambda rows: torch.tensor(rows, dtype=torch.float64))


# -- slow twins: lists, loops, math ------------------------------------------------------------------------------------


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def soft(row: list[float]) -> list[float]:
    top = max(row)
    total = sum(exp(x - top) for x in row)
    return [exp(x - top) / total for x in row]


def slow_ce(q: list[float], p: list[float]) -> float:
    return -sum(a * log(b) for a, b in zip(q, p, strict=True) if a > 0)


def slow_kl(q: list[float], p: list[float]) -> float:
    return sum(a * log(a / b) for a, b in zip(q, p, strict=True) if a > 0)


def slow_js(q: list[float], p: list[float]) -> float:
    m = [(a + b) / 2 for a, b in zip(q, p, strict=True)]
    return 0.5 * slow_kl(q, m) + 0.5 * slow_kl(p, m)


def slow_pairs(compare, targets, image, text, tau):
    """Mean over both directions; ``targets`` gives the row of each sample."""
    total = 0.0
    for i in range(len(image)):
        to_text = soft([dot(image[i], t) / tau for t in text])
        to_image = soft([dot(text[i], x) / tau for x in image])
        total += 0.5 * (compare(targets[i], to_text) + compare(targets[i], to_image))
    return total / len(image)


def class_rows(target: list[int], sharpness: float | None) -> list[list[float]]:
    rows = [[1.0 if a == b else 0.0 for b in target] for a in target]
    if sharpness is None:
        return [[x / sum(row) for x in row] for row in rows]
    return [soft([sharpness * x for x in row]) for row in rows]


def slow_original_ce(image, text, target, tau):
    size, total = len(image), 0.0
    rows = [soft([tau * (dot(image[i], image[j]) + dot(text[i], text[j])) / 2 for j in range(size)])
            for i in range(size)]
    for i in range(size):
        to_image = soft([dot(text[i], x) / tau for x in image])
        to_text = soft([dot(image[i], t) / tau for t in text])
        column = [rows[j][i] for j in range(size)]
        total += (slow_ce(rows[i], to_image) + slow_ce(column, to_text)) / 2
    return total / size


def slow_siglip(image, text, target, tau, bias=-10.0):
    total = 0.0
    for i in range(len(image)):
        for j in range(len(text)):
            sign = 1 if target[i] == target[j] else -1
            total += log(1 + exp(-sign * (dot(image[i], text[j]) / tau + bias)))
    return total / len(image)


def slow_supcon(image, text, target, tau, contrast=lambda a, b, size: a != b):
    """``contrast`` says which of the 2B views an anchor is compared with."""
    views, classes, size, total = image + text, target + target, len(image), 0.0
    for a in range(2 * size):
        others = [b for b in range(2 * size) if contrast(a, b, size)]
        p = soft([dot(views[a], views[b]) / tau for b in others])
        right = [log(p[k]) for k, b in enumerate(others) if classes[b] == classes[a]]
        total -= sum(right) / len(right)
    return total / (2 * size)


TWINS = {
    "original_ce": slow_original_ce,
    "original_kl": lambda x, t, y, tau: slow_pairs(slow_kl, class_rows(y, 10), x, t, tau),
    "identity_ce": lambda x, t, y, tau: slow_pairs(slow_ce, class_rows(list(range(len(y))), None), x, t, tau),
    "multi_positive_ce": lambda x, t, y, tau: slow_pairs(slow_ce, class_rows(y, None), x, t, tau),
    "js": lambda x, t, y, tau: slow_pairs(slow_js, class_rows(y, None), x, t, tau),
    "siglip": slow_siglip,
    "supcon": slow_supcon,
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("tau", [1.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_loss_equals_slow_twin(name, tau, seed):
    image, text, target = make_batch(seed)
    slow = TWINS[name](image.tolist(), text.tolist(), target.tolist(), tau)
    assert isclose(ALL[name](image, text, target, tau).item(), slow, rel_tol=1e-12)


# -- closed forms ------------------------------------------------------------------------------------------------------


def closed_forms(size: int, k: int) -> dict[str, float]:
    """Values at constant embeddings of squared norm 1 and tau 1: every prediction is uniform; k samples a class."""
    m_in, m_out = (1 / k + 1 / size) / 2, 1 / (2 * size)
    js_value = 0.5 * log(1 / k / m_in) + 0.5 * (k * log(1 / size / m_in) + (size - k) * log(1 / size / m_out)) / size
    total = size - k + k * exp(10)
    entropy = log(total) - 10 * k * exp(10) / total
    return {"original_ce": log(size), "identity_ce": log(size), "multi_positive_ce": log(size), "js": js_value,
            "original_kl": log(size) - entropy, "supcon": log(2 * size - 1),
            "siglip": k * log(1 + exp(9)) + (size - k) * log(1 + exp(-9))}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("size", "k"), [(8, 1), (8, 2), (6, 6)])
def test_constant_embeddings(name, size, k):
    constant = F.normalize(torch.ones(size, 4, dtype=torch.float64), dim=1)
    target = torch.arange(size) // k
    assert isclose(ALL[name](constant, constant, target, 1.0).item(), closed_forms(size, k)[name], rel_tol=1e-9,
                   abs_tol=1e-12)


@pytest.mark.parametrize("loss", [identity_ce, multi_positive_ce, js])
def test_perfect_embeddings_cost_nothing(loss):
    image = torch.eye(6, dtype=torch.float64)
    assert loss(image, image, torch.arange(6), 0.01).item() < 1e-12


def test_collapse_is_a_stationary_point_of_the_soft_target_loss():
    image, text = (torch.ones(8, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    original_ce(image, text, torch.arange(8), 0.05).backward()
    assert max(image.grad.abs().max(), text.grad.abs().max()) < 1e-12


# -- shapes, types, gradients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scalar_of_the_same_type(name, dtype):
    image, text, target = make_batch()
    value = ALL[name](image.to(dtype), text.to(dtype), target, torch.tensor(0.5, dtype=dtype))
    assert value.shape == () and value.dtype == dtype


@pytest.mark.parametrize("name", ALL)
def test_gradients(name):
    image, text, target = make_batch(size=5, width=3)
    tau = torch.tensor(0.7, dtype=torch.float64)
    inputs = tuple(x.requires_grad_() for x in (image, text, tau))
    assert torch.autograd.gradcheck(lambda x, t, s: ALL[name](x, t, target, s), inputs)


@pytest.mark.parametrize("compare", [cross_entropy, kl_divergence, js_divergence])
def test_gradient_through_an_underflowed_target_is_a_number(compare):
    scores = torch.tensor([[300.0, 0.0, -300.0]], requires_grad=True)
    log_p = torch.tensor([[-500.0, -600.0, 0.0]], requires_grad=True)
    compare(scores.softmax(dim=1), log_p).sum().backward()
    assert scores.grad.isfinite().all() and log_p.grad.isfinite().all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shapes", [((4, 3), (5, 3), (4,)), ((4, 3), (4, 2), (4,)), ((4, 3), (4, 3), (4, 1)),
                                    ((2, 4, 3), (2, 4, 3), (2, 4))])
def test_shapes_that_do_not_fit(name, shapes):
    image, text, target = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match="wanted"):
        ALL[name](image, text, target.long(), 1.0)


def test_parts_take_leading_dimensions():
    batches = [make_batch(seed) for seed in range(3)]
    image, text, target = (torch.stack(parts) for parts in zip(*batches, strict=True))
    q = label_distribution(target, torch.float64)
    together = both_directions(js_divergence, q, similarity_logits(image, text, 0.5))
    torch.testing.assert_close(together, torch.stack([js(*batch, 0.5) for batch in batches]))


def test_label_matrix():
    matrix = label_matrix(torch.tensor([0, 1, 0]))
    assert matrix.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    assert label_distribution(torch.tensor([0, 1, 0, 0]), torch.float64)[0, 0].item() == 1 / 3  # to the last bit


# -- divergences: laws -------------------------------------------------------------------------------------------------


@given(rough())
def test_js_is_symmetric_bounded_and_its_root_a_metric(rows):
    log_p = rows.log_softmax(dim=1)
    p = log_p.exp()
    (pq, pr, rq), (qp,) = (js_divergence(p[a], log_p[b]).clamp(min=0).tolist()
                           for a, b in (([0, 0, 2], [1, 2, 1]), ([1], [0])))
    assert isclose(pq, qp, abs_tol=1e-12)
    assert -1e-12 <= pq <= log(2) + 1e-12
    assert math.sqrt(pq) <= math.sqrt(pr) + math.sqrt(rq) + 1e-7  # rounding of 1e-16 has a root of 1e-8


@given(rough())
def test_js_is_the_entropy_of_the_mean_less_the_mean_entropy(rows):
    p, q, _ = rows.softmax(dim=1)
    entropy = torch.special.entr(torch.stack([p, q, (p + q) / 2])).sum(dim=1)
    assert isclose(js_divergence(q, p.log()).item(), (entropy[2] - entropy[:2].mean()).item(), abs_tol=1e-12)


@given(rough())
def test_kl_is_cross_entropy_less_entropy_with_the_same_gradient(rows):
    q = rows[0].softmax(dim=0)
    logits = rows[1].clone().requires_grad_()
    values = [compare(q, logits.log_softmax(dim=0)) for compare in (cross_entropy, kl_divergence)]
    ce, kl = (torch.autograd.grad(value, logits)[0] for value in values)
    assert isclose((values[0] - values[1]).item(), torch.special.entr(q).sum().item(), abs_tol=1e-11)
    torch.testing.assert_close(ce, kl, rtol=0, atol=1e-15)


@given(rough())
def test_equation_1_is_js_for_the_mean_only(rows):
    p, q, m = rows.softmax(dim=1)
    assert isclose(report_equation_1(p, q, (p + q) / 2).item(), js_divergence(q, p.log()).item(), abs_tol=1e-12)
    assert report_equation_1(p, q, m) >= report_equation_1(p, q, (p + q) / 2) - 1e-12  # the mean is the nearest m
    assert isclose(report_equation_1(p, p, m).item(), slow_kl(p.tolist(), m.tolist()), abs_tol=1e-9)  # not 0 at p = q


def test_equation_1_with_m_the_target():
    even, target = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
    assert abs(report_equation_1(even, even, target) - report_equation_1(target, target, even)) > 0.1  # not symmetric
    assert report_equation_1(even, even, torch.tensor([1 - 1e-9, 1e-9])) > 9 > log(2)  # not bounded
    assert report_equation_1(even, even, torch.tensor([1.0, 0.0])).isinf()


# -- identities between the losses -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:reduction")  # the original's reduction is deprecated
@pytest.mark.parametrize("seed", range(3))
def test_original_kl_is_the_originals_batchmean_kldivloss(seed):
    image, text, target = make_batch(seed)
    q = (10 * label_matrix(target, torch.float64)).softmax(dim=1)
    parts = [F.kl_div((logits / 0.05).log_softmax(dim=1), q, reduction="mean") * len(q)
             for logits in (text @ image.T, image @ text.T)]
    torch.testing.assert_close(original_kl(image, text, target, 0.05), sum(parts) / 2)


@given(st.integers(0, 10**6), st.integers(2, 9))
def test_distinct_classes_make_the_identity_target(seed, size):
    image, text, _ = make_batch(seed, size)
    target = torch.randperm(size)
    torch.testing.assert_close(multi_positive_ce(image, text, target, 0.5), identity_ce(image, text, target, 0.5))
    views = torch.cat([image, text])
    logits = (views @ views.T / 0.5).fill_diagonal_(-torch.inf)
    nt_xent = F.cross_entropy(logits, (torch.arange(2 * size) + size) % (2 * size))
    torch.testing.assert_close(supcon(image, text, target, 0.5), nt_xent)


@pytest.mark.parametrize("seed", range(3))
def test_supcon_compared_across_modalities_only_is_multi_positive_ce(seed):
    image, text, target = make_batch(seed)
    lists = image.tolist(), text.tolist(), target.tolist()
    across = slow_supcon(*lists, 0.5, contrast=lambda a, b, size: (a < size) != (b < size))
    assert isclose(multi_positive_ce(image, text, target, 0.5).item(), across, rel_tol=1e-12)
    assert not isclose(supcon(image, text, target, 0.5).item(), across, rel_tol=1e-3)


@given(st.integers(0, 10**6))
def test_multi_positive_ce_less_mean_entropy_is_the_kl_that_seed_kl_sharpens_to(seed):
    image, text, target = make_batch(seed)
    q = label_distribution(target, torch.float64)
    kl = both_directions(kl_divergence, q, similarity_logits(image, text, 0.5))
    entropy = label_matrix(target).sum(dim=1).double().log().mean()  # ln k for k equal answers
    torch.testing.assert_close(multi_positive_ce(image, text, target, 0.5) - entropy, kl)
    sharp = (40 * label_matrix(target, torch.float64)).softmax(dim=1)
    torch.testing.assert_close(both_directions(kl_divergence, sharp, similarity_logits(image, text, 0.5)), kl)


@given(st.integers(0, 10**6))
def test_two_pairs_ce_is_a_sigmoid_loss_on_margins(seed):
    image, text, target = make_batch(seed, size=2)
    cells = image @ text.T
    margins = torch.stack([cells[0, 0] - cells[0, 1], cells[1, 1] - cells[1, 0],
                           cells[0, 0] - cells[1, 0], cells[1, 1] - cells[0, 1]])
    torch.testing.assert_close(identity_ce(image, text, target, 1.0), -F.logsigmoid(margins).mean())


def test_siglip_is_binary_cross_entropy_and_its_bias_matches_the_share_of_positives():
    image, text, target = make_batch()
    bias, positive = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True), label_matrix(target, torch.float64)
    loss = siglip(image, text, target, 0.5, bias)
    cells = image @ text.T / 0.5 + bias
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(cells, positive) * len(image))
    loss.backward()
    torch.testing.assert_close(bias.grad, (cells.sigmoid() - positive).sum() / len(image))


# -- repeated captions -------------------------------------------------------------------------------------------------


def value_and_gradients(loss, image, captions, target, tau):
    inputs = [x.clone().requires_grad_() for x in (image, captions)]
    value = loss(inputs[0], inputs[1][target], target, tau)
    return value, *torch.autograd.grad(value, inputs)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 16), st.integers(1, 6), st.sampled_from([0.07, 0.5, 1.0]))
def test_caption_embedded_once_identity_equals_multi_positive(seed, size, classes, tau):
    image, _, target = make_batch(seed, size, classes=classes)
    captions = make_batch(seed + 1, classes)[0]  # one for each class
    image, captions = F.normalize(image, dim=1), F.normalize(captions, dim=1)
    ours, theirs = (value_and_gradients(loss, image, captions, target, tau)
                    for loss in (identity_ce, multi_positive_ce))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_what_is_not_equal_for_repeated_captions():
    """Rows agree one by one; columns only summed over a class; gradients of copies only in their sum."""
    image, captions, target = make_batch(size=9)
    logits = image @ captions[target].T
    eye, q = torch.eye(9, dtype=torch.float64), label_distribution(target, torch.float64)
    rows = cross_entropy(eye, logits.log_softmax(1)) - cross_entropy(q, logits.log_softmax(1))
    columns = cross_entropy(eye, logits.T.log_softmax(1)) - cross_entropy(q, logits.T.log_softmax(1))
    assert rows.abs().max() < 1e-12
    assert columns.abs().max() > 0.1
    assert torch.zeros(3, dtype=torch.float64).index_add(0, target, columns).abs().max() < 1e-12
    copies = captions[target].requires_grad_()
    apart = torch.autograd.grad(identity_ce(image, copies, target, 1.0)
                                - multi_positive_ce(image, copies, target, 1.0), copies)[0]
    assert apart.abs().max() > 0.01
    assert torch.zeros(3, 5, dtype=torch.float64).index_add(0, target, apart).abs().max() < 1e-12


def within_class_covariance(image: Tensor, text: Tensor, target: Tensor) -> Tensor:
    """``1/B sum_i (x_i - mean x of its class) . (t_i - mean t of its class)``."""
    mean = label_distribution(target, image.dtype)
    return ((image - mean @ image) * (text - mean @ text)).sum() / len(image)


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 5))
def test_difference_is_the_covariance_within_classes(seed, size, classes):
    """For any embeddings, so also for captions that dropout has made to differ."""
    image, text, target = make_batch(seed, size, classes=classes)
    difference = identity_ce(image, text, target, 0.5) - multi_positive_ce(image, text, target, 0.5)
    torch.testing.assert_close(difference, -within_class_covariance(image, text, target) / 0.5, rtol=0, atol=1e-10)


def test_a_dropout_mask_per_copy_makes_a_difference_that_vanishes_on_average():
    image, captions, target = make_batch(size=12)
    torch.manual_seed(0)
    differences = torch.stack([
        identity_ce(image, text, target, 1.0) - multi_positive_ce(image, text, target, 1.0)
        for text in (F.dropout(captions[target], 0.1) for _ in range(2000))])
    standard_error = differences.std() / math.sqrt(len(differences))
    assert differences.abs().median() > 0.01
    assert differences.mean().abs() < 4 * standard_error


def test_siglip_does_see_repeated_captions():
    """The sigmoid loss with the identity target asks one logit for yes once and for no k - 1 times."""
    image, captions, _ = make_batch(size=6)
    target = torch.tensor([0, 0, 0, 1, 1, 2])
    text = captions[target]
    assert (siglip(image, text, torch.arange(6), 1.0, 0.0) - siglip(image, text, target, 1.0, 0.0)).abs() > 0.1


# -- saturation --------------------------------------------------------------------------------------------------------


def gradient_at_margin(compare, margin: float) -> float:
    """Size of the gradient at the right answer's logit, which is ``margin`` below that of one wrong answer."""
    logits = torch.tensor([0.0, margin], dtype=torch.float64, requires_grad=True)
    compare(torch.tensor([1.0, 0.0], dtype=torch.float64), logits.log_softmax(dim=0)).backward()
    return -logits.grad[0].item()


def test_js_stops_learning_where_it_is_confidently_wrong():
    assert isclose(gradient_at_margin(js_divergence, 20.0), 2.1e-8, rel_tol=0.1)
    assert isclose(gradient_at_margin(cross_entropy, 20.0), 1.0, abs_tol=1e-8)


@given(st.floats(-30, 30))
def test_gradients_in_closed_form(margin):
    p = 1 / (1 + exp(margin))
    wanted = p * (1 - p) / 2 * log((1 + p) / p)
    assert isclose(gradient_at_margin(cross_entropy, margin), 1 - p, rel_tol=1e-9, abs_tol=1e-13)
    assert isclose(gradient_at_margin(js_divergence, margin), wanted, rel_tol=1e-6, abs_tol=1e-13)
