"""Losses over pairs: against loops with absent modalities, and the first two systems as the case of one pair."""

import json
from dataclasses import asdict
from math import exp, log, sqrt

import pytest
import torch

from mgutils.config.alignment import Pair, all_pairs, check_pairs, star
from mgutils.errors import ConfigError
from mgutils.losses import LOSSES, identity_ce, siglip
from mgutils.losses.alignment import PAIR_LOSSES, class_ce, dual_softmax, info_nce, pair_losses
from mgutils.losses.semantic import semantic_loss

NAMES = ("rgb", "depth", "joints")


def make_batch(seed=0, rows=9, width=5):
    generator = torch.Generator().manual_seed(seed)
    embeddings = {name: torch.randn(rows, width, generator=generator, dtype=torch.float64) for name in NAMES}
    present = {name: torch.rand(rows, generator=generator) < 0.7 for name in NAMES}
    return embeddings, present


def cosine(u, v):
    inner = sum(x * y for x, y in zip(u, v, strict=True))
    return inner / sqrt(sum(x * x for x in u)) / sqrt(sum(y * y for y in v))


def slow_info_nce(a, b, has_a, has_b, temperature):
    """Symmetric InfoNCE in loops, over the rows that have both."""
    rows = [i for i in range(len(a)) if has_a[i] and has_b[i]]
    total = 0.0
    for i in rows:
        right = exp(cosine(a[i], b[i]) / temperature)
        forward = sum(exp(cosine(a[i], b[j]) / temperature) for j in rows)
        backward = sum(exp(cosine(a[j], b[i]) / temperature) for j in rows)
        total -= 0.5 * (log(right / forward) + log(right / backward))
    return total / len(rows) if rows else 0.0


@pytest.mark.parametrize("seed", range(5))
def test_info_nce_is_the_loops_with_absent_modalities(seed):
    embeddings, present = make_batch(seed)
    pairs = all_pairs(NAMES, temperature=0.3)
    losses = pair_losses(pairs, embeddings, present)
    assert list(losses) == ["rgb-depth", "rgb-joints", "depth-joints"]
    for pair in pairs:
        slow = slow_info_nce(embeddings[pair.a].tolist(), embeddings[pair.b].tolist(),
                             present[pair.a].tolist(), present[pair.b].tolist(), 0.3)
        assert losses[pair.name].item() == pytest.approx(slow / 3, abs=1e-12)


def test_one_pair_is_clip():
    embeddings, _ = make_batch()
    image, text = (torch.nn.functional.normalize(embeddings[name], dim=1) for name in ("rgb", "depth"))
    loss = pair_losses([Pair("rgb", "depth", temperature=0.07)], embeddings)["rgb-depth"]
    torch.testing.assert_close(loss, identity_ce(image, text, torch.arange(9), 0.07), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_the_first_system_is_one_pair(name):
    """Same numbers and gradients through both doors, with classes and a learned temperature."""
    target = torch.tensor([0, 1, 1, 2, 0, 3, 3, 3, 2])
    found = []
    for through_pair in (False, True):
        (image, text, _), _ = (tuple(part.values()) for part in make_batch())
        temperature = torch.tensor(0.4, dtype=torch.float64)
        parts = [part.requires_grad_() for part in (image, text, temperature)]
        if through_pair:
            loss = pair_losses([Pair("image", "caption", name)], {"image": image, "caption": text}, target=target,
                               learned={"image-caption": {"temperature": temperature}})["image-caption"]
        else:
            loss = LOSSES[name](image, text, target, temperature)
        found.append([loss, *torch.autograd.grad(loss, parts)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "loss"), [
    ("cosine_kl", "original_kl"), ("cosine_js", "js"), ("cosine_multi_positive", "multi_positive_ce")])
def test_losses_of_the_first_system_can_read_cosines(name, loss):
    embeddings, _ = make_batch()
    target = torch.tensor([0, 1, 1, 2, 0, 3, 3, 3, 2])
    units = [torch.nn.functional.normalize(embeddings[part], dim=1) for part in ("rgb", "depth")]
    longer = embeddings | {"depth": 7 * embeddings["depth"]}
    found = [pair_losses([Pair("rgb", "depth", name, temperature=0.2)], given, target=target)["rgb-depth"]
             for given in (embeddings, longer)]
    for each in found:
        torch.testing.assert_close(each, LOSSES[loss](*units, target, 0.2), atol=1e-12, rtol=0)


def test_the_second_system_s_word_loss_is_one_pair():
    embeddings, _ = make_batch()
    vectors = torch.randn(4, 5, dtype=torch.float64)
    target = torch.tensor([0, 1, 1, 2, 0, 3, 3, 3, 2])
    loss = pair_losses([Pair("joints", "class", "mse", weight=20)], embeddings | {"class": vectors[target]})
    wanted = 20 * semantic_loss(embeddings["joints"], target, vectors)
    torch.testing.assert_close(loss["joints-class"], wanted, atol=1e-12, rtol=0)


def slow_class_ce(rows, vectors, classes, temperature):
    """Cross entropy over the cosines with all classes, in loops."""
    total = 0.0
    for row, right in zip(rows, classes, strict=True):
        odds = [exp(cosine(row, vector) / temperature) for vector in vectors]
        total -= log(odds[right] / sum(odds))
    return total / len(rows)


def test_class_ce_is_the_loops_over_the_rows_that_are_there():
    embeddings, present = make_batch()
    vectors = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    target = torch.tensor([0, 1, 1, 2, 0, 3, 3, 3, 2])  # of classes 4 and 5 there is no row
    there = present["joints"]
    assert 0 < there.sum() < 9
    slow = slow_class_ce(embeddings["joints"][there].tolist(), vectors.tolist(), target[there].tolist(), 0.3)
    direct = class_ce(embeddings["joints"][there], vectors, target[there], 0.3)
    embeddings["joints"][~there] = torch.nan
    pair = Pair("joints", "class", "class_ce", weight=0.5, temperature=0.3)
    loss = pair_losses([pair], embeddings, present, target, tables={"class": vectors})["joints-class"]
    assert direct.item() == pytest.approx(slow, abs=1e-12)
    assert loss.item() == pytest.approx(slow / 2, abs=1e-12)
    (gradient,) = torch.autograd.grad(loss, vectors)
    assert torch.isfinite(gradient).all() and (gradient[4:].abs().sum(dim=1) > 0).all()  # they are wrong answers


def test_class_ce_has_no_row_for_a_negative():
    """Two clips of one class at one place are no worse than one."""
    vectors = torch.eye(3, dtype=torch.float64)
    once = class_ce(vectors, vectors, torch.arange(3), 0.1)
    twice = class_ce(vectors.repeat(2, 1), vectors, torch.arange(3).repeat(2), 0.1)
    torch.testing.assert_close(once, twice)
    assert info_nce(vectors.repeat(2, 1), vectors.repeat(2, 1), torch.arange(6), 0.1) > once + 0.5


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_a_table_gives_each_row_the_vector_of_its_class(loss):
    embeddings, present = make_batch()
    vectors = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([0, 1, 1, 2, 0, 3, 3, 3, 2])
    pair = Pair("joints", "caption", loss)
    by_table = pair_losses([pair], embeddings, present, target, tables={"caption": vectors})
    by_row = pair_losses([pair], embeddings | {"caption": vectors[target]}, present, target)
    assert torch.equal(by_table["joints-caption"], by_row["joints-caption"])


def test_a_table_wants_the_classes_and_class_ce_a_table():
    embeddings, _ = make_batch()
    vectors = torch.ones(4, 5, dtype=torch.float64)
    with pytest.raises(ValueError, match="tables: found class without a target; wanted the class of each row"):
        pair_losses([Pair("rgb", "class", "class_ce")], embeddings, tables={"class": vectors})
    with pytest.raises(ValueError, match="pair rgb-depth: found no table of depth; wanted the vectors"):
        pair_losses([Pair("rgb", "depth", "class_ce")], embeddings)


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_what_an_absent_row_holds_reaches_neither_loss_nor_gradient(loss):
    found = []
    for junk in (0.0, torch.nan):
        embeddings, _ = make_batch()
        there = torch.tensor([True] * 6 + [False] * 3)
        embeddings["depth"][~there] = junk
        rgb, depth = (embeddings[name].requires_grad_() for name in ("rgb", "depth"))
        value = pair_losses([Pair("rgb", "depth", loss)], embeddings, {"depth": there})["rgb-depth"]
        found.append((value, *torch.autograd.grad(value, (rgb, depth))))
        assert (found[-1][1][~there] == 0).all() and (found[-1][2][~there] == 0).all()
        assert found[-1][1][there].abs().sum() > 0
    for zero, nan in zip(*found, strict=True):
        assert torch.equal(zero, nan)


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_a_pair_that_no_row_has_is_zero_and_has_gradients(loss):
    embeddings, _ = make_batch()
    rgb, depth = (embeddings[name].requires_grad_() for name in ("rgb", "depth"))
    temperature = torch.tensor(0.1, requires_grad=True)
    value = pair_losses([Pair("rgb", "depth", loss)], embeddings, {"depth": torch.zeros(9, dtype=torch.bool)},
                        learned={"rgb-depth": {"temperature": temperature}})["rgb-depth"]
    assert value.item() == 0
    assert all((part == 0).all() for part in torch.autograd.grad(value, (rgb, depth, temperature)))


def test_siglip_takes_a_learned_bias_and_has_its_paper_s_targets():
    embeddings, _ = make_batch()
    image, text = (torch.nn.functional.normalize(embeddings[name], dim=1) for name in ("rgb", "depth"))
    pair = Pair("rgb", "depth", "siglip")
    bias = torch.tensor(-3.0)
    started = pair_losses([pair], embeddings)["rgb-depth"]
    learned = pair_losses([pair], embeddings, learned={"rgb-depth": {"bias": bias}})["rgb-depth"]
    rows = torch.arange(9)
    torch.testing.assert_close(started, siglip(image, text, rows, 0.1, -10.0), atol=1e-12, rtol=0)
    torch.testing.assert_close(learned, siglip(image, text, rows, 0.1, -3.0), atol=1e-12, rtol=0)


def test_dual_softmax_in_loops():
    embeddings, _ = make_batch()
    a, b = embeddings["rgb"].tolist(), embeddings["depth"].tolist()
    logits = [[sum(x * y for x, y in zip(u, v, strict=True)) / 0.5 for v in b] for u in a]
    rows = range(9)
    over_rows = [sum(exp(logits[k][j]) for k in rows) for j in rows]
    over_columns = [sum(exp(logits[i][k]) for k in rows) for i in rows]
    total = 0.0
    for i in rows:
        forward = [logits[i][j] * exp(logits[i][j]) / over_rows[j] for j in rows]
        backward = [logits[j][i] * exp(logits[j][i]) / over_columns[j] for j in rows]
        total -= forward[i] - log(sum(map(exp, forward))) + backward[i] - log(sum(map(exp, backward)))
    loss = dual_softmax(embeddings["rgb"], embeddings["depth"], torch.arange(9), 0.5)
    assert loss.item() == pytest.approx(total / 9, abs=1e-12)


def test_dual_softmax_has_a_floor_where_captions_repeat():
    once = torch.eye(8, dtype=torch.float64)
    twice = once.repeat(2, 1)
    rows = torch.arange(8)
    assert dual_softmax(once, once, rows, 0.01).item() == pytest.approx(0, abs=1e-9)
    assert dual_softmax(twice, twice, rows.repeat(2), 0.01).item() == pytest.approx(2 * log(2), abs=1e-9)
    assert info_nce(twice, twice, rows.repeat(2), 0.01).item() == pytest.approx(log(2), abs=1e-9)


def test_accumulation_is_no_larger_batch():
    """Two batches of 16 have 15 negatives each, one of 32 has 31."""
    embeddings, _ = make_batch(rows=32)
    pair = [Pair("rgb", "depth")]
    whole = pair_losses(pair, embeddings)["rgb-depth"]
    halves = [pair_losses(pair, {name: part[half] for name, part in embeddings.items()})["rgb-depth"]
              for half in (slice(0, 16), slice(16, 32))]
    assert sum(halves) / 2 < whole - 0.3


def test_a_star_and_all_pairs():
    assert [pair.name for pair in star("rgb", ("depth", "joints"))] == ["rgb-depth", "rgb-joints"]
    assert {pair.weight for pair in star("rgb", ("depth", "joints"))} == {0.5}
    assert {pair.weight for pair in all_pairs(NAMES, weight=2.0)} == {2.0}
    assert {pair.loss for pair in all_pairs(NAMES, loss="siglip")} == {"siglip"}
    (pair,) = star("rgb", ["depth"], temperature=0.2)
    assert Pair(**json.loads(json.dumps(asdict(pair)))) == pair == Pair("rgb", "depth", "infonce", 1.0, 0.2)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Pair("rgb", "rgb"), "'rgb' with itself"),
    (lambda: Pair("rgb", "depth", "cosine"), "loss: found 'cosine'; wanted one of infonce"),
    (lambda: Pair("rgb", "depth", temperature=0.0), "temperature: found 0.0; wanted more than 0"),
    (lambda: Pair("rgb", "depth", weight=-1.0), "weight: found -1.0"),
    (lambda: star("rgb", []), "found none"),
    (lambda: star("rgb", ["depth", "depth"]), "found rgb-depth twice"),
    (lambda: check_pairs([Pair("rgb", "depth"), Pair("depth", "rgb")]), "found depth-rgb twice"),
    (lambda: all_pairs(["rgb", "rgb"]), "with itself"),
])
def test_a_list_that_makes_no_sense_is_refused(make, message):
    with pytest.raises(ConfigError, match="wanted") as caught:
        make()
    assert message in str(caught.value)


def test_a_modality_without_embeddings_is_named():
    embeddings, _ = make_batch()
    with pytest.raises(ValueError, match="pair rgb-infrared: found embeddings of depth, joints, rgb; wanted infrared"):
        pair_losses([Pair("rgb", "infrared")], embeddings)


def test_two_of_other_shapes_are_named():
    with pytest.raises(ValueError, match=r"pair rgb-depth: found \(4, 2\) and \(4, 3\); wanted \(B, D\) twice"):
        pair_losses([Pair("rgb", "depth", "mse")], {"rgb": torch.ones(4, 2), "depth": torch.ones(4, 3)})


def test_info_nce_does_not_see_lengths():
    embeddings, _ = make_batch()
    rows = torch.arange(9)
    near = info_nce(embeddings["rgb"], embeddings["depth"], rows, 0.1)
    torch.testing.assert_close(info_nce(7 * embeddings["rgb"], embeddings["depth"] / 9, rows, 0.1), near)
