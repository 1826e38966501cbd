"""Sentences by a vision-language model: what it is shown, what is kept, what a kill leaves, what is written."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clip_folders import NAMES, make_clip_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from mgutils.cli import main
from mgutils.config.captioner import CaptionConfig
from mgutils.config.derived import TextVectors
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.sentences import one_line, read_sentences, texts_of
from mgutils.errors import ConfigError, DataError
from mgutils.predict import captions
from mgutils.predict.captions import JOURNALS, caption, source_of

CONFIG = CaptionConfig("somebody/model")


class Stopped(Exception):
    """In place of a key, which would stop the tests."""


class Model:
    """Says which seed and how bright the picture was; stops after some questions."""

    def __init__(self, config=CONFIG, stop=10**9, silent=()):
        self.config, self.stop, self.silent, self.shown = config, stop, silent, []

    def __call__(self, pictures, seed):
        if len(self.shown) == self.stop:
            raise Stopped
        self.shown.append(pictures)
        return [[f"level {np.asarray(picture).mean():.3f},\n  answer {number} of {seed % 97} " *
                 ((len(self.shown), place, number) not in self.silent) for number in range(self.config.answers)]
                for place, picture in enumerate(pictures)]


@pytest.fixture
def clips(tmp_path):
    return make_clip_folder(tmp_path / "clips", clips=12, lacks=False)


def run(root, model=None, config=CONFIG, **options):
    return caption(root, config, model or Model(config), progress=False, **options)


# -- what is shown and what is written ---------------------------------------------------------------------------------


def test_three_frames_of_a_clip_are_shown_and_each_is_answered_three_times(clips):
    model = Model()
    made = run(clips, model)
    dataset = read_clip_dataset(clips)
    pixels, frames = load_modality(dataset, "rgb"), dataset.frames
    for pictures, start, length in zip(model.shown, frames["start"], frames["length"], strict=True):
        wanted = sorted({length // 3, length // 2, length * 2 // 3})
        assert [np.array_equal(picture, pixels[start + place])
                for picture, place in zip(pictures, wanted, strict=True)] == [True] * len(wanted)
    table = read_sentences(dataset)
    assert made.clips == made.asked == 12 and not made.empty and made.sentences == len(table)
    for clip_id, of_clip in table.groupby("clip_id"):
        assert of_clip["number"].tolist() == list(range(1, 3 * len(model.shown[clip_id]) + 1))
    assert table["sentence"][0].startswith("level ") and "answer 0 of" in table["sentence"][0]
    assert set(table["source"]) == {source_of(CONFIG)} and source_of(CONFIG).startswith("somebody/model ")
    assert len({sentence.split(" of ")[1] for sentence in table["sentence"]}) > 6  # a seed for each clip


def test_of_images_the_frames_of_a_clip_are_shown_in_their_order(tiny_root):
    model = Model(CaptionConfig("a", at="middle", answers=1))
    made = run(tiny_root, model, model.config)
    assert made.clips == 24 and made.sentences == 24 and made.unseen == 0
    table = pd.read_csv(tiny_root / "sentences.csv")
    assert table["clip_id"].tolist() == list(range(24))
    from PIL import Image
    second = Image.open(next((tiny_root / "training").glob("*/5.1.jpg"))).convert("RGB")
    assert np.array_equal(model.shown[5][0], second)


def test_an_image_alone_is_shown_once(tmp_path, tiny_root):
    sheet = tiny_root / "training" / "train.xlsx"
    cells = pd.read_excel(sheet, dtype=object, na_filter=False)
    cells[cells["Frame ID"] == 0].to_excel(sheet, index=False)
    model = Model()
    assert run(tiny_root, model).sentences == 3 * 24 and {len(pictures) for pictures in model.shown} == {1}


def test_an_empty_answer_stays_empty_and_is_listed(clips):
    silent = {(2, 0, 1), *((4, place, number) for place in range(3) for number in range(3))}
    made = run(clips, Model(silent=silent))
    assert made.empty == (1, 3) and made.silent == (3,)
    dataset = read_clip_dataset(clips)
    said = texts_of(dataset, TextVectors(text="sample"))
    table = read_sentences(dataset)
    assert (table["sentence"] == "").sum() == 1 + (table["clip_id"] == 3).sum()
    assert said[3] == [] and all(said[row] for row in range(12) if row != 3)
    assert not any(name.strip() in text for of_clip in said for text in of_clip for name in NAMES)


def test_a_clip_without_pictures_is_passed_over(tmp_path):
    root = make_clip_folder(tmp_path / "clips", clips=12)
    lacking = {row for row, lacks in enumerate(read_clip_dataset(root).frames["lacks"]) if "rgb" in lacks}
    made = run(root)
    assert made.unseen == len(lacking) > 0
    assert set(pd.read_csv(root / "sentences.csv")["clip_id"]) == set(range(12)) - lacking


def test_clips_without_a_camera_are_refused(clips):
    (clips / "clips" / "rgb.npy").unlink()
    with pytest.raises(ConfigError, match=r"found no clips/rgb\.npy; wanted clips with pictures\. `mg clips --rgb`"):
        run(clips)


def test_clips_that_all_lack_pictures_are_refused(clips):
    table = pd.read_csv(clips / "clips.csv").assign(lacks="rgb")
    table.to_csv(clips / "clips.csv", index=False)
    with pytest.raises(ConfigError, match="found that all clips lack rgb"):
        run(clips)
    assert not (clips / "sentences.csv").exists()


def test_sentences_of_others_are_not_written_over(clips):
    (clips / "sentences.csv").write_text("clip_id,number,sentence,source\n0,1,mine,me\n")
    model = Model()
    with pytest.raises(ConfigError, match="found sentences by 'me'; wanted none, or such by 'somebody/model .*--repl"):
        run(clips, model)
    assert not model.shown and "mine" in (clips / "sentences.csv").read_text()
    run(clips, model, replace=True)
    assert len(model.shown) == 12 and "mine" not in (clips / "sentences.csv").read_text()
    run(clips, Model(stop=0))  # its own may be written anew, and nothing is asked
    (clips / "sentences.csv").write_text("clip_id,number,sentence\n0,1,mine\n")
    with pytest.raises(ConfigError, match="'nobody says whom'"):
        run(clips)


@pytest.mark.parametrize(("changed", "said"), [
    ({"model": " "}, "model: found nothing"), ({"prompt": ""}, "prompt: found nothing"),
    ({"temperature": 0.0}, "temperature, answers: found 0 and 3"), ({"answers": 0}, "answers: found 0"),
    ({"temperature": -1}, "temperature: found -1"), ({"tokens": 0}, "tokens: found 0"), ({"at": "end"}, "at: found")])
def test_settings_out_of_range(changed, said):
    with pytest.raises(ConfigError, match=said):
        CaptionConfig(**{"model": "a"} | changed)


@given(st.text())
def test_any_text_becomes_one_line_that_the_reader_takes(text):
    made = one_line(text)
    assert made == " ".join(made.split()) and len(made) <= 2000 and made == one_line(made)
    assert not any(letter < " " or letter == "\x7f" or 0xd800 <= ord(letter) < 0xe000 for letter in made)


def test_strange_answers_can_be_read_back(clips):
    strange = ["=1+1", "'", "a\u2028b", "\ud800", "\x00", "x" * 3000, "a,\"b\"\r\n", "\ufeff", " \u3000 "]
    run(clips, lambda pictures, seed: [[strange[seed % len(strange)], "b", "c"] for _ in pictures])
    table = read_sentences(read_clip_dataset(clips))
    assert {one_line(text) for text in strange} >= set(table["sentence"]) - {"b", "c"}


# -- the journal -------------------------------------------------------------------------------------------------------


def journal(root):
    (file,) = (root / JOURNALS).glob("*.jsonl")
    return file


def test_a_run_that_was_stopped_asks_nothing_twice_and_ends_with_the_same_file(clips, tmp_path):
    whole = make_clip_folder(tmp_path / "whole", clips=12, lacks=False)
    run(whole)
    models = [Model(stop=stop) for stop in (0, 5, 3)]
    for model in models:
        with pytest.raises(Stopped):
            run(clips, model)
        assert not (clips / "sentences.csv").exists()
    last = Model()
    assert run(clips, last).asked == 4
    shown = [np.asarray(picture).tobytes() for model in [*models, last] for pictures in model.shown
             for picture in pictures]
    assert len(shown) == len(set(shown))
    assert (clips / "sentences.csv").read_bytes() == (whole / "sentences.csv").read_bytes()
    assert journal(clips).read_bytes() == journal(whole).read_bytes()


@given(cut=st.integers(0, 10**6), rest=st.sampled_from([b"", b"\n", b"[", b"null\n", b"[1,2,3]\n", b"\xff\xfe\n",
                                                          b"[" * 5000 + b"\n", b'[3,"a",[["b"]]]']))
@settings(max_examples=40)
def test_whatever_a_kill_leaves_at_the_end_is_cut_off(tmp_path_factory, cut, rest):
    root = make_clip_folder(tmp_path_factory.mktemp("cut") / "clips", clips=4, lacks=False)
    run(root)
    whole, wanted = journal(root).read_bytes(), (root / "sentences.csv").read_bytes()
    cut %= len(whole) + 1
    journal(root).write_bytes(whole[:cut] + rest)
    model = Model()
    run(root, model)
    kept = max(whole[:cut].count(b"\n") - 1, 0)
    assert len(model.shown) in (4 - kept, 3 - kept)  # a whole line without its end may be found again
    assert journal(root).read_bytes() == whole and (root / "sentences.csv").read_bytes() == wanted


def test_a_clip_that_looks_otherwise_is_asked_about_again(clips):
    run(clips)
    array = np.load(clips / "clips" / "rgb.npy")
    start, length = read_clip_dataset(clips).frames.loc[7, ["start", "length"]]
    array[start:start + length] = 9
    np.save(clips / "clips" / "rgb.npy", array)
    model = Model()
    assert run(clips, model).asked == 1 and np.asarray(model.shown[0][0]).mean() == 9
    assert "level 9.000" in pd.read_csv(clips / "sentences.csv").set_index("clip_id")["sentence"][7].iloc[0]


def test_another_question_has_a_journal_of_its_own(clips):
    run(clips)
    other = CaptionConfig("somebody/model", prompt="Which hand?")
    assert run(clips, Model(other), other, replace=True).asked == 12
    assert run(clips, replace=True).asked == 0
    assert len(list((clips / JOURNALS).glob("*.jsonl"))) == 2


def test_two_at_a_time_are_not_allowed(clips):
    def ask(pictures, seed):
        with pytest.raises(ConfigError, match="works in this folder"):
            run(clips)
        raise Stopped

    with pytest.raises(Stopped):
        run(clips, ask)
    assert run(clips).asked == 12


def test_no_half_file_is_left_where_the_table_cannot_be_written(clips, monkeypatch):
    def fail(table, file):
        Path(file).write_text("half")
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(captions, "write_csv", fail)
    with pytest.raises(ConfigError, match=r"sentences\.csv: cannot be written"):
        run(clips)
    assert not list(clips.glob("sentences*"))
    monkeypatch.undo()
    assert run(clips).asked == 0


# -- the model, and the command ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vision_models(tmp_path_factory):
    from vision_models import KINDS, make_vision_model
    return {kind: make_vision_model(kind, tmp_path_factory.mktemp("models") / kind) for kind in KINDS}


def pictures(*sizes):
    from PIL import Image
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for width, height in sizes]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["llava", "idefics3", "qwen2_vl"])
def test_models_of_three_families_answer(vision_models, kind):
    import torch

    from mgutils.models.captioner import Captioner
    shown = pictures((30, 40), (50, 40), (40, 40))
    ask = Captioner(CaptionConfig(str(vision_models[kind]), tokens=8))
    state = torch.get_rng_state()
    answers = ask(shown, 5)
    assert [len(of_frame) for of_frame in answers] == [3, 3, 3]
    assert all(word not in text for of_frame in answers for text in of_frame for word in ("Describe the human", "<s>"))
    assert ask(shown, 5) == answers != ask(shown, 6)
    assert len({text for of_frame in answers for text in of_frame}) > 6
    assert torch.equal(torch.get_rng_state(), state)
    sure = Captioner(CaptionConfig(str(vision_models[kind]), tokens=8, answers=1, temperature=0))
    assert sure(shown, 1) == sure(shown, 2)
    for picture, of_frame in zip(shown, sure(shown, 1), strict=True):
        assert sure([picture], 1) == [of_frame]  # what stands beside a picture changes nothing


@pytest.mark.slow
def test_what_is_no_such_model_is_refused(tmp_path, vision_models):
    import shutil

    from mgutils.models.captioner import Captioner
    bare = Path(shutil.copytree(vision_models["llava"], tmp_path / "bare"))
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(ConfigError, match="a LlavaForConditionalGeneration without a chat template; wanted a model"):
        Captioner(CaptionConfig(str(bare)))
    (bare / "chat_template.jinja").write_text("{{ raise_exception('only texts') }}")
    with pytest.raises(ConfigError, match=r"takes no question about a picture \(only texts\)"):
        Captioner(CaptionConfig(str(bare)))(pictures((40, 40)), 0)
    (bare / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="found no model that can be read in .*bare"):
        Captioner(CaptionConfig(str(bare)))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match="`mg sentences` says what synthetic clips show"):
        Captioner(CaptionConfig(str(empty)))


@pytest.mark.slow
def test_without_a_network_the_error_names_the_fallback(clips, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["caption", str(clips), "--model", "somebody/model"]) == 2
    said = capsys.readouterr().err
    assert "no files of 'somebody/model'" in said and "switched off by HF_HUB_OFFLINE" in said
    assert "`mg sentences` says what synthetic clips show; for others write sentences.csv" in said
    assert "--profile" not in said and "Traceback" not in said


COMMAND = [sys.executable, "-m", "mgutils", "caption"]


def start(root, model):
    return subprocess.Popen([*COMMAND, str(root), "--model", str(model), "--tokens", "12"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_a_killed_command_goes_on_and_nothing_is_twice(tmp_path, vision_models):
    root = make_clip_folder(tmp_path / "clips", clips=60, lacks=False)
    process, seen = start(root, vision_models["llava"]), 0
    while seen < 8:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
        seen = sum(file.read_bytes().count(b"\n") for file in (root / JOURNALS).glob("*.jsonl"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = journal(root).read_bytes()
    assert not (root / "sentences.csv").exists()
    done = start(root, vision_models["llava"])
    said, _ = done.communicate()
    assert done.returncode == 0
    lines = journal(root).read_bytes()
    assert lines.startswith(before[:before.rindex(b"\n") + 1])
    ids = [json.loads(line)[0] for line in lines.splitlines()[1:]]
    assert ids == list(range(60))
    left = 60 - (before.count(b"\n") - 1)
    assert 0 < left < 60 and f"about 60 clips; the model was asked about {left} of them now" in said
    whole = make_clip_folder(tmp_path / "whole", clips=60, lacks=False)
    assert caption(whole, CaptionConfig(str(vision_models["llava"]), tokens=12), progress=False).asked == 60
    assert (root / "sentences.csv").read_bytes() == (whole / "sentences.csv").read_bytes()


def test_the_command_lists_empty_answers(clips, capsys, monkeypatch):
    import mgutils.models.captioner as captioner
    monkeypatch.setattr(captioner, "Captioner", lambda config: lambda shown, seed: [["", "a", "a"]] * len(shown))
    assert main(["caption", str(clips), "--model", "a"]) == 0
    said = capsys.readouterr().out
    assert "note: 12 clips have an empty answer, which stays empty in the file: 0, 1, 2" in said
    assert f"{clips / 'sentences.csv'}: " in said and "no sentence" not in said
    assert main(["caption", str(clips), "--model", "b"]) == 2


def test_a_damaged_picture_is_told_and_what_was_said_is_kept(tiny_root):
    file = next((tiny_root / "training").glob("*/5.1.jpg"))
    whole = file.read_bytes()
    file.write_bytes(b"none")
    with pytest.raises(DataError, match=r"5\.1\.jpg"):
        run(tiny_root)
    file.write_bytes(whole)
    assert run(tiny_root).asked == 19 and (tiny_root / "sentences.csv").exists()
