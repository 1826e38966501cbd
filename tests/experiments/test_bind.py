"""`mg bind` on tiny clips: both groups differ in the anchor alone, and the page says what the table holds."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mgutils.cli import main
from mgutils.config import Protocol, get_space_profile, space_config
from mgutils.data.importers.modality import add_modality
from mgutils.data.items import load_modality, read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.data.protocol import split_of
from mgutils.errors import ConfigError
from mgutils.experiments.bind import Binding, array_encoder, bind, number_scale, train_anchor
from mgutils.experiments.bind_tables import (
    CHANCE,
    CONSTANT,
    ITSELF,
    LESS,
    RANDOM,
    RETRIEVAL,
    TRAINED,
    bind_table,
)
from mgutils.experiments.cameras import supervised
from mgutils.models.space import build_encoder
from mgutils.report.bind import bind_page, write_bind
from mgutils.report.figures.binding import bind_chart
from mgutils.training.store import train_all

CLIPS, CLASSES, LENGTH = 96, 3, 4
CLASS = np.arange(CLIPS) % CLASSES
SUBJECT = np.arange(CLIPS) // 8 + 1


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Joints that say the class, in a clip's place; twelve people."""
    root = tmp_path_factory.mktemp("bind") / "clips"
    root.mkdir()
    rng = np.random.default_rng(0)
    joints = np.ones((CLIPS, LENGTH, 22, 3), dtype=np.float32)
    joints[..., :2] = 0.5 + 0.1 * rng.normal(size=(CLIPS, 1, 1, 2)) + 0.02 * rng.normal(size=(CLIPS, LENGTH, 22, 2))
    joints[:, :, 4, 0] += 0.3 * (CLASS[:, None] - 1)
    table = pd.DataFrame({"clip_id": np.arange(CLIPS), "class_id": CLASS + 1, "frames": LENGTH,
                          "video_id": SUBJECT, "subject_id": SUBJECT})
    write_clips(root, table, Labels(("nod", "wave", "point")), {"joints": joints.reshape(-1, 22, 3)})
    return root


@pytest.fixture(scope="module")
def arrays(clips):
    """A glove of four numbers that say the class in a mixture of theirs; every tenth clip lacks it."""
    folder = clips.parent / "glove"
    folder.mkdir()
    rng = np.random.default_rng(1)
    mixture = rng.normal(size=(CLASSES, 4)) * [1, 1, 1, 1000]
    for clip in range(CLIPS):
        if clip % 10:
            noise = 0.3 * rng.normal(size=(6, 4)) * [1, 1, 1, 1000]
            np.save(folder / f"{clip}.npy", mixture[CLASS[clip]] + noise + [0, 0, 50, 0])
    return folder


@pytest.fixture(scope="module")
def root(clips, arrays):
    return add_modality(arrays, clips, clips.parent / "out" / "bind" / "glove" / "clips", "glove", progress=False).root


@pytest.fixture(scope="module")
def anchor(clips):
    """An anchor on joints, trained for long enough to know the classes."""
    config = space_config("smoke", supervised("joints"), "joints_labels", "subject", epochs=30, validate_every=30,
                          augment="none")
    return train_all([config], clips, clips.parent / "out", jobs=1, progress=False)[0]


@pytest.fixture(scope="module")
def found(root, clips, anchor) -> Binding:
    return bind(root, clips, "glove", clips.parent / "out", anchor=anchor.directory, profile="smoke", seeds=2,
                epochs=30, jobs=1)


@pytest.fixture(scope="module")
def table(found):
    return bind_table(found, bootstrap=400)


# -- the runs ----------------------------------------------------------------------------------------------------------


def test_the_groups_differ_in_where_the_anchor_comes_from_and_in_nothing_else(found, anchor):
    trained, random = (found.groups[group] for group in (TRAINED, RANDOM))
    assert [run.config.seed for run in trained] == [run.config.seed for run in random] == [0, 1]
    for first, second in zip(trained, random, strict=True):
        plain = [run.config.as_dict() for run in (first, second)]
        assert plain[0].pop("init") and "init" not in plain[1]
        assert plain[0].pop("objective") != plain[1].pop("objective")
        assert plain[0] == plain[1]
    model = trained[0].config.model
    assert model.frozen == ("joints",) and [pair.name for pair in model.pairs] == ["joints-glove"]
    assert trained[0].config.split == anchor.config.split == "subject"


def test_the_frozen_anchor_is_that_of_the_run_and_the_control_is_another(found, anchor):
    wanted = anchor.arrays["joints"]
    for run in found.groups[TRAINED]:
        assert np.allclose(run.arrays["joints"], wanted, atol=1e-5)
    for run in found.groups[RANDOM]:
        vectors = run.arrays["joints"]
        assert not np.allclose(vectors, wanted, atol=0.1)
        assert abs(vectors.mean()) < 0.2  # centred


def test_the_anchor_has_seen_none_of_the_reported_people(found):
    assert found.seen == 0
    people = [set(SUBJECT[rows]) for rows in (found.split.train, found.split.valid)]
    assert not people[0] & people[1]


def test_an_anchor_that_learned_from_the_reported_clips_is_told(root, clips, anchor):
    found = bind(root, clips, "glove", clips.parent / "out", anchor=anchor.directory, profile="smoke", seeds=1, jobs=1,
                 split="clip")
    learned = split_of(anchor.config, read_clip_dataset(clips)).train
    assert found.seen == np.isin(found.split.valid, learned).sum() > 0
    page = bind_page(found, bind_table(found, bootstrap=50))
    assert f"has learned from {found.seen:,} of the {len(found.split.valid):,} reported clips" in page


def test_nothing_is_trained_twice(found, root, clips, anchor):
    before = {path: path.stat().st_mtime_ns for path in (clips.parent / "out" / "runs").rglob("receipt.json")}
    bind(root, clips, "glove", clips.parent / "out", anchor=anchor.directory, profile="smoke", seeds=2, epochs=30,
         jobs=1)
    assert {path: path.stat().st_mtime_ns for path in (clips.parent / "out" / "runs").rglob("receipt.json")} == before


def test_an_anchor_with_few_labels_leaves_all_clips_to_the_new_modality(root, clips):
    config = space_config("smoke", supervised("joints"), "joints_labels", "subject")
    config = replace(config, protocol=Protocol(per_class=4))
    few = train_all([config], clips, clips.parent / "out", jobs=1, progress=False)[0]
    found = bind(root, clips, "glove", clips.parent / "out", anchor=few.directory, profile="smoke", seeds=1, jobs=1)
    assert len(found.split.train) > 60 and found.seen == 0


def test_without_a_run_an_anchor_is_trained_on_what_the_clips_have(clips):
    run = train_anchor(get_space_profile("smoke"), clips, clips.parent / "out")
    assert run.config.model.modalities == ("joints",) and run.config.split == "subject"


@pytest.mark.parametrize("name", ["half", "keys", "training"])
def test_a_name_of_torch_is_refused(root, clips, name):
    with pytest.raises(ConfigError, match="PyTorch keeps"):
        bind(root, clips, name, clips.parent / "out", profile="smoke")


def test_numbers_are_scaled_by_the_training_clips_alone(root, found):
    dataset = read_clip_dataset(root)
    rows = found.split.train
    flow = load_modality(dataset, "glove").reshape(CLIPS, LENGTH, 4)
    own = flow[rows[rows % 10 != 0]].reshape(-1, 4)
    mean, deviation = number_scale(dataset, "glove", rows)
    assert np.allclose(mean, own.mean(axis=0), rtol=1e-4)
    assert np.allclose(deviation, own.std(axis=0), rtol=1e-4)
    settings = found.groups[TRAINED][0].config.model.encoders["glove"]
    assert settings["shape"] == [4] and settings["mean"] == mean and settings["deviation"] == deviation


def test_pictures_are_looked_at_as_those_of_the_profiles_cameras(clips, tmp_path):
    folder = tmp_path / "flow"
    folder.mkdir()
    for clip in range(6):
        np.save(folder / f"{clip}.npy", np.random.default_rng(clip).normal(size=(4, 40, 20, 2)))
    dataset = read_clip_dataset(add_modality(folder, clips, tmp_path / "clips", "flow", progress=False).root)
    settings = array_encoder(get_space_profile("cpu"), dataset, "flow", np.arange(CLIPS))
    encoder = build_encoder("flow", settings, 8)
    seen = []
    encoder.network.register_forward_pre_hook(lambda network, inputs: seen.append(tuple(inputs[0].shape)))
    assert encoder(torch.ones(3, 8, 40, 20, 2)).shape == (3, encoder.width)
    assert seen == [(24, 2, 32, 20)]


# -- the table ---------------------------------------------------------------------------------------------------------


def value(table, anchor, method, shots=0, score="uar"):
    cells = table.set_index(["anchor", "method", "shots", "score"])
    return cells.loc[(anchor, method, shots, score)]


def test_the_constant_class_comes_first_and_chance_is_one_in_all(table, found):
    assert table.iloc[0]["anchor"] == CONSTANT
    assert value(table, CONSTANT, CONSTANT)["value"] == pytest.approx(1 / CLASSES)
    asked = (found.split.valid % 10 != 0).sum()
    assert value(table, TRAINED, "emergent")["clips"] == asked
    assert value(table, CHANCE, RETRIEVAL, 0, "r1")["value"] == pytest.approx(1 / asked)


def test_every_question_is_asked_of_both_anchors_and_their_difference_is_paired(table):
    questions = {("linear_probe", 5), ("linear_probe", 0), ("nearest", 5), ("nearest", 0), ("emergent", 0)}
    for group in (TRAINED, RANDOM, LESS, ITSELF):
        rows = table[(table["anchor"] == group) & (table["method"] != RETRIEVAL)]
        assert set(zip(rows["method"], rows["shots"], strict=True)) == questions
    for method, shots in questions:
        less = value(table, LESS, method, shots)
        wanted = value(table, TRAINED, method, shots)["value"] - value(table, RANDOM, method, shots)["value"]
        assert less["value"] == pytest.approx(wanted) and less["low"] <= less["value"] <= less["high"]
        assert (less["verdict"] == "not shown") == (less["p"] >= 0.05 or less["low"] <= 0 <= less["high"])


def test_classes_of_the_anchor_work_for_a_modality_that_never_saw_a_label(table):
    assert value(table, TRAINED, "emergent")["value"] > 0.8
    assert value(table, TRAINED, "emergent")["value"] > value(table, CONSTANT, CONSTANT)["high"]


def test_numbers_of_other_clips_teach_nothing(root, clips, anchor, found):
    """The control of the test above: the same glove, dealt out to other clips."""
    folder = clips.parent / "dealt"
    folder.mkdir()
    order = np.random.default_rng(2).permutation([clip for clip in range(CLIPS) if clip % 10])
    for clip, other in zip(sorted(order), order, strict=True):
        np.save(folder / f"{clip}.npy", np.load(clips.parent / "glove" / f"{other}.npy"))
    dealt = add_modality(folder, clips, clips.parent / "dealt_clips", "glove", progress=False).root
    other = bind(dealt, clips, "glove", clips.parent / "out", anchor=anchor.directory, profile="smoke", seeds=1,
                 epochs=30, jobs=1)
    assert value(bind_table(other, bootstrap=50), TRAINED, "emergent")["value"] < 0.7


# -- the page ----------------------------------------------------------------------------------------------------------


def test_every_number_of_the_pages_tables_is_one_of_the_csv(found, table, tmp_path):
    page = write_bind(found, table, tmp_path / "glove").read_text(encoding="utf-8")
    saved = pd.read_csv(tmp_path / "glove" / "bind.csv")
    assert len(saved) == len(table)
    known = {f"{100 * number:.1f}" for number in saved[["value", "low", "high"]].to_numpy().ravel()}
    cells = [line for line in page.splitlines() if line.startswith("|")]
    numbers = re.findall(r"-?\d+\.\d", "\n".join(cells))
    assert len(numbers) > 60 and set(numbers) <= known
    assert (tmp_path / "glove" / "bind.png").read_bytes().startswith(b"\x89PNG")
    assert "synthetic" not in page
    for row in saved[(saved["anchor"] == LESS) & (saved["score"] == "uar")].itertuples():
        assert row.verdict in ("shown", "not shown", "shown the other way round")


def test_the_studios_clips_are_called_synthetic(found, table):

    studio = replace(found, dataset=replace(found.dataset, numbering="studio"))
    assert "**The clips are synthetic**" in bind_page(studio, table)
    others = replace(found, seen=None)
    assert "trained on other clips" in bind_page(others, table)


def test_the_chart_shows_each_group_and_the_constant_class(table):
    axes = bind_chart(table).axes
    assert len(axes) == 2
    dots = [collection.get_offsets()[:, 0] for collection in axes[0].collections if len(collection.get_offsets()) == 5]
    wanted = [[100 * value(table, group, *question)["value"] for question in
               (("linear_probe", 5), ("nearest", 5), ("linear_probe", 0), ("nearest", 0), ("emergent", 0))]
              for group in (TRAINED, RANDOM)]
    assert np.allclose(dots, wanted)


def test_one_person_has_no_interval_and_nothing_is_shown(found, table):
    rows = table.assign(low=np.nan, high=np.nan)
    assert "nan" not in bind_page(found, rows).lower()


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_leaves_one_page(clips, arrays, anchor, tmp_path, capsys):
    status = main(["bind", str(arrays), str(clips), "--name", "glove", "--anchor", str(anchor.directory), "--profile",
                   "smoke", "--seeds", "1", "--jobs", "1", "--out-dir", str(tmp_path)])
    said = capsys.readouterr().out
    assert status == 0 and "glove, bound to joints" in said
    assert sorted(path.name for path in (tmp_path / "bind" / "glove").iterdir()) == [
        "bind.csv", "bind.md", "bind.png", "clips"]


@pytest.mark.parametrize(("words", "message"), [
    ("nowhere CLIPS --name glove", "no such folder"),
    ("ARRAYS nowhere --name glove", "no folder of clips"),
    ("ARRAYS CLIPS --name joints", "is taken"),
    ("ARRAYS CLIPS --name Glove", "small letters"),
    ("ARRAYS CLIPS --name glove --anchor nowhere", "not the configuration of a run"),
    ("ARRAYS CLIPS --name glove --seeds 0", "seeds, jobs, seed, epochs"),
    ("ARRAYS CLIPS --name glove --epochs -1", "seeds, jobs, seed, epochs"),
    ("ARRAYS CLIPS --name glove --split official", "split 'official'"),
    ("ARRAYS CLIPS --name glove --size -1", "size: found -1"),
    ("CLIPS CLIPS --name glove", "the clip 'clips/joints'"),
])
def test_a_wrong_argument_is_told_and_nothing_is_written(clips, arrays, tmp_path, capsys, words, message):
    out = tmp_path / "out"
    places = {"ARRAYS": str(arrays), "CLIPS": str(clips)}
    arguments = [places.get(word, word) for word in words.split()]
    assert main(["bind", *arguments, "--out-dir", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mg: ") and message in said
    assert not out.exists()
