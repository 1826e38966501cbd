"""Figures: they show the numbers they were given, everything fits in, and the same figure gives the same bytes."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from PIL import Image

from mgutils.data.audit import Audit
from mgutils.data.labels import Labels, gesture_groups, group_order, imigue_labels
from mgutils.data.table import Dataset
from mgutils.report.figures import (
    data as figures_data,
)
from mgutils.report.figures import (
    framework as figures_framework,
)
from mgutils.report.figures import (
    model as figures_model,
)
from mgutils.report.figures import (
    results as figures_results,
)
from mgutils.report.figures import (
    splits as figures_splits,
)
from mgutils.report.figures.bootstrap import drawn_bootstrap
from mgutils.style import BLUE, GREY, GROUP_COLORS, new_figure, save, shorten, use_style

LABELS = imigue_labels()
AUDITS = {"frame": Audit(0.9, 1.0, 1.0, 0.93, 0.25, 0.6), "clip": Audit(0.0, None, None, 0.25, 0.25, 0.6)}
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module", autouse=True)
def style():
    use_style()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Three frames of each class, the last of another clip."""
    root = tmp_path_factory.mktemp("data")
    rows = [(class_id, 2 * class_id + frame // 2, frame % 2) for class_id in range(1, 33) for frame in range(3)]
    frames = pd.DataFrame(rows, columns=["class_id", "clip_id", "frame_id"])
    frames["path"] = [f"{class_id}/{clip}.{frame}.jpg" for class_id, clip, frame in rows]
    for row, path in enumerate(frames["path"]):
        (root / "training" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 12), (row, 100, 50)).save(root / "training" / path)
    return Dataset(root, frames, LABELS)


def make_run(objective, shift=0.0, valid=96):
    target = np.arange(valid) % 32
    logits = RNG.normal(size=(valid, 32)) + 2 * np.eye(32)[target]
    log = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": [3, 2, 1 + shift], "valid_loss": [3, 3, 2 + shift],
                        "top1": [0.1, 0.2 + shift, 0.3]})
    return SimpleNamespace(config=SimpleNamespace(loss=SimpleNamespace(loss=objective)), log=log, logits=logits,
                           target=target, valid=np.arange(valid), metrics={"top1": 0.3 + shift, "top5": 0.6},
                           image_embeddings=RNG.normal(size=(valid, 8)), caption_embeddings=RNG.normal(size=(32, 8)))


@pytest.fixture(scope="module")
def runs():
    return {name: [make_run(name), make_run(name, 0.1)] for name in ("report_ce", "report_js", "sound_ce")}


def every_figure(dataset, runs):
    run = runs["sound_ce"][0]
    return {
        "counts": lambda: figures_data.class_counts(dataset.target, LABELS, reference=np.arange(1, 33)),
        "clips": lambda: figures_data.frames_per_clip(dataset.frames["clip_id"]),
        "sheet": lambda: figures_data.contact_sheet(dataset),
        "strip": lambda: figures_data.clip_strip(dataset, 2),
        "four": lambda: figures_data.look_alike_four(dataset),
        "audit": lambda: figures_splits.audit_bars(AUDITS),
        "nested": figures_splits.nested_splits,
        "bootstrap": lambda: drawn_bootstrap([0.2, 0.8, 0.5], [10, 40, 20], np.eye(3, dtype=int) * 3,
                                             np.linspace(0.2, 0.8, 40)),
        "clip": figures_framework.clip_architecture,
        "framework": figures_framework.framework,
        "two passes": figures_framework.two_passes,
        "similarity": lambda: figures_model.similarity_matrix(np.eye(3, 4), LABELS.display[:3], "abcd", digits=1,
                                                              mark=np.eye(3, 4), title="three and four"),
        "wide similarity": lambda: figures_model.similarity_matrix(np.eye(8, 32), LABELS.display[:8], LABELS.display,
                                                                   title="eight and 32"),
        "temperature": lambda: figures_model.temperature_effect([0.1, 0.5], [1, 0.07], ["a", "b"]),
        "directions": lambda: figures_model.directions({"a": ([0, 90], [10, 80]), "b": ([0], [180])}),
        "curve": lambda: figures_model.learning_curve([np.nan, 2, 1], [0, 0.3, 0.5], 0.27),
        "answers": lambda: figures_model.answers_beneath([np.zeros((4, 4, 3))] * 2, np.eye(2, 32), LABELS.display,
                                                         [0, 3]),
        "framework with logits": lambda: figures_framework.framework(logits=np.arange(16).reshape(4, 4) - 600),
        "curves": lambda: figures_results.training_curves(runs, 0.25),
        "chart": lambda: figures_results.table1_chart(runs, AUDITS["frame"]),
        "confusion": lambda: figures_results.confusion_matrix(np.eye(32), LABELS),
        "examples": lambda: figures_results.best_and_worst(dataset, run),
        "map": lambda: figures_results.embedding_map(run, LABELS),
    }


NAMES = [name for name in every_figure(None, {"sound_ce": [None]}) if name != "map"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_text_lies_inside_the_figure(name, dataset, runs):
    figure = every_figure(dataset, runs)[name]()
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    shown = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
             if text.get_visible() and text.get_text().strip()]
    assert shown and not plt.get_fignums()
    ticks = [tick for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for kind in ("majorTicks", "minorTicks")
             for tick in getattr(axis, kind)]
    unseen = {label for tick in ticks for label in (tick.label1, tick.label2)}  # some lie outside the limits
    for text in set(shown) - unseen:
        box = text.get_window_extent()
        assert box.x0 > -2 and box.y0 > -2 and box.x1 < width + 2 and box.y1 < height + 2, text.get_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["framework", "map", "examples"])
def test_same_figure_same_bytes(name, dataset, runs, tmp_path):
    one, other = (save(every_figure(dataset, runs)[name](), tmp_path / name / f"{i}.png") for i in range(2))
    assert one.read_bytes() == other.read_bytes()


def test_every_caption_of_the_map_has_its_name_beside_the_points(runs):
    axes = figures_results.embedding_map(runs["sound_ce"][0], LABELS).axes[0]
    assert sorted(text.get_text().strip() for text in axes.texts) == sorted(shorten(name) for name in LABELS.display)
    points = np.concatenate([dots.get_offsets() for dots in axes.collections])
    for text in axes.texts:
        x = text.get_position()[0]
        assert x < points[:, 0].min() if text.get_ha() == "right" else x > points[:, 0].max()


def test_groups_of_the_classes():
    groups = gesture_groups(LABELS)
    assert {group: groups.count(group) for group in GROUP_COLORS} == {
        "Head": 4, "Head-Hand": 9, "Body-Hand": 8, "Body": 3, "Hand": 7, "none": 1}
    order = group_order(LABELS)
    assert sorted(order) == list(range(32)) and order[:2] == [0, 1] and order[-1] == 31
    assert gesture_groups(Labels(("a", "b"))) == ("none", "none")


def test_class_counts_are_the_lengths_of_the_bars(dataset):
    target = np.array([0, 0, 0, 31])
    figure = figures_data.class_counts(target, LABELS)
    assert [bar.get_width() for bar in figure.axes[0].patches][0] == 3
    assert [bar.get_width() for bar in figure.axes[0].patches][-1] == 1
    assert to_rgba(GROUP_COLORS["none"]) == figure.axes[0].patches[-1].get_facecolor()


def test_middle_frame_is_of_the_longest_clip(dataset):
    row = figures_data.middle_frame(dataset, 5)
    assert dataset.frames.loc[row, ["class_id", "clip_id", "frame_id"]].tolist() == [5, 10, 1]
    assert figures_data.middle_frame(Dataset(dataset.root, dataset.frames[:3], LABELS), 5) is None


def test_image_grid_wants_a_title_for_each_image():
    with pytest.raises(ValueError, match="2 images with 1 titles"):
        figures_data.image_grid(np.zeros((2, 4, 4, 3)), ["one"])
    with pytest.raises(ValueError, match="0 images"):
        figures_data.image_grid([], [])


def test_unknown_clip_is_named(dataset):
    with pytest.raises(ValueError, match="clip 999"):
        figures_data.clip_strip(dataset, 999)


def test_unknown_shares_are_a_question_mark():
    texts = [text.get_text() for text in figures_splits.audit_bars(AUDITS).axes[0].texts]
    assert texts.count("?") == 2 and "90" in texts


def test_framework_draws_the_target_of_its_captions():
    figure = figures_framework.framework(["a", "b", "a"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("1") == 5 and texts.count("0") == 4
    assert {"N × 2048", "N × 768", "N × 256"} <= set(texts)


def test_framework_writes_the_logits_that_it_is_given():
    figure = figures_framework.framework(["a", "b", "a"], logits=7.2 * np.eye(3))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("7") == 3 and texts.count("0") == 6 + 4


def test_directions_are_arrows_at_their_angles():
    panel = figures_model.directions({"one": ([90], [180, 0])}).axes[0]
    assert np.allclose([text.xy for text in panel.texts], [(0, 1), (-0.85, 0), (0.85, 0)])


def test_answers_come_in_order_and_the_own_caption_is_blue():
    figure = figures_model.answers_beneath([np.zeros((4, 4, 3))], [[0.1, 0.7, 0.2]], ["a", "b", "c"], [2], count=2)
    bars = figure.axes[1]
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([0.7, 0.2])
    assert [text.get_text() for text in bars.texts] == ["b  0.70", "c  0.20"]
    assert [bar.get_facecolor() for bar in bars.patches] == [to_rgba(GREY), to_rgba(BLUE)]


def test_a_learning_curve_is_in_percent_beside_the_constant_class():
    left, right = figures_model.learning_curve([np.nan, 2, 1], [0, 0.3, 0.5], 0.27).axes
    assert right.lines[0].get_ydata() == pytest.approx([0, 30, 50])
    assert right.lines[1].get_ydata()[0] == pytest.approx(27)
    assert left.lines[0].get_ydata()[1:] == pytest.approx([2, 1])


@pytest.mark.parametrize(("captions", "images"), [(["a"], None), (["a", "b", "c"], [np.zeros((4, 4, 3))])])
def test_framework_refuses_what_it_cannot_draw(captions, images):
    with pytest.raises(ValueError, match="wanted 3 to 6 captions"):
        figures_framework.framework(captions, images)


def test_similarity_matrix_wants_names_that_fit():
    with pytest.raises(ValueError, match="3 row and 2 column names"):
        figures_model.similarity_matrix(np.eye(2), "abc", "ab")


def test_temperature_panels_hold_a_softmax():
    figure = figures_model.temperature_effect([0.0, np.log(3)], [1], ["a", "b"])
    assert [bar.get_width() for bar in figure.axes[0].patches] == pytest.approx([0.25, 0.75])


def test_curves_show_every_seed_and_the_constant_class(runs):
    figure = figures_results.training_curves(runs, constant_top1=0.25)
    assert len(figure.axes) == 2 * len(runs)
    lower = figure.axes[len(runs)]  # the first objective's top-1
    *seeds, constant = (np.asarray(line.get_ydata()) for line in lower.lines)
    assert [line.tolist() for line in seeds] == [pytest.approx([10, 20, 30]), pytest.approx([10, 30, 30])]
    assert constant == pytest.approx([25, 25])
    assert [text.get_text() for text in figure.legends[0].texts] == [
        "loss of the training images", "loss or top-1 of the validation images", "constant class"]


def test_confusion_rows_are_shares_and_empty_rows_are_unknown():
    counts = np.zeros((32, 32), int)
    counts[0, :2] = 3, 1  # class 1, three right and one taken for class 2
    heat = figures_results.confusion_matrix(counts, LABELS).axes[0].collections[0]
    shares = np.ma.filled(heat.get_array(), np.nan)
    assert shares[0, :2] == pytest.approx([0.75, 0.25]) and np.isnan(shares[1]).all()


def test_examples_are_right_above_and_wrong_below(dataset, runs):
    run = runs["sound_ce"][0]
    titles = [axes.get_title() for axes in figures_results.best_and_worst(dataset, run, columns=4).axes]
    assert [title.split(":")[0] for title in titles] == ["right"] * 4 + ["answer"] * 4
    assert len(set(titles[:4])) == 4


def test_shorten():
    assert shorten(" abc ") == "abc" and shorten("abcdef", 4) == "abc…"


def test_new_figure_is_forgotten_by_pyplot():
    new_figure(size=(2, 2))
    assert not plt.get_fignums()
