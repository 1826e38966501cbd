"""Checkpoints from elsewhere: every form that is accepted, every fault that is named, and a fuzz over the reader."""

import io
import json
import os
import pickle
import time
import zipfile
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from mgutils.config import NO_TEXT, OBJECTIVES, PROFILES, ModelConfig, RunConfig
from mgutils.data.labels import Labels, imigue_labels, write_labels
from mgutils.data.pictures import Picture
from mgutils.errors import CheckpointError, ConfigError, MgError
from mgutils.models.classifier import build_classifier
from mgutils.models.clip import build_model
from mgutils.predict.predictor import load_predictor
from mgutils.predict.settings import ORIGINAL_CONFIG
from mgutils.predict.weights import read_weights
from mgutils.training.checkpoint import CAPTIONS, fit_weights, save_weights

NAMES = ("Turtle neck", "Folding arms ", "touching jaw ", "Illustrative hand gestures")
SMALL = PROFILES["smoke"].model
CONFIG = RunConfig("report_js", OBJECTIVES["report_js"], SMALL, PROFILES["smoke"].train)


def write_config(folder, config=CONFIG, names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.as_dict() | {"captions": list(names)}))
    return folder


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(SMALL, CONFIG.loss, NAMES)[0]


@pytest.fixture(scope="module")
def answers(model, tmp_path_factory):
    """What the model answers, read from the kit's own form of file, and images to ask it about."""
    folder = write_config(tmp_path_factory.mktemp("own"))
    save_weights(model, folder / "best.safetensors")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    return ask(load_predictor(folder), pixels), pixels


def ask(predictor, pixels):
    return predictor.logits([Image.fromarray(image) for image in pixels])


def train_state(model):
    """The four things that the original's script saves, after a step so that the optimizer has a state."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", patience=10, factor=0.8)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    scheduler.step(1.5)
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "lr_scheduler": scheduler.state_dict(),
            "epoch": 20}


def with_positions(state):
    """As transformers of 2021 to 2023 saved it: a buffer more."""
    return state | {"text_encoder.model.embeddings.position_ids": torch.arange(64).expand(1, -1)}


FORMS = {
    "plain": lambda model: model.state_dict(),
    "the original's dict": train_state,
    "position_ids": lambda model: with_positions(model.state_dict()),
    "position_ids in a dict": lambda model: train_state(model) | {"model": with_positions(model.state_dict())},
    "DataParallel": lambda model: nn.DataParallel(model).state_dict(),
    "compiled and parallel": lambda model: {f"module._orig_mod.{k}": v for k, v in model.state_dict().items()},
    "no counters": lambda model: {k: v for k, v in model.state_dict().items() if "num_batches_tracked" not in k},
    "averaged": lambda model: torch.optim.swa_utils.AveragedModel(model).state_dict(),
    "state_dict key": lambda model: {"state_dict": model.state_dict(), "acc": 0.81},
    "parameters": lambda model: OrderedDict((k, nn.Parameter(v) if v.is_floating_point() else v)
                                            for k, v in model.state_dict().items()),
    "double": lambda model: {k: v.double() if v.is_floating_point() else v for k, v in model.state_dict().items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_scores(form, model, answers, tmp_path):
    torch.save(FORMS[form](model), write_config(tmp_path) / "best_0.81.pth")
    wanted, pixels = answers
    np.testing.assert_array_equal(ask(load_predictor(tmp_path / "best_0.81.pth"), pixels), wanted)


def test_half_precision_old_files_and_files_of_a_gpu_are_read(model, answers, tmp_path, monkeypatch):
    wanted, pixels = answers
    write_config(tmp_path)
    halved = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    torch.save(halved, tmp_path / "half.pth")
    assert np.abs(ask(load_predictor(tmp_path / "half.pth"), pixels) - wanted).max() < 0.02 * np.abs(wanted).max()
    torch.save(model.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    torch.save(model.state_dict(), tmp_path / "gpu.pth")
    torch.save(model.state_dict(), tmp_path / "old_gpu.pth", _use_new_zipfile_serialization=False)
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("old", "gpu", "old_gpu"):
        np.testing.assert_array_equal(ask(load_predictor(tmp_path / f"{name}.pth"), pixels), wanted)


def test_settings_and_classes_come_from_where_they_are(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    settings_folder = write_config(tmp_path / "run")
    for config in (settings_folder, settings_folder / "config.json"):
        assert load_predictor("w.pth", config=config).labels == Labels(NAMES)
    write_labels(Labels(("Turtle neck", "Folding arms", "Touching jaw ", "Illustrative hand gestures")), "same.csv")
    write_labels(Labels((*NAMES, "one more")), "more.csv")
    assert load_predictor("w.pth", config=settings_folder, labels="same.csv").labels == Labels(NAMES)
    with pytest.raises(CheckpointError, match="trained on 4 classes, which are not the 5 of more.csv"):
        load_predictor("w.pth", config=settings_folder, labels="more.csv")


def test_a_file_without_settings_is_taken_for_the_seeds(tmp_path):
    with torch.device("meta"):
        network, _ = build_model(ModelConfig(text_encoder="scratch", pretrained=False), OBJECTIVES["report_js"],
                                 imigue_labels().names)
    assert (ORIGINAL_CONFIG.model.image_encoder, ORIGINAL_CONFIG.train.image_size) == ("resnet50", 224)
    assert not ORIGINAL_CONFIG.loss.normalize and ORIGINAL_CONFIG.loss.temperature == 0.05
    names = set(network.state_dict())
    assert {"image_encoder.model.layer4.2.conv3.weight", "text_encoder.model.transformer.layer.5.ffn.lin2.bias",
            "text_projection.layer_norm.bias"} <= names


# -- what is refused ---------------------------------------------------------------------------------------------------


class Evil:
    """An object whose unpickling would make a file."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def refused(path, words, **options):
    with pytest.raises(CheckpointError, match=words) as caught:
        load_predictor(path, **options)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 1500
    return str(caught.value)


@pytest.mark.parametrize("old", [False, True])
def test_a_file_that_would_run_code_is_refused_and_does_not(old, model, tmp_path):
    trap = tmp_path / "trap"
    write_config(tmp_path)
    for content in (Evil(trap), {"model": model.state_dict(), "epoch": Evil(trap)}):
        torch.save(content, tmp_path / "evil.pth", _use_new_zipfile_serialization=not old)
        refused(tmp_path / "evil.pth", "asks for .*mkdir to be run when it is opened; refused")
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil(trap)))
    refused(tmp_path / "evil.pth", "evil.pth")
    assert not trap.exists()


def test_a_pickled_model_and_a_torchscript_program_are_refused(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "model.pth")
    refused(tmp_path / "model.pth", r"torch.nn.modules.linear.Linear .*refused")
    with zipfile.ZipFile(tmp_path / "script.pth", "w") as archive:
        for name in ("constants.pkl", "data.pkl", "version"):
            archive.writestr(f"script/{name}", pickle.dumps({}))
    refused(tmp_path / "script.pth", "script.pth")


@pytest.mark.parametrize(("content", "words"), [
    (b"", "an empty file"), (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
    (b"  <!DOCTYPE html>", "a web page"), (b"weights", "not a readable checkpoint"),
    (b"PK\x03\x04" + bytes(40), "not a readable checkpoint"), (b"\x08\0\0\0\0\0\0\0{}      ", "no weights")])
def test_what_is_no_checkpoint_is_called_what_it_is(content, words, tmp_path):
    (tmp_path / "best.pth").write_bytes(content)
    refused(tmp_path / "best.pth", words)


def test_absent_files_and_folders_without_weights_are_named(tmp_path):
    refused(tmp_path / "none.pth", "No such file.* Name a checkpoint")
    refused(tmp_path, "no best.safetensors in this folder")
    with pytest.raises(CheckpointError):
        load_predictor("a\0b.pth")


@pytest.mark.parametrize("share", [0.002, 0.1, 0.5, 0.9, 0.9999])
@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_truncated_files_are_refused(kind, share, model, tmp_path):
    path = write_config(tmp_path) / "w.pth"
    if kind == "safetensors":
        save_weights(model, path)
    else:
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[:max(1, int(share * len(content)))])
    refused(path, "truncated, damaged or no checkpoint")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(value, model, tmp_path):
    state = {name: weight.clone() for name, weight in model.state_dict().items()}
    state["image_projection.fc.weight"][3, 5] = value
    torch.save(state, write_config(tmp_path) / "w.pth")
    refused(tmp_path / "w.pth", r"1 weights with NaN or infinity \(image_projection.fc.weight\)")


def changed(model, drop="", add=(), reshape=()):
    state = {name: value for name, value in model.state_dict().items() if not (drop and name.startswith(drop))}
    return state | dict.fromkeys(add, torch.zeros(2)) | {name: torch.zeros(1, 2, 3) for name in reshape}


@pytest.mark.parametrize(("change", "words"), [
    ({"drop": "text_projection"}, r"6 missing \(text_projection.*\)\. .*--config"),
    ({"drop": "image_encoder", "add": ["image_encoder.model.blocks.0"]},
     r"missing .*1 unexpected .*--config"),
    ({"reshape": ["image_projection.fc.weight"]},
     r"1 differently shaped \(image_projection.fc.weight: found 1 x 2 x 3, wanted 256 x 256\)"),
    ({"add": ["log_temperature"]}, r"1 unexpected \(log_temperature\)\. .*--config"),
    ({"drop": "image_encoder.model.layer4", "add": ["x"]}, r"missing .*1 unexpected \(x\)")])
def test_weights_that_do_not_fit_are_listed(change, words, model, tmp_path):
    torch.save(changed(model, **change), write_config(tmp_path) / "w.pth")
    refused(tmp_path / "w.pth", words)


def test_another_architecture_and_other_classes_are_told_by_names_and_shapes(model, tmp_path):
    torch.save(nn.Linear(3, 3).state_dict(), write_config(tmp_path) / "w.pth")
    refused(tmp_path / "w.pth", r"missing .*2 unexpected \(bias, weight\)")
    other, _ = build_model(SMALL, CONFIG.loss, ("quite", "different words", "throughout"))
    torch.save(other.state_dict(), tmp_path / "w.pth")
    refused(tmp_path / "w.pth", r"1 differently shaped \(text_encoder.*word_embeddings.*Clip_label.csv")
    plain = RunConfig("class_ce", CONFIG.loss, ModelConfig("resnet18", SMALL.image_kwargs, NO_TEXT, {}, False),
                      CONFIG.train)
    torch.save(build_classifier(plain.model, 10).state_dict(), write_config(tmp_path, plain) / "w.pth")
    refused(tmp_path / "w.pth", r"linear.bias: found 10, wanted 4.*Clip_label.csv")


def test_a_strangers_settings_cannot_make_timm_read_files(model, tmp_path):
    evil = RunConfig("x", CONFIG.loss, ModelConfig("resnet18", {"checkpoint_path": "/x"}, "scratch", {}, False),
                     CONFIG.train)
    torch.save(model.state_dict(), write_config(tmp_path, evil) / "w.pth")
    with pytest.raises(ConfigError, match="asks for checkpoint_path"):
        load_predictor(tmp_path / "w.pth")


@pytest.mark.parametrize("kwargs", [{"layers": "many"}, {"nonsense": 1}, {"layers": [-1]}])
def test_settings_that_no_model_has_are_an_error_of_the_kit(kwargs, model, tmp_path):
    odd = RunConfig("x", CONFIG.loss, ModelConfig("resnet18", kwargs, "scratch", {}, False), CONFIG.train)
    torch.save(model.state_dict(), write_config(tmp_path, odd) / "w.pth")
    with pytest.raises(MgError):
        load_predictor(tmp_path / "w.pth")


def test_tensors_larger_than_their_data_and_zip_bombs_are_refused(tmp_path):
    for value in (torch.zeros(1).expand(10**13), torch.zeros(3, 3).to_sparse(), torch.zeros(2, dtype=torch.complex64),
                  torch.zeros(2, device="meta")):
        torch.save({"a": value}, tmp_path / "w.pth")
        with pytest.raises(CheckpointError):
            read_weights(tmp_path / "w.pth")
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", bytes(10**7))
    with pytest.raises(CheckpointError, match="would unpack to"):
        read_weights(tmp_path / "w.pth")


# -- the fuzz ----------------------------------------------------------------------------------------------------------

TINY = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def saved(old):
    buffer = io.BytesIO()
    torch.save({"model": TINY.state_dict(), "epoch": 3}, buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


def safetensors_bytes():
    import safetensors.torch

    return safetensors.torch.save(TINY.state_dict(), {"config": "{}"})


REAL = (saved(old=False), saved(old=True), safetensors_bytes())
FUZZ = settings(max_examples=300, deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def only_the_kits_error(path):
    try:
        weights = read_weights(path)
        fit_weights(TINY, weights.tensors, weights.path)
    except CheckpointError as error:
        assert str(error).startswith(str(path))


edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=0, max_size=4), st.integers(0, 6)),
                 min_size=1, max_size=5)


@pytest.mark.slow
@FUZZ
@given(which=st.sampled_from(REAL), changes=edits)
def test_fuzz_a_real_file_with_bytes_changed_put_in_and_taken_out(which, changes, tmp_path):
    content = bytearray(which)
    for place, new, removed in changes:
        start = int(place * len(content))
        content[start:start + removed] = new
    (tmp_path / "w.pth").write_bytes(content)
    only_the_kits_error(tmp_path / "w.pth")


@pytest.mark.slow
@FUZZ
@given(start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x02}q\x00", b"\x40\0\0\0\0\0\0\0{\"a\":"]),
       rest=st.binary(max_size=200))
def test_fuzz_random_bytes(start, rest, tmp_path):
    (tmp_path / "w.pth").write_bytes(start + rest)
    only_the_kits_error(tmp_path / "w.pth")


names = st.sampled_from([*TINY.state_dict(), "model", "state_dict", "module.0.weight", "", "x"]) | st.text(max_size=5)
tensors = st.sampled_from([torch.zeros(3, 2), torch.zeros(3), torch.full((3,), torch.nan), torch.tensor(1),
                           torch.zeros(0), torch.zeros(2, 3).T, torch.zeros(3, dtype=torch.int64),
                           torch.zeros(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bfloat16)])
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
contents = st.recursive(tensors | plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    names | st.integers(), inner, max_size=8), max_leaves=12)


@pytest.mark.slow
@FUZZ
@given(content=contents | st.dictionaries(names, tensors, max_size=9), old=st.booleans())
def test_fuzz_odd_content(content, old, tmp_path):
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=not old)
    only_the_kits_error(tmp_path / "w.pth")


# -- settings that a stranger sends ------------------------------------------------------------------------------------


def sent(folder, **changes):
    """A folder with any weights and settings with some words changed, as ``part__name``."""
    folder.mkdir()
    torch.save({"a": torch.zeros(1)}, folder / "a.pt")
    plain = json.loads(json.dumps(CONFIG.as_dict()))
    for name, value in changes.items():
        part, word = name.split("__")
        plain[part][word] = value
    (folder / "config.json").write_text(json.dumps(plain))
    return folder / "a.pt"


REFUSED_SETTINGS = {
    "temperature": ({"loss__temperature": -1}, "temperature: found -1"),
    "in_chans": ({"model__image_kwargs": {"in_chans": 10**6}}, "in_chans: found 1000000; wanted at most"),
    "grey": ({"model__image_kwargs": SMALL.image_kwargs | {"in_chans": 1}}, "cannot be built .*channel"),
    "image_size": ({"train__image_size": 4096}, "image_size: found 4096; wanted 1 to 1024"),
    "layers": ({"model__image_kwargs": {"layers": [10**5, 1, 1, 1]}}, "layers: found .* at most 256"),
    "channels": ({"model__image_kwargs": {"channels": [10**5] * 4}}, "channels: found"),
    "text layers": ({"model__text_kwargs": {"n_layers": 10**5}}, "n_layers: found 100000"),
    "text width": ({"model__text_kwargs": {"dim": 10**7}}, "dim: found 10000000"),
    "projection": ({"model__projection": 10**8}, "projection: found 100000000"),
    # each of these is allowed alone
    "wide and projection": ({"model__projection": 2**16, "model__image_kwargs": {"layers": [1] * 4,
                             "channels": [64, 64, 64, 2**11]}}, "more than 134,217,728 parameters"),
    "wide and wide": ({"model__image_kwargs": {"layers": [1] * 4, "channels": [2**14] * 4}}, "more than .* param"),
    "wide and large": ({"train__image_size": 1024, "model__image_kwargs": {"layers": [1, 1, 1, 1],
                        "channels": [16] * 4, "stem_type": "deep", "stem_width": 512}}, "a layer makes 134,217,728 "),
    "all": ({"train__image_size": 1024, "model__projection": 2**16, "model__image_kwargs":
             {"layers": [32] * 4, "channels": [2**14] * 4}, "model__text_kwargs": {"dim": 2**15}}, "more than "),
    "text": ({"model__text_kwargs": {"dim": 2**14, "n_heads": 16, "hidden_dim": 2**15, "n_layers": 64}}, "more than "),
    "many layers": ({"model__text_kwargs": {"dim": 2**11, "n_heads": 16, "hidden_dim": 2**13, "n_layers": 3}},
                    "more than .* parameters"),
    "text table": ({"model__text_kwargs": {"dim": 2**15, "max_position_embeddings": 2**16}}, "more than .* parameters"),
    "sinusoidal": ({"model__text_kwargs": {"dim": 2**10, "max_position_embeddings": 2**16,
                                           "sinusoidal_pos_embds": True}}, "text_kwargs asks for sinusoidal_pos_embds"),
    "tokens": ({"model__image_encoder": "vit_tiny_patch16_224", "train__image_size": 1024,
                "model__image_kwargs": {"img_size": 1024, "patch_size": 1}}, "more than .* parameters"),
    "fewer tokens": ({"model__image_encoder": "vit_tiny_patch16_224", "train__image_size": 1024,
                      "model__image_kwargs": {"img_size": 1024, "patch_size": 2}}, "a layer makes .* numbers"),
    "another size": ({"model__image_encoder": "vit_tiny_patch16_224", "model__image_kwargs": {}},
                     "a model with these settings cannot be built .*Input height"),
    "AlexNet": ({"model__image_encoder": "alexnet", "model__text_encoder": NO_TEXT,
                 "model__image_kwargs": {"pool": 64, "hidden": 2**14}}, "more than .* parameters"),
}


@pytest.mark.parametrize("case", REFUSED_SETTINGS)
def test_settings_that_would_take_minutes_or_all_memory_are_refused_at_once(tmp_path, case):
    changes, words = REFUSED_SETTINGS[case]
    checkpoint = sent(tmp_path / "sent", **changes)
    before = time.perf_counter()
    with pytest.raises(ConfigError, match=words):
        load_predictor(checkpoint)
    assert time.perf_counter() - before < 2


def test_numbers_that_tensors_share_count_once(tmp_path):
    """A small file may say that it has many weights."""
    numbers = torch.zeros(2**20)
    checkpoint = sent(tmp_path / "sent", **REFUSED_SETTINGS["wide and wide"][0])
    torch.save({f"a{place}": numbers.view(2**10, 2**10) for place in range(1000)}, checkpoint)
    with pytest.raises(ConfigError, match="more than 134,217,728 parameters"):
        load_predictor(checkpoint)


def test_batches_are_smaller_where_a_layer_makes_much_of_an_image(model, tmp_path):
    save_weights(model, write_config(tmp_path / "own") / "best.safetensors")
    predictor = load_predictor(tmp_path / "own")
    assert predictor.largest_output == 8 * 16 * 16  # the stem's 8 channels, half of 32 pixels wide
    seen, pictures = [], [Picture(str(place), Image.new("RGB", (8, 8))) for place in range(5)]
    predictor.scorer.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    for one in (predictor, replace(predictor, largest_output=2**27)):
        list(one.stream(pictures))
    assert seen == [5, 2, 2, 1]


@pytest.mark.parametrize("temperature", [-1, 0, True, "0.1", None, float("inf"), float("nan")])
def test_an_exported_temperature_is_checked(tmp_path, temperature):
    from safetensors.torch import save_file

    metadata = {"config": json.dumps(CONFIG.as_dict() | {"captions": list(NAMES), "temperature": temperature})}
    save_file({CAPTIONS: torch.zeros(4, 2)}, tmp_path / "a.safetensors", metadata)
    with pytest.raises(ConfigError, match="temperature: found"):
        load_predictor(tmp_path / "a.safetensors")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="a pipe or a device"):
        read_weights(tmp_path / "a.pt")
    os.mkfifo(tmp_path / "best.safetensors")
    with pytest.raises(CheckpointError, match="a pipe or a device"):
        read_weights(tmp_path)
    checkpoint = sent(tmp_path / "sent")
    checkpoint.with_name("config.json").unlink()
    os.mkfifo(checkpoint.with_name("config.json"))
    with pytest.raises(ConfigError, match="found no file"):
        load_predictor(checkpoint)


def test_settings_nested_too_deeply_are_refused(tmp_path):
    checkpoint = sent(tmp_path / "sent")
    checkpoint.with_name("config.json").write_text("[" * 100_000)
    with pytest.raises(ConfigError, match="not the configuration of a run"):
        load_predictor(checkpoint)
