"""The explorers: what they show, that a figure is left where nobody can click, and that the widgets act."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from mgutils.config import RunConfig, get_objective, get_profile, vision_config
from mgutils.course import explorer, explorer_answers
from mgutils.course.explorer import FrameExplorer, Skeletons, enlarge, png_bytes
from mgutils.course.explorer_answers import AnswerExplorer
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError, DataError
from mgutils.evaluation.attribution import occlusion_map
from mgutils.evaluation.embed import run_scorer
from mgutils.models.encoders import as_images
from mgutils.report.figures.data import read_image
from mgutils.training.store import train_all


@pytest.fixture(scope="module")
def tiny(tiny_template):
    return read_dataset(tiny_template)


def decoded(bundle):
    return Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))


# -- frames ------------------------------------------------------------------------------------------------------------


def test_frames_are_found_by_class_and_subject(tiny):
    view = FrameExplorer(tiny)
    assert sorted(view.groups(1)) == sorted(tiny.frames.loc[tiny.frames["class_id"] == 1, "subject_id"].unique())
    rows = [row for group in view.groups(1) for row in view.rows(1, group)]
    assert sorted(rows) == np.flatnonzero(tiny.frames["class_id"] == 1).tolist()
    assert "subject" in view.caption(0) and "clip" in view.caption(0)


def test_without_a_sidecar_clips_stand_in_for_subjects(bare_root):
    view = FrameExplorer(read_dataset(bare_root))
    assert view.by == "clip_id" and view.skeletons is None and view.rows(1, view.groups(1)[0])
    assert view.figure().axes


@pytest.mark.slow
def test_nobody_can_click_in_a_test_so_a_figure_is_left(tiny):
    bundle = FrameExplorer(tiny)._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"} and decoded(bundle).width > 500


@pytest.mark.slow
def test_before_a_person_there_are_widgets_and_they_act(tiny, monkeypatch):
    monkeypatch.setattr(explorer, "interactive", lambda: True)
    view = FrameExplorer(tiny)
    assert "application/vnd.jupyter.widget-view+json" in view._repr_mimebundle_()
    gesture, group, (frame, _), picture, note = (  # no box to tick: these data have no keypoints
        child.children if hasattr(child, "children") else child for child in view._live.children)
    before = picture.value
    assert frame.max == len(view.rows(1, group.value)) - 1
    gesture.value = 3
    assert picture.value != before and group.value == view.groups(3)[0]
    before = picture.value
    frame.value = 1
    assert picture.value != before and "image 2 of 3" in note.value


def test_the_skeleton_lies_where_the_keypoints_say():
    places = np.array([[[2, 2], [8, 2], [8, 8], [2, 8]]], dtype=np.float32)
    names = np.array(["right_shoulder", "right_elbow", "left_shoulder", "left_elbow"])
    bones = Skeletons(names, places, np.array([[True, True, True, False]])).bones(0)
    assert [(ends.tolist(), seen) for ends, seen, _ in bones] == [([[2, 2], [8, 2]], True), ([[8, 8], [2, 8]], False)]
    grey = np.full((10, 10, 3), 128, np.uint8)
    plain, drawn = enlarge(grey), enlarge(grey, bones)
    changed = (plain != drawn).any(axis=2)
    assert drawn.shape == (448, 448, 3) and changed[90, 135:313].all() and not changed[180:268].any()


def test_keypoints_of_another_dataset_are_refused(tiny_root):
    np.savez(tiny_root / "keypoints.npz", names=["nose"], uv=np.zeros((3, 1, 2)), visible=np.ones((3, 1), bool))
    with pytest.raises(DataError, match="keypoints.npz: found 3 rows; wanted 72"):
        FrameExplorer(read_dataset(tiny_root))


def test_a_picture_is_png():
    assert Image.open(io.BytesIO(png_bytes(np.zeros((4, 4, 3), np.uint8)))).size == (4, 4)


# -- the heat map ------------------------------------------------------------------------------------------------------


def test_the_map_peaks_where_the_score_looks():
    image = np.zeros((32, 32, 3), np.uint8)
    image[20:28, 4:12] = 255

    class Scorer(torch.nn.Module):
        """Class 1 looks at the bright square, class 0 at nothing."""

        def forward(self, images):
            seen = images[:, :, 20:28, 4:12].mean(dim=(1, 2, 3))
            return torch.stack([0 * seen, seen], dim=1)

    heat = occlusion_map(Scorer(), image, 1, steps=9)
    assert heat.shape == (32, 32)
    peak = np.unravel_index(heat.argmax(), heat.shape)
    assert 18 <= peak[0] <= 29 and 2 <= peak[1] <= 13 and heat[:8].max() == 0
    assert (occlusion_map(Scorer(), image, 0, steps=3) == 0).all()


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(tiny_template, tmp_path_factory):
    """One contrastive run and one without text, of the tiny dataset."""
    profile = get_profile("smoke")
    contrastive = RunConfig("sound_ce", get_objective("sound_ce"), profile.model, profile.train, "frame")
    return train_all([contrastive, vision_config("smoke", "resnet", epochs=1)], tiny_template,
                     tmp_path_factory.mktemp("runs"), jobs=1, progress=False)


@pytest.mark.slow
def test_the_scorer_gives_the_scores_of_the_run(tiny, runs):
    view = AnswerExplorer(tiny, runs[0])
    images = np.asarray(view._pixels[runs[0].valid])
    with torch.no_grad():
        for run in runs:
            logits = run_scorer(run.directory)(as_images(torch.from_numpy(images)))
            assert np.allclose(logits.numpy(), run.logits, atol=1e-4)


def test_answers_and_nearest_captions_are_sorted_and_agree_for_a_normalised_run(tiny, runs):
    view = AnswerExplorer(tiny, runs[0])
    for place in range(3):
        answers, near = view.answers(place), view.nearest_captions(place)
        assert answers["class_index"].tolist() == near["class_index"].tolist()
        assert answers["probability"].is_monotonic_decreasing and near["cosine"].between(-1, 1).all()
        assert answers["class_index"][0] == runs[0].logits[place].argmax()


def test_right_and_wrong_answers_share_out_the_images(tiny, runs):
    view = AnswerExplorer(tiny, runs[0])
    right, wrong = set(view.rows("right")), set(view.rows("wrong"))
    assert right | wrong == set(range(len(runs[0].valid))) and not right & wrong
    assert all(runs[0].target[place] == 2 for place in view.rows("all", 2))


@pytest.mark.slow
def test_the_figure_and_the_widgets_of_the_answers(tiny, runs, monkeypatch):
    view = AnswerExplorer(tiny, runs[0])
    assert decoded(view._repr_mimebundle_()).width > 1000
    monkeypatch.setattr(explorer_answers, "occlusion_map", lambda *_: np.zeros((32, 32)))  # seen above, and slow
    which, gesture, box, picture, note = view.widget().children
    before = picture.value
    box.children[0].value = 1
    assert picture.value != before
    which.value = "wrong"
    assert f"of {len(view.rows('wrong'))}: the surest answer first; this is " in note.value
    gesture.index = 1
    assert f"image 1 of {len(view.rows('wrong', gesture.value))}: " in note.value


def test_peaks_near_hands(tiny, runs, monkeypatch):
    view = AnswerExplorer(tiny, runs[0])
    assert all(len(part) == 0 for part in view.peaks_near_hands([0, 1]))  # no keypoints, nothing to say
    side = len(read_image(tiny, 0))
    uv = np.full((len(tiny), 2, 2), side * 3 / 4, np.float32)
    uv[:, 0] = 0  # the nose
    body = Skeletons(np.array(["nose", "left_wrist"]), uv, np.ones((len(tiny), 2), bool))
    monkeypatch.setattr(Skeletons, "of", lambda dataset: body)
    heat = np.zeros((32, 32))
    heat[24, 24] = 1
    monkeypatch.setattr(explorer_answers, "occlusion_map", lambda *_: heat)
    hits, shares = view.peaks_near_hands([0])
    assert hits.tolist() == [True] and shares[0] == pytest.approx(np.pi * 4**2 / 32**2, rel=0.1)
    heat[2, 2] = 2
    assert AnswerExplorer(tiny, runs[0]).peaks_near_hands([0])[0].tolist() == [False]


def test_a_run_without_text_is_refused(tiny, runs):
    with pytest.raises(ConfigError, match="reads no text"):
        AnswerExplorer(tiny, runs[1])
