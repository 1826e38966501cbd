"""Videos with sentences from the command line: which run its options describe, and what it refuses."""

import json

import pytest
from clip_folders import make_clip_folder, write_sentences

from mgutils.cli import main
from mgutils.config import FrameFeatures, Pair, TextVectors, get_space_profile
from mgutils.errors import ConfigError
from mgutils.training.loop import describe
from mgutils.training.run import Run

TASK = ("--task", "video-text", "--profile", "smoke")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_sentences(make_clip_folder(tmp_path_factory.mktemp("tiny") / "clips"))


@pytest.fixture
def settings(monkeypatch, root):
    """``settings(*options)``: the configuration that a command would train, without training it."""
    def of(*options):
        asked = []

        def stop(configs, *rest, **others):
            asked.extend(configs)
            raise ConfigError("stop")

        with monkeypatch.context() as patch:
            patch.setattr("mgutils.training.store.train_all", stop)
            assert main(["train", str(root), *options]) == 2
        return asked[0]
    return of


@pytest.fixture
def written(tmp_path):
    """``written(run)``: the file that a run with these settings leaves."""
    def write(run):
        from mgutils.data.items import read_clip_dataset

        dataset = read_clip_dataset(write_sentences(make_clip_folder(tmp_path / "clips")))
        file = tmp_path / "config.json"
        file.write_text(json.dumps(describe(run, dataset)))
        return str(file)
    return write


def test_a_run_with_no_option_is_that_of_the_clips_own_sentences(settings):
    run = settings(*TASK)
    assert run.task == "alignment" and run.objective == "video_text_sample" and run.split == "subject"
    assert run.model.pairs == (Pair("joints", "sentence"),) and run.model.learn_temperature
    assert run.model.derived == (TextVectors(),)
    profile = get_space_profile("smoke")
    assert run.model.encoders == {"joints": profile.encoders["joints"]}
    assert run.train.epochs == profile.train.epochs
    assert settings("--task", "video-text").train.epochs == 20


@pytest.mark.parametrize(("options", "derived"), [
    (("--text", "other", "--tower", "words", "--text-seed", "3"),
     (TextVectors(text="other", tower="words", seed=3),)),
    (("--part", "hands", "--damage", "side", "--rate", "0.5"), (TextVectors(part="hands", damage="side", rate=0.5),)),
    (("--video", "features"), (FrameFeatures(), TextVectors())),
    (("--video", "features", "--features", "owner/clip", "--order", "shuffled"),
     (FrameFeatures(by="owner/clip", order="shuffled"), TextVectors())),
    (("--order", "shuffled"), (FrameFeatures("joints", "joints", "", "shuffled"), TextVectors())),
    (("--video", "depth"), (TextVectors(),)),
])
def test_options_say_what_is_derived(settings, options, derived):
    run = settings(*TASK, *options)
    assert run.model.derived == derived
    assert run.model.modalities == (options[1] if options[0] == "--video" else "joints", "sentence")


def test_options_say_the_rest(settings):
    run = settings(*TASK, "--left-out", "2", "4", "--no-learn-temperature", "--temperature", "0.07", "--loss", "siglip",
                   "--width", "32", "--frames", "4", "--shuffled", "--split", "clip", "--seed", "5")
    assert run.left_out == (2, 4) and not run.model.learn_temperature and run.model.shuffled
    assert run.model.pairs == (Pair("joints", "sentence", "siglip", temperature=0.07),)
    assert (run.model.width, run.model.frames, run.split, run.seed) == (32, 4, "clip", 5)


def test_a_run_is_repeated_by_its_settings_and_options_win(settings, written):
    first = settings(*TASK, "--video", "features", "--text", "shuffled", "--rate", "0.3", "--left-out", "2")
    file = written(first)
    assert settings("--config", file) == first
    other = settings("--config", file, "--tower", "words", "--width", "16")
    assert other.model.derived == (FrameFeatures(), TextVectors(text="shuffled", rate=0.3, tower="words"))
    assert other.model.width == 16 and other.left_out == (2,) and other.model.pairs == first.model.pairs


def test_pairs_that_no_option_can_say_stay(settings, written):
    from dataclasses import replace

    first = settings(*TASK)
    parts = tuple(TextVectors(name, part=name) for name in ("hands", "head"))
    pairs = (Pair("joints", "hands"), Pair("joints", "head"), Pair("joints", "class", "class_ce"))
    model = replace(first.model, pairs=pairs, derived=parts, moved_alike=False)
    file = written(replace(first, model=model))
    assert settings("--config", file).model == model
    assert settings("--config", file, "--width", "16").model == replace(model, width=16)


@pytest.mark.parametrize(("options", "words"), [
    (("--tower", "nonsense"), "tower: found 'nonsense'; wanted minilm, random, words, or the name of a text encoder"),
    (("--video", "features", "--features", "resnet5000"), "by: found 'resnet5000'; wanted a name that timm knows"),
    (("--video", "tail"), "tail.npy: found no such file"),
    (("--part", "feet"), "found no column 'feet'; wanted one of hands"),
    (("--left-out", "77"), "left_out: found the classes 77"),
    (("--rate", "1.5"), "rate"),
    (("--frozen", "rgb"), "frozen: found 'rgb'; wanted one of joints, sentence"),
    (("--temperature", "0"), "temperature"),
    (("--width", "0"), "width"),
])
def test_what_cannot_be_is_told_in_a_line(root, tmp_path, capsys, options, words):
    status = main(["train", str(root), *TASK, "--split", "clip", "--out-dir", str(tmp_path), *options])
    error = capsys.readouterr().err
    assert status == 2 and words in error and "Traceback" not in error


def test_a_folder_of_images_is_told(tiny_template, tmp_path, capsys):
    assert main(["train", str(tiny_template), *TASK, "--out-dir", str(tmp_path)]) == 2
    assert "found a folder of images; wanted one of clips" in capsys.readouterr().err


@pytest.mark.slow
def test_one_command_trains_and_others_ask_the_run(root, tmp_path, capsys):
    """Train without a class, the same again from the file, evaluate, probe, retrieve."""
    out = tmp_path / "out"
    command = ["train", str(root), "--out-dir", str(out)]
    assert main([*command, *TASK, "--split", "clip", "--tower", "words", "--left-out", "2", "--frames", "4"]) == 0
    found = json.loads(capsys.readouterr().out)
    run = Run(out / "runs" / found["directory"].rpartition("/")[2])
    assert found["samples"] == len(run.valid) == 16
    assert main([*command, "--config", str(run.directory / "config.json")]) == 0
    assert json.loads(capsys.readouterr().out)["directory"] == found["directory"]  # it was there
    assert main(["evaluate", str(run.directory), str(root), "--out-dir", str(tmp_path / "scores")]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["top1"] == found["top1"] and "warning" not in captured.err
    search = ["retrieve", str(run.directory), str(root), "--query", "sentence", "--out-dir", str(tmp_path / "found")]
    assert main(search) == 0
    assert "joints" in capsys.readouterr().out
    assert main(["probe", str(run.directory), str(root), "--out-dir", str(tmp_path)]) == 0
    assert "sentence" in capsys.readouterr().out
    assert not list((root / ".pixels").glob("*"))  # all that was made lies in the store
