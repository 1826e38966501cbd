"""The explorer and the page of a space: what lies nearest to what, and which runs they refuse."""

import base64
import io
import json
import re

import numpy as np
import pytest
from offline_pages import network_references
from PIL import Image
from space_runs import NAMES, made_run, noise_clips

from mgutils.config import FusionConfig, Pair, SpaceConfig
from mgutils.course import explorer
from mgutils.course.explorer_space import SpaceExplorer, thumbnail
from mgutils.course.space_page import collect, write_space_page
from mgutils.errors import ConfigError
from mgutils.metrics.ranks import ranks


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return noise_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def run(dataset, tmp_path_factory):
    return made_run(dataset, tmp_path_factory.mktemp("star"))


@pytest.fixture(scope="module")
def view(dataset, run):
    return SpaceExplorer(dataset, run)


# -- neighbours --------------------------------------------------------------------------------------------------------


def test_ranks_are_those_of_retrieval(view, run):
    vectors = {name: run.arrays[name][run.valid] for name in NAMES}
    unit = {name: each / np.linalg.norm(each, axis=1, keepdims=True) for name, each in vectors.items()}
    wanted = ranks(unit["joints"] @ unit["rgb"].T, np.eye(len(run.valid), dtype=bool))
    assert [view.rank("joints", place, "rgb") for place in range(len(run.valid))] == wanted.tolist()


def test_neighbours_are_sorted_reported_and_marked(view, run):
    found = view.neighbours("rgb", 3, "joints")
    assert found["cosine"].is_monotonic_decreasing and sorted(found["place"]) == list(range(len(run.valid)))
    same = run.target[found["place"]] == run.target[3]
    assert (found["mark"].ne("another class") == same).all()
    assert found.loc[found["mark"] == "the clip itself", "place"].tolist() == [3]


def test_a_clip_that_lacks_a_modality_is_neither_asked_for_nor_found(view, run):
    lacking = np.flatnonzero(run.valid % 7 == 0)
    assert not set(lacking) & set(view.neighbours("rgb", 0, "depth")["place"])
    assert view.rank("rgb", lacking[0], "depth") is None
    asked = [view.question(row) for row in view.rows(1)]
    assert {name for name, _ in asked} == {"depth"} and not set(lacking) & {place for _, place in asked}
    assert "? in depth" in view.caption(int(lacking[0]))


def test_rows_are_those_of_a_class(view, run):
    assert [label for label, _ in view.choices()] == list(NAMES)
    classes = [value for _, value in view.choices_within(0)][1:]
    assert sum(len(view.rows(0, value)) for value in classes) == len(view.rows(0)) == len(run.valid)


def test_the_example_is_an_ordinary_clip(view):
    query, place = view.question(view.example())
    both = [other for name, other in map(view.question, view.rows(1))]
    ranks_of_all = sorted(view.rank(query, other, "rgb") for other in both)
    assert query == "depth" and view.rank(query, place, "rgb") == ranks_of_all[(len(both) - 1) // 2]


# -- what is shown -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_figure_is_left_where_nobody_can_click(view):
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"}
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).width > 1000


@pytest.mark.slow
def test_widgets_act(dataset, run, monkeypatch):
    monkeypatch.setattr(explorer, "interactive", lambda: True)
    view = SpaceExplorer(dataset, run)
    assert "application/vnd.jupyter.widget-view+json" in view._repr_mimebundle_()
    modality, gesture, box, picture, note = view._live.children
    before = picture.value
    box.children[0].value = 1
    assert picture.value != before and note.value.startswith("clip 2 of 20: finds itself at rank ")
    modality.value = 1
    assert f"of {len(view.rows(1))}" in note.value and "in rgb" in note.value and "in depth" not in note.value
    gesture.index = 1
    assert f"clip 1 of {len(view.rows(1, gesture.value))}: " in note.value


def test_thumbnails_of_all_modalities_are_pictures():
    rng = np.random.default_rng(0)
    depth = np.array([[1000, 2000], [3000, 0]], np.uint16)
    frames = {"rgb": rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), "infrared": np.zeros((4, 4), np.uint8),
              "joints": rng.uniform(0, 1, (22, 3)), "depth": depth, "flow": rng.normal(size=(2, 4, 4)),
              "heart": np.zeros(5), "pulse": np.float32(3)}
    for name, frame in frames.items():
        picture = thumbnail(name, frame)
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    near, far = thumbnail("depth", depth)[0, 0], thumbnail("depth", depth)[1, 0]
    assert near.sum() > far.sum()


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_is_one_small_file_that_fetches_nothing(dataset, run, tmp_path):
    page = write_space_page(run, dataset, tmp_path / "pages" / "space.html", clips=12)
    text = page.read_text(encoding="utf-8")
    assert list(page.parent.iterdir()) == [page] and len(text) < 2_000_000
    assert network_references(text) == [] and "default-src 'none'" in text and str(dataset.root) not in text
    content = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)[1])
    assert content["modalities"] == list(NAMES) and len(content["names"]) == 12
    assert content["target"] == sorted(content["target"])


def test_the_page_holds_the_embeddings_of_the_run(dataset, run):
    content = collect(run, dataset, 99)
    order = [run.valid.tolist().index(row) for row in sorted(run.valid, key=lambda row: (dataset.target[row], row))]
    for name in NAMES:
        floats = np.frombuffer(base64.b64decode(content["vectors"][name]), "<f4").reshape(len(order), -1)
        wanted = run.arrays[name][run.valid][order]
        assert np.allclose(floats, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)
    there = content["present"]["depth"]
    assert [bool(uri) for uri in content["pictures"]["depth"]] == there and not all(there)


def test_other_runs_and_other_clips_are_refused(dataset, run, tmp_path):
    for model, says in ((FusionConfig(NAMES), "run of fusion"),
                        (SpaceConfig((Pair("rgb", "class", "class_ce"),)), "with 1 modalities")):
        with pytest.raises(ConfigError, match=says):
            SpaceExplorer(dataset, made_run(dataset, tmp_path, model))
    for changed in ({"target": 1 - run.target}, {"rgb": run.arrays["rgb"][:-1]}):
        with pytest.raises(ConfigError, match="a run of other clips"):
            write_space_page(made_run(dataset, tmp_path, **changed), dataset, tmp_path / "space.html")
    with pytest.raises(ConfigError, match="clips: found 1"):
        collect(run, dataset, 1)
