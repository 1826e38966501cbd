"""Classes in words of one's own: read by the run's own encoder, told apart, or refused before torch is imported."""

import io
import json

import av
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image

from mgutils.cli import main
from mgutils.config import run_config, skeleton_config, vision_config
from mgutils.data.pictures import read_pictures
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError, MgError
from mgutils.models.encoders import make_tokenizer
from mgutils.predict.export import export_safetensors
from mgutils.predict.files import PredictOptions, answer_files
from mgutils.predict.free_texts import unknown_words, with_texts
from mgutils.predict.kinds import free_texts
from mgutils.predict.predictor import load_predictor
from mgutils.training.store import train_all

# -- what was typed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "texts"), [
    (["touching the neck,folding the arms"], ("touching the neck", "folding the arms")),
    ([" touching  the neck ,\tfolding the arms"], ("touching the neck", "folding the arms")),
    (["a hand at the neck, moving", "arms, folded"], ("a hand at the neck, moving", "arms, folded"))])
def test_one_argument_is_a_list_and_several_are_texts(typed, texts):
    assert free_texts(typed) == texts


@pytest.mark.parametrize(("typed", "found"), [
    ([], "found none; wanted at least two"), (["neck"], "found the one class 'neck'"),
    (["neck,"], "empty text in place 2 of 2"), ([""], "empty text in place 1 of 1"),
    ([",neck"], "empty text in place 1"), (["neck", " "], "empty text in place 2"),
    (["neck,jaw,Neck"], "found 'Neck' beside 'neck', the same text twice"), (["neck,neck"], "twice"),
    (["the  neck,the neck"], "twice"), (["a\0b,c"], "one line"), (["x" * 1001 + ",neck"], "at most 1,000 characters")])
def test_what_is_no_list_of_classes_is_refused(typed, found):
    with pytest.raises(ConfigError, match=found):
        free_texts(typed)


@given(st.lists(st.text(), max_size=4))
def test_whatever_is_typed_is_a_list_of_different_texts_or_our_error(typed):
    try:
        texts = free_texts(typed)
    except MgError:
        return
    assert len(texts) >= 2 and all(text == " ".join(text.split()) != "" for text in texts)
    assert len({text.casefold() for text in texts}) == len(texts)


def test_a_mistake_is_told_before_torch_is_asked(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("mgutils.predict.predictor.load_predictor", None)
    (tmp_path / "w.pth").write_bytes(b"not read")
    assert main(["predict", "a.jpg", "--checkpoint", str(tmp_path / "w.pth"), "--classes", "neck"]) == 2
    assert "found the one class 'neck'" in capsys.readouterr().err
    assert main(["predict", "a.jpg", "--checkpoint", str(tmp_path / "w.pth"), "--classes"]) == 2
    assert "--classes: found none" in capsys.readouterr().err


def test_words_that_a_tokenizer_spells_are_named():
    words = make_tokenizer("scratch", ["touching the jaw", "folding arms"])
    assert unknown_words(words, ["touching the neck", "jaw", "FOLDING a 顎"]) == ["neck", "顎"]


# -- the answers -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tiny_template, tmp_path_factory):
    config = run_config("smoke", "sound_ce", epochs=1)
    return train_all([config], tiny_template, tmp_path_factory.mktemp("out"), jobs=1, progress=False)[0]


@pytest.mark.slow
def test_the_runs_own_captions_give_the_runs_own_scores(run, tiny_template):
    predictor = load_predictor(run.directory)
    own = with_texts(predictor, predictor.labels.names)
    dataset = read_dataset(tiny_template)
    images = [picture.image for picture in read_pictures(dataset.image_path(row) for row in run.valid)]
    np.testing.assert_allclose(own.logits(images), run.logits, rtol=1e-5, atol=1e-5)

    # in another order the scores are in that order, and each is a function of its own text alone
    order = [2, 0, 3]
    other = with_texts(predictor, [predictor.labels.names[index] for index in order])
    np.testing.assert_allclose(other.logits(images), run.logits[:, order], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_an_exported_file_answers_as_the_run_does(run, tmp_path):
    predictor = load_predictor(run.directory)
    export_safetensors(predictor, tmp_path / "model.safetensors")
    exported = load_predictor(tmp_path / "model.safetensors")
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    texts = ["folding", "touching the jaw"]
    np.testing.assert_allclose(with_texts(exported, texts).logits([image]),
                               with_texts(predictor, texts).logits([image]), rtol=1e-5)


@pytest.mark.slow
def test_the_table_has_the_texts_as_they_were_typed(run, tmp_path):
    predictor = with_texts(load_predictor(run.directory), ("touching jaw", "folding axolotls"))
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    lines = answer_files(predictor, [str(tmp_path / "a.png")], tmp_path, PredictOptions(gradcam=True),
                         stdin=io.StringIO(), progress=False)
    assert "2 classes, names: yours; the run's text encoder does not know 'axolotls'" in lines[0]
    row = pd.read_csv(tmp_path / "predictions.csv").iloc[0]
    assert {row["name"], row["name_2"]} == {"touching jaw", "folding axolotls"}
    assert row["probability"] + row["probability_2"] == pytest.approx(1, abs=1e-5)
    assert "class_id_3" not in row and (tmp_path / "gradcam.png").exists()


@pytest.mark.slow
def test_texts_with_the_same_tokens_are_refused(run):
    with pytest.raises(ConfigError, match="'jaw!' beside 'jaw !'.*reads alike"):
        with_texts(load_predictor(run.directory), ("jaw !", "arms", "jaw!"))


@pytest.mark.slow
def test_the_command_answers_and_warns(run, tmp_path, capsys):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    command = ["predict", str(tmp_path / "a.png"), "--checkpoint", str(run.directory), "--out-dir", str(tmp_path)]
    assert main([*command, "--classes", "touching jaw,folding arms"]) == 0
    assert "no model of people" in capsys.readouterr().err
    assert pd.read_csv(tmp_path / "predictions.csv").shape == (1, 9)


@pytest.mark.slow
def test_a_run_without_text_is_refused(tiny_template, tmp_path, capsys):
    run = train_all([vision_config("smoke", "resnet", epochs=1)], tiny_template, tmp_path, jobs=1, progress=False)[0]
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    for checkpoint in (run.directory, run.directory / "best.safetensors"):
        assert main(["predict", str(tmp_path / "a.png"), "--checkpoint", str(checkpoint), "--classes", "a,b"]) == 2
        printed = capsys.readouterr().err
        assert "found a run of the task 'classification'" in printed and "wanted" in printed
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "config.json").write_text(json.dumps(skeleton_config("smoke").as_dict()))
    assert main(["predict", "k.npz", "--checkpoint", str(tmp_path / "s"), "--classes", "a,b"]) == 2
    assert "found a run of the task 'skeleton'; wanted image-text" in capsys.readouterr().err


# -- a film of photographs ---------------------------------------------------------------------------------------------


def views(name, count, rng, side=240):
    """A photograph that scikit-learn brings along, as an unsteady camera would see its middle."""
    picture = Image.fromarray(load_sample_image(name))
    for left, top in rng.integers((120, 60), (280, 160), (count, 2)).tolist():
        yield picture.crop((left, top, left + side, top + side)).resize((48, 48))


@pytest.mark.slow
def test_a_film_of_photographs_is_answered_in_other_words_than_those_that_were_learned(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng, rows = np.random.default_rng(0), []
    said = {"china.jpg": "the roof of an old temple", "flower.jpg": "the petals of a flower"}
    for number, (name, caption) in enumerate(said.items()):
        for place, picture in enumerate(views(name, 60, rng)):
            rows.append({"path": f"{number}-{place}.png", "class": name, "caption": caption, "group": place // 6})
            picture.save(rows[-1]["path"])
    pd.DataFrame(rows).to_csv("list.csv", index=False)
    assert main(["import", "folders", "list.csv", "data"]) == 0
    capsys.readouterr()
    assert main(["train", "data", "--profile", "smoke", "--epochs", "12", "--batch-size", "12", "--split",
                 "subject"]) == 0
    run = json.loads(capsys.readouterr().out)["directory"]

    # two seconds of each, as a camera would write them: H.264, with a loss
    with av.open("film.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width = stream.height = 48
        stream.pix_fmt = "yuv420p"
        for name in said:
            for picture in views(name, 20, rng):
                container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    texts = ("petals of a flower", "roof of an old temple")
    assert main(["predict", "film.mp4", "--checkpoint", run, "--rate", "5", "--classes", ",".join(texts)]) == 0
    table = pd.read_csv("predictions/predictions.csv")
    wanted = np.where(table["time_s"] < 2, texts[1], texts[0])
    assert len(table) == 20 and (table["name"] == wanted).mean() >= 0.8
    assert Image.open("predictions/film-timeline.png").width > 900
