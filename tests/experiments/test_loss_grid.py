"""The loss grid: the stack equals single models, cells share everything but the cell, nothing is computed twice."""

from __future__ import annotations

from dataclasses import asdict, replace

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mgutils import losses
from mgutils.errors import ConfigError
from mgutils.experiments.loss_grid import grid as loss_grid
from mgutils.experiments.loss_grid.grid import Condition, GridSize, grid_size, run_cells, select, summarise
from mgutils.experiments.loss_grid.stack import (
    PROJECTION,
    WIDTH,
    StackedHead,
    StackedLinear,
    StackedModel,
    StackedObjective,
    target_distribution,
)
from mgutils.experiments.loss_grid.toy import (
    BATCH,
    ToyData,
    ToySetup,
    class_shares,
    first_target,
    mean_cosine,
    train_cells,
)
from mgutils.models.encoders import ProjectionHead
from mgutils.report.figures import loss_grid as figures

TINY = ToySetup(steps=3, train=64, test=40)
SIZE = GridSize(TINY, 2, (1.0, 0.05), (0.0, 0.6), (0.0, 0.8))


def test_stacked_layers_equal_single_ones():
    torch.manual_seed(0)
    layer, head, features = nn.Linear(WIDTH, 8), ProjectionHead(WIDTH, PROJECTION).eval(), torch.randn(3, 5, WIDTH)
    torch.testing.assert_close(StackedLinear(layer, 3)(features), layer(features))
    torch.testing.assert_close(StackedHead(head, 3).eval()(features), head(features))


def test_dropout_mask_is_one_for_all_models_and_another_for_each_copy_of_a_caption():
    torch.manual_seed(0)
    model = StackedModel(torch.randn(4, WIDTH), 3)
    text = model(torch.randn(3, 2, WIDTH), torch.ones(3, 2, dtype=torch.long))[1]
    torch.testing.assert_close(text[0], text[2])
    assert not torch.allclose(text[0, 0], text[0, 1])


@pytest.mark.parametrize(("cell", "name"), [
    (Condition("identity"), "identity_ce"), (Condition("class"), "multi_positive_ce"), (Condition("class", "js"), "js"),
    (loss_grid.REPORT_CE, "original_ce"), (loss_grid.REPORT_KL, "original_kl")])
def test_cells_are_the_losses_of_the_kit(cell, name):
    torch.manual_seed(0)
    objective = StackedObjective([cell])
    image, text = (objective.finish(torch.randn(1, 6, 5)) for _ in range(2))
    target = torch.tensor([[0, 1, 0, 2, 2, 2]])
    wanted = losses.LOSSES[name](image[0], text[0], target[0], cell.temperature)
    torch.testing.assert_close(objective(image, text, target)[0], wanted)


@pytest.mark.parametrize("kind", ["identity", "class", "sharpened", "soft", "transposed", "divided"])
def test_target_rows_are_distributions(kind):
    image, text = torch.randn(2, 2, 6, 5)
    q = target_distribution(kind, image, text, torch.randint(3, (2, 6)), torch.full((2, 1, 1), 0.5))
    assert q.shape == (2, 6, 6)
    torch.testing.assert_close(q.sum(dim=-1), torch.ones(2, 6))


@pytest.mark.parametrize("through", [True, False])
def test_gradient_flows_through_the_target_only_if_asked(through):
    torch.manual_seed(0)
    objective = StackedObjective([Condition("soft", through=through)])
    image, text = torch.randn(1, 4, 5, requires_grad=True), torch.randn(1, 4, 5)
    value = objective(image, text, torch.zeros(1, 4, dtype=torch.long))
    gradient = torch.autograd.grad(value.sum(), image)[0]
    logits = image @ text.mT / 0.07
    q = target_distribution("soft", image, text, None, 0.07)
    apart = losses.both_directions(losses.cross_entropy, q if through else q.detach(), logits)
    torch.testing.assert_close(gradient, torch.autograd.grad(apart.sum(), image)[0])


def test_data_keeps_its_promises():
    torch.manual_seed(0)
    cells = [Condition(noise=0.0, likeness=0.0), Condition(noise=0.5, likeness=0.8)]
    data = ToyData(ToySetup(train=4000, test=2000), cells)
    assert (data.labels[0] == data.target).all()
    assert (data.labels[1] != data.target).float().mean().item() == pytest.approx(0.5, abs=0.03)
    images = data.images(torch.arange(2000))
    assert mean_cosine(images).tolist() == pytest.approx([0.05, 0.8], abs=0.05)
    assert mean_cosine(data.captions).item() == pytest.approx(loss_grid.toy.CAPTION_COSINE, abs=0.05)
    assert class_shares().sum().item() == pytest.approx(1)
    assert class_shares().max().item() == pytest.approx(0.2728, abs=1e-4)


def test_the_reports_first_target_is_flat_and_a_fixed_one_is_not():
    right = {}
    for cell in (loss_grid.REPORT_CE, replace(loss_grid.REPORT_CE, normalize=True), Condition("class")):
        q, target = first_target(cell, 0)
        right[cell] = (q * losses.label_matrix(target)).sum(dim=1).mean().item()
    flat, flatter, fixed = right.values()
    assert flatter < flat < 0.5 and fixed == pytest.approx(1)


def test_a_cell_learns_the_same_alone_and_in_company():
    cells = [Condition("class"), Condition("soft", "js", through=True), Condition("identity"), Condition("soft", "js")]
    together = dict(train_cells(cells, 1, TINY))
    alone = dict(train_cells(cells[:1], 1, TINY))[cells[0]]
    assert list(together[cells[0]].values()) == pytest.approx(list(alone.values()), rel=1e-4)


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    train_cells([Condition()], 0, TINY)
    assert torch.equal(before, torch.get_rng_state())


def test_kl_and_ce_train_alike_where_the_target_is_fixed():
    pairs = dict(train_cells([Condition("class", "ce"), Condition("class", "kl")], 0, TINY))
    ce, kl = (pairs[Condition("class", name)] for name in ("ce", "kl"))
    assert ce["caption_cosine"] == pytest.approx(kl["caption_cosine"], abs=1e-5)
    assert ce["loss"] > kl["loss"]


def test_grid_has_every_combination_once():
    cells = loss_grid.grid_cells(SIZE)
    assert len(set(cells)) == len(cells) == 4 * 2 * len(SIZE.temperatures) * 3
    full = loss_grid.grid_cells(grid_size("cpu"))
    assert len(full) == 72 and {cell.temperature for cell in full} == {1.0, 0.07, 0.05}


def test_repairs_change_one_thing():
    report, *changed = loss_grid.repair_cells().values()
    for cell in changed[:-1]:
        differing = {name for name, value in asdict(report).items() if asdict(cell)[name] != value}
        assert len(differing - {"through"}) <= 1 and differing


def test_results_are_kept_and_extended(tmp_path, monkeypatch):
    first = run_cells([Condition()], SIZE, tmp_path, progress=False)
    assert len(first) == SIZE.seeds and first["top1"].between(0, 1).all()
    monkeypatch.setattr(loss_grid, "train_cells", lambda *_: pytest.fail("computed twice"))
    pd.testing.assert_frame_equal(run_cells([Condition(), Condition()], SIZE, tmp_path, progress=False), first)
    monkeypatch.undo()
    more = run_cells([Condition("class"), Condition()], SIZE, tmp_path, progress=False)
    assert len(more) == 2 * SIZE.seeds
    pd.testing.assert_frame_equal(select(more, Condition()).reset_index(drop=True), first)


@pytest.mark.slow
def test_two_processes_give_the_same_table(tmp_path):
    cells = [Condition(), Condition("class", "js")]
    one = run_cells(cells, SIZE, tmp_path / "one", progress=False)
    two = run_cells(cells, SIZE, tmp_path / "two", jobs=2, progress=False)
    pd.testing.assert_frame_equal(one, two)


def test_results_of_other_code_or_size_are_not_taken(tmp_path, monkeypatch):
    run_cells([Condition()], SIZE, tmp_path, progress=False)
    run_cells([Condition()], replace(SIZE, setup=replace(TINY, steps=4)), tmp_path, progress=False)
    monkeypatch.setattr(loss_grid, "_CODE", "changed")
    run_cells([Condition()], SIZE, tmp_path, progress=False)
    assert len(pd.read_csv(tmp_path / "court.csv")) == 3 * SIZE.seeds


def test_texts_and_comments_do_not_decide_a_result():
    code = ('class A:\n    size = 1\n    """Of it."""\n'
            '    def f(self):\n        """Say {}."""\n        return "{}"  # why\n')
    same, other = code.format("more", "a"), code.format("less", "b")
    assert loss_grid._without_texts(code.format("less", "a")) == loss_grid._without_texts(same)
    assert loss_grid._without_texts(other) != loss_grid._without_texts(same)
    assert "Of it" not in loss_grid._without_texts(same)


def test_summary_counts_the_marks():
    rows = [asdict(Condition()) | {"seed": seed, "top1": top1, "predicted": predicted, "caption_cosine": cosine,
                              "image_cosine": 0.0, "logit": 1.0, "loss": 1.0, "constant": 0.27}
            for seed, (top1, predicted, cosine) in enumerate([(0.1, 2, 0.5), (0.2, 3, 0.995), (0.6, 9, 0.4)])]
    summary = summarise(pd.DataFrame(rows)).iloc[0]
    assert summary["top1"] == pytest.approx(0.3)
    assert (summary["lowest"], summary["highest"], summary["seeds"]) == (0.1, 0.6, 3)
    assert summary["few_classes"] and summary["below_majority"] and not summary["collapsed"]


def test_unknown_profile():
    with pytest.raises(ConfigError, match="smoke"):
        grid_size("huge")


def test_batches_are_the_reports():
    assert BATCH == 32


def test_figures_draw():
    cells = loss_grid.grid_cells(SIZE)
    rows = [asdict(cell) | {"seed": 0, "top1": 0.5, "predicted": 3, "caption_cosine": 1.0, "image_cosine": 0.0,
                            "logit": 1.0, "loss": 1.0, "constant": 0.27} for cell in cells]
    drawn = [
        figures.three_bars({"p": [0.2, 0.8], "q": [1, 0], "m": [0.6, 0.4]}, ["a", "b"]),
        figures.equal_copies([[1, 2, 1], [0, 3, 0], [2, 2, 2]], ["a", "b", "a"]),
        figures.target_matrices({"one": np.eye(3), "two": np.full((3, 3), 1 / 3)}, ["a", "b", "c"]),
        figures.curves([0, 1], {"a": [1, 2], "b": [2, 1]}, title="t", xlabel="x", ylabel="y",
                             levels={"ln 2": 0.69}, log=True),
        figures.collapse_grid(summarise(pd.DataFrame(rows)), 0.27),
        figures.repairs({"a": [0.1, 0.2], "b": [0.5, 0.6]}, 0.27),
        figures.spread_lines([0, 0.5], {"a": [[0.1, 0.2], [0.3, 0.4]]}, title="t", xlabel="x", constant=0.27),
    ]
    for figure in drawn:
        assert isinstance(figure, matplotlib.figure.Figure)
        figure.canvas.draw()
