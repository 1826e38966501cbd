"""Figures of notebook 11: what is drawn is what was given."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from mgutils.config import all_pairs, star
from mgutils.data.items import SHAPES, read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.report.figures import cameras as figures

OTHERS = ("depth", "infrared", "joints")


@pytest.fixture
def clips(tmp_path):
    """Two clips of 3 and 5 frames of noise; the second has no infrared."""
    rng = np.random.default_rng(0)
    arrays = {"joints": rng.uniform(0.1, 0.9, (8, 22, 3)), "rgb": rng.integers(0, 256, (8, 12, 12, 3)),
              "depth": rng.integers(900, 3000, (8, 12, 12)), "infrared": rng.integers(0, 256, (8, 12, 12))}
    table = pd.DataFrame({"clip_id": [1, 2], "class_id": [1, 2], "frames": [3, 5], "lacks": ["", "infrared"]})
    write_clips(tmp_path, table, Labels(("Turtle neck", "Folding arms")), arrays)
    return read_clip_dataset(tmp_path)


def test_each_camera_has_a_line_and_depth_is_in_metres(clips):
    figure = figures.four_cameras(clips, 1)
    assert [axes.get_title() for axes in figure.axes[:4]] == [f"frame {n} of 5" for n in (1, 2, 4, 5)]
    assert [axes.get_ylabel() for axes in figure.axes[:16:4]] == ["rgb", "depth", "infrared", "joints"]
    depth = np.load(clips.root / "clips" / "depth.npy")
    assert np.allclose(figure.axes[4].images[0].get_array(), depth[3] / 1000)
    assert figure.axes[8].texts[0].get_text() == "this clip lacks it" and not figure.axes[8].images
    assert "Folding arms" in figure.get_suptitle()
    assert set(SHAPES) >= set(figures.CAMERAS)


def test_a_dataset_without_cameras_has_one_line(clips):
    for name in ("rgb", "depth", "infrared"):
        (clips.root / "clips" / f"{name}.npy").unlink()
    assert len(figures.four_cameras(clips, 0).axes) == 4


def test_depth_is_cut_off_at_255_only_at_the_left():
    left, right = figures.clipped_depth(np.array([[200, 1500], [2500, 255]], dtype=np.uint16)).axes[:2]
    assert left.images[0].get_array().tolist() == [[200, 255], [255, 255]] and "75 %" in left.get_title()
    assert np.allclose(right.images[0].get_array(), [[0.2, 1.5], [2.5, 0.255]])


def test_the_sketch_has_a_line_for_each_pair_and_marks_what_is_frozen():
    spaces = {"star": star("rgb", OTHERS), "all": all_pairs(("rgb", *OTHERS))}
    axes = figures.space_sketch(spaces, frozen=("rgb",)).axes
    assert [len(panel.lines) for panel in axes] == [3, 6]
    assert [text.get_text() for text in axes[0].texts] == ["rgb\n(frozen)", *OTHERS]
    assert len(figures.space_sketch({"star": spaces["star"]}, frozen=()).axes[0].texts) == 4


def score_rows(**columns):
    return {"score": "top1", "value": 0.5, "low": 0.4, "high": 0.7} | columns


@pytest.fixture
def probes():
    asked = [("constant", 0), ("linear_probe", 0), ("linear_probe", 5), ("nearest", 5), ("emergent", 0)]
    rows = [score_rows(group=group, modality=name, method=method, shots=shots, value=0.1 if not place else 0.5)
            for group in ("star", "star, random anchor") for name in ("rgb", *OTHERS)
            for place, (method, shots) in enumerate(asked)]
    rows += [score_rows(group="depth, labels", modality="depth", method="linear_probe", shots=0, value=0.9)]
    return pd.concat([pd.DataFrame(rows), pd.DataFrame(rows).assign(score="uar", value=0)])


def test_probes_have_a_panel_for_each_modality_and_the_constant_its_line(probes):
    axes = figures.probe_chart(probes, ["star", "star, random anchor"], anchor="rgb").axes
    assert [panel.get_title() for panel in axes] == list(OTHERS)
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["star", "star, random anchor"]
    assert [line.get_label() for line in axes[0].lines][1:] == [
        "linear probe, 5 labels a class", "classes learned from the anchor alone (emergent)", "constant class"]
    assert [tuple(path[:, 0]) for path in axes[0].collections[0].get_segments()] == [(40, 70)] * 2
    assert axes[0].lines[-1].get_xdata()[0] == 10


def test_groups_that_know_one_modality_share_a_row(probes):
    axes = figures.probe_chart(probes, {"depth, labels": "supervised", "star": "star"}, anchor="rgb").axes
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["supervised", "star"]
    assert axes[0].lines[0].get_ydata().shape == (2,) and axes[0].lines[0].get_xdata()[0] == 90
    assert np.isnan(axes[1].lines[0].get_xdata()[0])


def test_retrieval_is_apart_for_the_anchor_and_has_chance_in_each_row():
    rows = [{"group": group, "query": query, "item": item, "chance": 0.01, "r1": 0.3, "low": 0.2, "high": 0.4}
            for group in ("star", "all pairs") for query, item in permutations(("rgb", *OTHERS), 2)]
    left, right = figures.retrieval_chart(pd.DataFrame(rows), anchor="rgb").axes
    assert [label.get_text() for label in left.get_yticklabels()][:2] == ["rgb → depth", "rgb → infrared"]
    assert len(right.get_yticklabels()) == 6 and not any("rgb" in label.get_text() for label in right.get_yticklabels())
    chance = left.collections[-1].get_segments()
    assert len(chance) == 6 and np.allclose(chance[0][:, 0], 1)
    two = pd.DataFrame(rows).query("query in ('rgb', 'depth') and item in ('rgb', 'depth')")
    assert len(figures.retrieval_chart(two, anchor="rgb").axes) == 1


def test_fusion_shows_everything_no_anchor_and_each_alone():
    subsets = ["rgb", "depth", "joints", "rgb + depth", "depth + joints", "rgb + joints", "rgb + depth + joints"]
    rows = [score_rows(head=head, there=there, count=len(there.split(" + "))) for head in ("masked", "mean")
            for there in subsets]
    axes = figures.fusion_chart(pd.DataFrame(rows), anchor="rgb").axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[:2] == ["everything", "without rgb"] and set(names[2:]) == {"only rgb", "only depth", "only joints"}
    assert [line.get_label() for line in axes.lines] == ["masked", "mean"]


def test_hidden_pixels_are_grey_and_guesses_say_how_far_off_they_are():
    true = np.random.default_rng(0).uniform(-1, 1, (8, 1, 4, 4))
    seen, guessed = true.copy(), true.copy()
    seen[..., :3] = 0
    guessed[..., :3] += 0.25
    axes = figures.masked_pictures(seen, guessed, true, guessed + (seen != true)).axes
    labels = [panel.get_ylabel() for panel in axes[::4]]
    assert "25 %" in labels[0] and "0.25 m" in labels[1] and "1.25 m" in labels[2] and len(axes) == 16
    shown = axes[0].images[0].get_array()
    assert shown.mask[:, :3].all() and np.allclose(shown[:, 3], true[0, 0, :, 3])


def test_both_losses_start_at_their_first_epoch():
    log = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": [2.0, 1.0, 0.5]})
    right, scrambled = figures.loss_and_picture(log, log.assign(train_loss=[0.4, 0.3, 0.2])).axes[0].lines
    assert right.get_ydata().tolist() == [100, 50, 25] and np.allclose(scrambled.get_ydata(), [100, 75, 50])
    assert scrambled.get_label() == "scrambled targets: from 0.4 to 0.2"
