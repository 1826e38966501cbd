"""A run that starts from the weights of another: what comes over, what is refused, what the new run knows of it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mgutils.cli import main
from mgutils.config import run_config, vision_config
from mgutils.data.labels import Labels
from mgutils.data.layout import write_tables
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import CheckpointError
from mgutils.models.encoders import make_tokenizer
from mgutils.training.config_file import parse_config
from mgutils.training.session import open_session
from mgutils.training.start import check_start, model_to_build
from mgutils.training.store import run_directory, train_all

NAMES = ("Turtle neck", "folded arms", "touching brown hat ")
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 60, 230))
pytestmark = pytest.mark.slow
WORDS = "text_encoder.model.embeddings.word_embeddings.weight"


def coloured(root: Path, names: tuple[str, ...], clips: int, seed: int) -> Path:
    """A dataset of plain colours, one for each class, with noise; every image is a clip."""
    rng = np.random.default_rng(seed)
    rows = [(class_id, clip, 0, f"{class_id}/{clip}.0.jpg")
            for clip, class_id in enumerate(np.tile(np.arange(1, len(names) + 1), clips))]
    frames = pd.DataFrame(rows, columns=["class_id", "clip_id", "frame_id", "path"])
    for class_id, path in frames[["class_id", "path"]].itertuples(index=False):
        file = root / "training" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(-40, 40, (24, 24, 3))
        Image.fromarray((np.array(COLOURS[class_id - 1]) + noise).clip(0, 255).astype(np.uint8)).save(file)
    write_tables(root, frames, Labels(names))
    return root


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A finished run with captions on one dataset, and another dataset with partly other captions."""
    folder = tmp_path_factory.mktemp("start")
    first = coloured(folder / "first", ("Turtle neck", "Folding arms", "touching jaw "), 40, seed=1)
    coloured(folder / "second", NAMES, 16, seed=2)
    run, = train_all([run_config("smoke", "sound_ce", epochs=6, augment="none")], first, folder / "out", jobs=1,
                     progress=False)
    return folder, run.directory


def arguments(place, *options, name="second"):
    return ["train", str(place[0] / name), "--profile", "smoke", "--epochs", "2", "--out-dir", str(place[0] / "new"),
            *options]


def test_a_run_goes_on_from_the_weights_of_another_and_is_lower_in_its_first_epoch(place, capsys, tmp_path):
    folder, before = place
    assert main(arguments(place)) == 0
    scratch = json.loads(capsys.readouterr().out)["directory"]
    assert main(arguments(place, "--init", str(before))) == 0
    captured = capsys.readouterr()
    tuned = json.loads(captured.out)["directory"]
    assert "which the run starts from" not in captured.err  # it has seen none of these images
    loss = [json.loads((Path(run) / "log.jsonl").read_text().splitlines()[0])["train_loss"] for run in (tuned, scratch)]
    assert loss[0] < loss[1]

    # it knows where it came from, and another start is another run
    settings = json.loads((Path(tuned) / "config.json").read_text())
    assert settings["init"] == check_start(before, run_config("smoke", "sound_ce").model)
    assert settings["init_run"] == before.name and Path(tuned).name != Path(scratch).name
    assert json.loads((Path(tuned) / "receipt.json").read_text())["config"]["init"] == settings["init"]
    assert "init" not in json.loads((Path(scratch) / "config.json").read_text())

    # and it is a run like any other
    assert main(["evaluate", tuned, str(folder / "second"), "--out-dir", str(tmp_path / "scores")]) == 0
    image = next((folder / "second" / "training" / "1").glob("*.jpg"))
    assert main(["predict", str(image), "--checkpoint", tuned, "--out-dir", str(tmp_path / "answers")]) == 0
    capsys.readouterr()
    assert main(arguments(place, "--init", str(before))) == 0  # nothing is trained twice
    assert json.loads(capsys.readouterr().out)["directory"] == tuned

    # its own settings say that they want a start
    assert main(["train", str(folder / "second"), "--config", f"{tuned}/config.json"]) == 2
    assert "Give it with --init" in capsys.readouterr().err


def session_of(place, config, before):
    """A session on the second dataset that starts from a run."""
    dataset = read_dataset(place[0] / "second")
    config = replace(config, init=check_start(before, config.model), init_from=str(before))
    return open_session(config, dataset, load_pixels(dataset, 32, progress=False), make_split(dataset, "frame"))


def changed(before, now):
    """Names of weights that are not what they were; a count of batches is none."""
    return {name for name in now if "num_batches" not in name
            and not (name in before and torch.equal(now[name], before[name]))}


def test_a_pretrained_text_encoder_alone_stays_one_and_needs_no_weights_where_a_run_gives_them():
    model = replace(run_config("smoke", "sound_ce").model, pretrained="text")
    config = replace(run_config("smoke", "sound_ce"), model=model)
    assert model_to_build(config) == model  # not True, which would look for the image encoder's weights, too
    assert model_to_build(replace(config, init="a hash")).pretrained is False


def test_weights_come_over_where_they_mean_the_same(place):
    before = load_file(place[1] / "best.safetensors")
    config = run_config("smoke", "sound_ce")
    config = replace(config, loss=replace(config.loss, temperature=0.2, learn_temperature=True))
    model = session_of(place, config, place[1]).task.model
    now = model.state_dict()
    assert model.temperature.item() == pytest.approx(0.2)  # of the new objective
    assert changed(before, now) == {WORDS, "log_temperature"}

    old, new = (make_tokenizer("scratch", names).get_vocab()
                for names in (("Turtle neck", "Folding arms", "touching jaw "), NAMES))
    assert old["turtle"] != new["turtle"] and "hat" not in old  # other places, other words
    for piece, index in new.items():
        if piece in old:
            assert torch.equal(now[WORDS][index], before[WORDS][old[piece]]), piece
    assert not (before[WORDS] == now[WORDS][new["hat"]]).all(1).any()


def test_a_frozen_text_encoder_is_run_with_the_weights_that_came_over(place):
    features = {}
    for freeze in ("none", "text"):
        task = session_of(place, run_config("smoke", "sound_ce", freeze=freeze), place[1]).task
        with torch.no_grad():
            features[freeze] = (task.tokens["text_features"] if freeze == "text"
                                else task.model.text_encoder.eval()(**task.tokens))
    assert torch.allclose(features["none"], features["text"], atol=1e-6)


def test_a_classifier_s_last_layer_comes_over_with_its_classes_alone(place):
    config = vision_config("smoke", "resnet", epochs=1)
    run, = train_all([config], place[0] / "first", place[0] / "out", jobs=1, progress=False)
    before = load_file(run.directory / "best.safetensors")
    now = session_of(place, config, run.directory).task.model.state_dict()
    assert changed(before, now) == {"linear.weight", "linear.bias"}


def test_a_start_that_has_seen_the_reported_images_is_told(place, capsys):
    assert main(arguments(place, "--init", str(place[1]), "--split-seed", "7", name="first")) == 0
    assert "images that are reported, or chose its epoch on them" in capsys.readouterr().err


def test_weights_that_changed_after_the_command_began_are_refused(place, tmp_path):
    config = replace(run_config("smoke", "sound_ce"), init="0" * 64, init_from=str(place[1]))
    dataset = read_dataset(place[0] / "second")
    with pytest.raises(CheckpointError, match="found other weights than those that the run was to start from"):
        open_session(config, dataset, load_pixels(dataset, 32, progress=False), make_split(dataset, "frame"))


def test_the_key_of_a_run_knows_its_start_and_old_keys_do_not(tmp_path):
    config = run_config("smoke", "sound_ce")
    tuned = replace(config, init="a" * 64, init_from="/somewhere")
    assert not {"init", "init_from"} & config.as_dict().keys()
    assert tuned.as_dict() == config.as_dict() | {"init": "a" * 64}
    assert run_directory(tuned, "data", tmp_path) != run_directory(config, "data", tmp_path)
    moved = replace(tuned, init_from="/elsewhere")
    assert run_directory(moved, "data", tmp_path) == run_directory(tuned, "data", tmp_path)
    assert parse_config(json.dumps(tuned.as_dict()), "here") == tuned


WRONG = """
from mgutils.cli import main
import sys
assert main(sys.argv[1:]) == 2
assert "torch" not in sys.modules
"""


def test_a_wrong_start_is_told_without_torch_and_nothing_is_written(place, tmp_path):
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "config.json").write_text((place[1] / "config.json").read_text())
    for options, words in (([place[0]], "wanted a folder that `mg train` left"),
                           ([unfinished], "found no such file; wanted the receipt"),
                           ([place[1], "--profile", "cpu", "--task", "classification"], "text_encoder 'scratch'"),
                           ([place[1], "--profile", "photos"], "Give --config")):
        command = arguments(place, "--init", *map(str, options), "--out-dir", str(tmp_path / "none"))
        done = subprocess.run([sys.executable, "-c", WRONG, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("mg: ") and words in done.stderr, done.stderr
        assert "found " in done.stderr and "wanted " in done.stderr
        assert not (tmp_path / "none").exists()
