"""The benchmark compares like with like: equal losses and scores of all loops; harness and table are right."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import __main__ as entry
from benchmarks import harness, loading, loss_memory, training
from benchmarks.harness import Bar, Result
from benchmarks.original_loop import CaptionedImages, kl_loss, target_matrix
from mgutils import losses
from mgutils.config import PROFILES
from mgutils.data.captions import class_captions
from mgutils.data.pixels import load_pixels
from mgutils.data.table import read_dataset
from mgutils.training.loop import train_epoch

pytestmark = pytest.mark.slow

SIZE = training.Size("tiny", PROFILES["smoke"].model, replace(PROFILES["smoke"].train, batch_size=8),
                     PROFILES["smoke"].synth, train_images=24, valid_images=20, train_rounds=2, valid_rounds=2)


@pytest.fixture
def make_arena(tiny_root, tmp_path):
    """The three loops on noise, without dropout, all with the weights of ours."""
    def build(**settings):
        dataset = read_dataset(tiny_root)
        pixels = load_pixels(dataset, 32, cache_dir=tmp_path / "cache", progress=False)
        text = {**SIZE.model.text_kwargs, "dropout": 0.0, "attention_dropout": 0.0}
        size = replace(SIZE, model=replace(SIZE.model, dropout=0.0, text_kwargs=text),
                       train=replace(SIZE.train, **settings))
        paths = [dataset.image_path(row) for row in range(len(dataset))]
        arena = training.Arena(size, dataset, pixels, {"original": training.Files(paths)}, workers=0)
        for model in (arena.bare.model, arena.originals["original"].model):
            model.load_state_dict(arena.session.task.model.state_dict())
        return arena
    return build


@pytest.fixture
def arena(make_arena):
    return make_arena()


# -- the baseline and the bare limit do the same work ------------------------------------------------------------------


def test_the_baselines_loss_is_the_seeds():
    generator = torch.Generator().manual_seed(0)
    image, text = (torch.randn(6, 4, generator=generator) for _ in range(2))
    target, temperature = torch.tensor([0, 1, 0, 2, 1, 0]), 0.5
    captions = [f"class {index} " for index in target.tolist()]
    assert torch.equal(target_matrix(captions), losses.label_matrix(target))
    image_to_text, text_to_image = image @ text.T / temperature, text @ image.T / temperature
    matrix = target_matrix(captions)
    ours = losses.original_kl(image, text, target, temperature)
    torch.testing.assert_close(0.5 * (kl_loss(image_to_text, matrix) + kl_loss(text_to_image, matrix)), ours)


def test_validation_of_ours_and_the_baseline_agree(make_arena):
    arena = make_arena(batch_size=24)  # one batch: ours shuffles the rows, the original keeps the order of the table
    scores, loss, _ = arena.session.task.validate(arena.valid_rows)
    top1, top5, original_loss = arena.originals["original"].validate()
    assert (top1, top5) == (scores.top1, scores.top5)
    assert original_loss == pytest.approx(loss, rel=1e-4)


def test_a_step_of_all_three_has_the_same_loss_and_gradients(make_arena):
    arena = make_arena(batch_size=24)  # one batch of all rows: their order is of no consequence
    ours = train_epoch(arena.session, arena.train_rows, seed=0)["contrastive"]
    theirs = arena.originals["original"].train_epoch()
    arena.bare.train_epoch()
    assert ours == pytest.approx(theirs, rel=1e-4)
    wanted = dict(arena.session.task.model.named_parameters())
    for model in (arena.bare.model, arena.originals["original"].model):
        for name, parameter in model.named_parameters():
            if wanted[name].grad is not None:
                error = (parameter.grad - wanted[name].grad).norm()
                assert error <= 1e-3 * wanted[name].grad.norm() + 1e-3, name


def test_bare_steps_move_the_model(arena):
    before = arena.bare.model.image_projection.fc.weight.detach().clone()
    arena.bare.train_epoch()
    assert not torch.equal(before, arena.bare.model.image_projection.fc.weight)


def test_rows_of_training_and_validation(arena):
    found = {result.key: result for result in [*arena.training(), *arena.validation()]}
    assert set(found) == {"training_bare_tiny", "training_original_tiny", "validation_original_tiny"}
    assert all(0 < result.low <= result.value <= result.high for result in found.values())
    detail = found["training_original_tiny"].detail
    assert (detail["batch"], detail["images"], detail["precision"], detail["rounds"]) == (8, 24, "no", 2)
    assert detail["ours_images_per_s"] > 0


def test_bars_are_those_that_are_measured():
    keys = {bar.key for bar in entry.BARS}
    assert {f"{row}_{size.name}" for size in (training.SMALL, training.LARGE_ON_CPU)
            for row in ("training_bare", "training_original", "validation_original")} <= keys
    assert {"training_unfiltered_small", "training_prepared_small"} <= keys and training.SMALL.variants
    assert {f"loading_{kind}_{name}" for kind in ("bytes", "ready", "prepared") for name in loading.SETS} <= keys
    assert {"training_bare_large_256", "training_original_large_32", "loss_memory", "studio_96", "studio_224"} <= keys
    assert {size.name for size in training.LARGE_ON_GPU} == {"large_32", "large_256"}
    for size in (training.SMALL, training.LARGE_ON_CPU, *training.LARGE_ON_GPU):
        assert size.train_images % size.train.batch_size == 0 and size.train.image_size == size.synth.size
        assert size.train_images + size.valid_images <= size.synth.frames


def test_the_large_model_has_the_size_of_the_reports():
    from transformers import DistilBertConfig

    from mgutils.models.encoders import TextEncoder
    with torch.device("meta"):
        encoder = TextEncoder("scratch", False, training.LARGE.text_kwargs, vocab_size=99)
    assert encoder.model.config.to_dict() == DistilBertConfig().to_dict()


# -- loading and memory ------------------------------------------------------------------------------------------------


def test_files_and_cache_give_the_same_images(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    pixels = load_pixels(dataset, 32, cache_dir=tmp_path, progress=False)
    names = class_captions(dataset.labels)
    tokenizer = training.build_model(SIZE.model, training.get_objective("report_js"), names)[1]
    arguments = ([dataset.image_path(3)], [names[dataset.target[3]]], tokenizer, 32)
    assert np.array_equal(loading.Bytes(*arguments)[0].numpy(), pixels[3])
    ready = training.as_images(torch.from_numpy(np.array(pixels[3:4])))[0]
    torch.testing.assert_close(loading.CaptionedImages(*arguments)[0]["image"], ready, atol=1e-5, rtol=1e-5)


def test_frames_are_as_large_as_imigues_and_hold_the_same_pictures(tiny_root, tmp_path):
    dataset = read_dataset(shutil.copytree(tiny_root, tmp_path / "set"))
    files = training.files_of(dataset, variants=True)
    assert set(files) == {"original", "unfiltered", "prepared"} and not files["unfiltered"].antialias
    small, large = (np.asarray(Image.open(files[name].paths[3]).convert("RGB"), dtype=float)
                    for name in ("prepared", "original"))
    assert large.shape == (720, 1280, 3)
    before = {path: path.stat().st_mtime_ns for path in files["original"].paths}
    assert {path: path.stat().st_mtime_ns for path in training.files_of(dataset, False)["original"].paths} == before
    names, size = ["a"] * len(dataset), len(small)
    for antialias in (True, False):
        decoded = CaptionedImages(files["original"].paths, names, lambda texts, **_: {}, size, antialias).decode(3)
        assert np.corrcoef(np.asarray(decoded, dtype=float).ravel(), small.ravel())[0, 1] > 0.9
    assert np.array_equal(CaptionedImages(files["prepared"].paths, names, lambda texts, **_: {}, size).decode(3), small)


def test_memory_of_the_loss_holds_the_gradient_and_no_matrix_of_pairs():
    gradient = loss_memory.BATCH * loss_memory.WIDTH * 4 / 1e6
    assert gradient < loss_memory.in_a_process("original_kl") < 64


# -- harness -----------------------------------------------------------------------------------------------------------


def test_contenders_take_turns_and_ratios_are_within_a_round(monkeypatch):
    calls, clock = [], iter(range(100))
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(clock))
    seconds = harness.alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert "".join(calls) == "abbaab" and seconds == {"a": [1, 1, 1], "b": [1, 1, 1]}
    result = harness.faster("key", [1.0, 10.0, 2.0], [2.0, 30.0, 2.0], batch=3)
    assert (result.value, result.low, result.high, result.detail) == (2.0, 1.0, 3.0, {"batch": 3})


@pytest.mark.parametrize(("name", "cleaned"), [
    ("Intel(R) Core(TM) i7-1185G7 CPU @ 3.00GHz", "intel-core-i7-1185g7"),
    ("NVIDIA H100 80GB HBM3", "nvidia-h100-80gb-hbm3"), ("Apple M2", "apple-m2"), ("../../x y", "x-y"),
    ("", "unknown")])
def test_hardware_names_are_file_names(name, cleaned):
    assert harness.clean_name(name) == cleaned


def test_parts_measured_later_join_those_before(tmp_path):
    harness.keep(tmp_path, "machine", {"commit": "a"}, [Result("one", 1.0), Result("two", 2.0, 1.0, 3.0, {"n": 1})])
    results = harness.keep(tmp_path, "machine", {"commit": "b"}, [Result("one", 5.0)])
    assert results == {"one": Result("one", 5.0), "two": Result("two", 2.0, 1.0, 3.0, {"n": 1})}
    rows = json.loads((tmp_path / "machine.json").read_text())["results"]
    assert [rows[key]["measured_with"]["commit"] for key in ("one", "two")] == ["b", "a"]


def test_the_table_has_the_other_devices_rows_too(tmp_path, monkeypatch):
    gpu = {"hardware": {"gpu": "GPU X", "cpus": 16, "system": "Linux"}, "versions": {"torch": "9.9"}}
    monkeypatch.setattr(loss_memory, "measure", lambda: [Result("loss_memory", 40.0)])
    harness.keep(tmp_path, "gpu-x", gpu, [Result("studio_224", 2000.0), Result("loss_memory", 1.0)])
    cpu = {"hardware": gpu["hardware"] | {"gpu": None, "processor": "CPU Y"}, "load_at_start": 0.0}
    monkeypatch.setattr(entry, "describe", lambda: gpu | cpu)
    entry.main(["--only", "loss_memory", "--results", str(tmp_path), "--data", str(tmp_path / "data")])
    text = next(tmp_path.glob("*.md")).read_text()
    assert "| 2,000 frames/s | yes |" in text and "| 40 MB | yes |" in text  # not the GPU's 1 MB
    assert "\nCPU Y, 16 cores, Linux, torch 9.9; GPU X, 16 cores, Linux, torch 9.9. A ratio" in text
    assert list(harness.elsewhere(tmp_path, {"studio_224", "absent"})) == ["studio_224"]


def test_table_says_what_is_met_and_what_is_missing():
    bars = [Bar("a", "cpu", "speed", 4), Bar("b", "cpu", "memory", 64, at_least=False, unit=" MB"),
            Bar("c", "cpu", "more", None), Bar("d", "gpu", "far", 5)]
    results = {"a": Result("a", 3.999, 3.0, 4.5), "b": Result("b", 63.2), "c": Result("c", 1234.5)}
    lines = harness.table(bars, results, {"gpu": "no GPU at hand", "cpu": "not measured"}).splitlines()[2:]
    assert lines == ["| speed | at least 4 | 4 (3 to 4.5) | **no** |", "| memory | under 64 MB | 63.2 MB | yes |",
                     "| more | reported | 1,234 | – |", "| far | at least 5 | no GPU at hand | – |"]


def test_entry_writes_both_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loss_memory, "measure", lambda: [Result("loss_memory", 40.0)])
    page, folder = tmp_path / "docs" / "benchmark.md", tmp_path / "results"
    page.parent.mkdir()
    monkeypatch.setattr(entry, "ROOT", tmp_path)
    (tmp_path / "figures").mkdir()
    page.write_text("above\n<!-- begin bench -->\nold\n<!-- end bench -->\n")
    entry.main(["--only", "loss_memory", "--results", str(folder), "--data", str(tmp_path / "data"),
                "--publish"])
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".md"]
    text = next(folder.glob("*.md")).read_text()
    assert "| 40 MB | yes |" in text and text.strip() in page.read_text() and "old" not in page.read_text()
    assert (tmp_path / "figures" / "bench.md").read_text() == text
    assert "no GPU at hand" in text or torch.cuda.is_available()
    assert capsys.readouterr().out.count("loss_memory") == 2
