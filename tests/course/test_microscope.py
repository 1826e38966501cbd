"""The microscope's file: what it holds, and which runs it refuses. What the page does is tested in test_browser."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from offline_pages import network_references

from mgutils.cli import main
from mgutils.config import RunConfig, get_objective, get_profile, vision_config
from mgutils.course.microscope import as_script_text, choose, collect, run_temperature, write_microscope
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.training.store import train_all


@pytest.fixture(scope="module")
def runs(tiny_template, tmp_path_factory):
    """A contrastive run with a learned temperature, and one without text, of the tiny dataset."""
    profile, learned = get_profile("smoke"), get_objective("sound_ce")
    learned = type(learned)(learned.loss, learned.normalize, learned.temperature, learn_temperature=True)
    config = RunConfig("sound_ce", learned, profile.model, profile.train, "frame")
    return train_all([config, vision_config("smoke", "resnet", epochs=1)], tiny_template,
                     tmp_path_factory.mktemp("runs"), jobs=1, progress=False)


def embedded(page):
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.slow
def test_the_page_is_one_file_that_fetches_nothing(tiny_template, runs, tmp_path, capsys):
    page = tmp_path / "pages" / "m.html"
    assert main(["microscope", str(runs[0].directory), str(tiny_template), "--page", str(page), "--images", "6"]) == 0
    text = page.read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == str(page) and list(page.parent.iterdir()) == [page]
    assert network_references(text) == [] and "default-src 'none'" in text
    assert str(tiny_template) not in text
    content = embedded(text)
    assert len(content["pictures"]) == 6
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in content["pictures"])


def test_the_page_holds_the_embeddings_of_the_run(tiny_template, runs):
    dataset, run = read_dataset(tiny_template), runs[0]
    content = collect(run, dataset, images=5, seed=3)
    chosen = choose(run.target, 5, 3)
    floats = np.frombuffer(base64.b64decode(content["image"]), "<f4").reshape(5, -1)
    assert np.array_equal(floats, run.image_embeddings[chosen])
    captions = np.frombuffer(base64.b64decode(content["caption"]), "<f4").reshape(len(dataset.labels), -1)
    assert np.array_equal(captions, run.caption_embeddings)
    assert content["target"] == sorted(content["target"]) == run.target[chosen].tolist()
    assert content["paths"] == dataset.frames["path"].iloc[run.valid[chosen]].tolist()


def test_a_learned_temperature_is_read_off_the_logits(runs):
    run = runs[0]
    products = run.image_embeddings @ run.caption_embeddings.T
    assert np.allclose(products / run_temperature(run), run.logits, atol=1e-4)


def test_a_batch_is_random_sorted_by_class_and_the_same_again():
    target = np.array([2, 0, 1, 2, 0, 1, 1])
    chosen = choose(target, 4, seed=1)
    assert (np.diff(target[chosen]) >= 0).all() and len(set(chosen)) == 4
    assert np.array_equal(chosen, choose(target, 4, seed=1))
    assert sorted(choose(target, 99, seed=1)) == list(range(7))
    with pytest.raises(ConfigError, match="images: found 1"):
        choose(target, 1, seed=1)


def test_texts_cannot_end_the_script_element():
    text = as_script_text({"captions": ["</script><script>alert(1)", "<!--"]})
    assert "<" not in text and json.loads(text)["captions"][0].startswith("</script>")


def test_other_runs_and_other_data_are_refused(tiny_template, bare_root, runs, tmp_path):
    page = tmp_path / "m.html"
    with pytest.raises(ConfigError, match="reads no text"):
        write_microscope(runs[1].directory, tiny_template, page)
    with pytest.raises(ConfigError, match="not the configuration of a run"):
        write_microscope(tmp_path, tiny_template, page)
    short = bare_root / "training" / "train.xlsx"
    sheet = pd.read_excel(short)
    sheet.iloc[:20].to_excel(short, index=False)
    with pytest.raises(ConfigError, match="a run of other data"):
        write_microscope(runs[0].directory, bare_root, page)
    unfinished = tmp_path / "run"
    unfinished.mkdir()
    (unfinished / "config.json").write_text((runs[0].directory / "config.json").read_text())
    with pytest.raises(ConfigError, match="receipt.json: found no such file; wanted the receipt"):
        write_microscope(unfinished, tiny_template, page)
    assert not page.exists()


def damaged(run, folder, name, content):
    """A copy of a run's folder with one file changed."""
    shutil.copytree(run.directory, folder)
    (folder / name).write_bytes(content(folder / name))
    return folder


def repacked(**changes):
    """The outputs with arrays replaced, or absent where there is nothing to replace them with."""
    def change(file):
        with np.load(file) as arrays:
            kept = {name: array for name, array in (dict(arrays) | changes).items() if array is not None}
        made = io.BytesIO()
        np.savez(made, **kept)
        return made.getvalue()

    return change


DAMAGED = {
    "npz cut": ("outputs.npz", lambda file: file.read_bytes()[:200]),
    "npz empty": ("outputs.npz", lambda file: b""),
    "npz bytes changed": ("outputs.npz", lambda file: b"\xff" * 300 + file.read_bytes()[300:]),
    "npz without logits": ("outputs.npz", repacked(logits=None)),
    "npz flat": ("outputs.npz", repacked(image_embeddings=np.zeros(3))),
    "npz of text": ("outputs.npz", repacked(target=np.array(["a"]))),
    "npz of objects": ("outputs.npz", repacked(valid=np.array([{}], dtype=object))),
    "json cut": ("metrics.json", lambda file: file.read_bytes()[:10]),
    "json no UTF-8": ("metrics.json", lambda file: b"\xff\xfe"),
    "json a list": ("metrics.json", lambda file: b"[]"),
    "json without top1": ("metrics.json", lambda file: b"{}"),
    "json top1 text": ("metrics.json", lambda file: b'{"top1": "all"}'),
    "json deep": ("metrics.json", lambda file: b"[" * 100_000),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_run_is_refused(tiny_template, runs, tmp_path, case):
    name, content = DAMAGED[case]
    folder = damaged(runs[0], tmp_path / "run", name, content)
    with pytest.raises(ConfigError, match=f"{name}: found .* as a finished run left it"):
        write_microscope(folder, tiny_template, tmp_path / "m.html")
    assert not (tmp_path / "m.html").exists()
