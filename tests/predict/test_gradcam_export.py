"""Grad-CAM against a closed form; exports that score as the model does."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

from mgutils.cli import main
from mgutils.config import NO_TEXT, OBJECTIVES, PROFILES, ModelConfig, RunConfig
from mgutils.errors import CheckpointError, ConfigError
from mgutils.evaluation.attribution import feature_layer, grad_cam, overlay
from mgutils.models.classifier import build_classifier
from mgutils.models.clip import build_model
from mgutils.models.encoders import ImageEncoder
from mgutils.predict import export
from mgutils.predict.export import export_onnx, export_safetensors
from mgutils.predict.predictor import load_predictor
from mgutils.predict.weights import read_weights

pytestmark = pytest.mark.slow

NAMES = ("Turtle neck", "Folding arms ", "touching jaw ", "Illustrative hand gestures")
SMALL = PROFILES["smoke"].model


class Toy(nn.Module):
    """A convolution, the mean over places, a linear layer: Grad-CAM is then the class's weights times the map."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU())
        self.linear = nn.Linear(5, 4)

    def forward(self, images):
        return self.linear(self.network(images).mean(dim=(2, 3)))


def test_closed_form_of_a_mean_pooled_network():
    torch.manual_seed(0)
    toy, images, classes = Toy(), torch.randn(3, 3, 8, 8), torch.tensor([0, 2, 3])
    maps = toy.network(images)  # (3, 5, 8, 8)
    wanted = torch.einsum("bk,bkhw->bhw", toy.linear.weight[classes], maps).clamp(min=0).detach()
    wanted = wanted / wanted.amax(dim=(1, 2), keepdim=True)
    np.testing.assert_allclose(grad_cam(toy, images, classes), wanted.numpy(), atol=1e-5)


def test_the_answered_class_is_explained_and_nothing_changes_in_the_model():
    torch.manual_seed(0)
    toy, images = Toy(), torch.randn(2, 3, 8, 8)
    answered = toy(images).argmax(dim=1)
    with torch.no_grad():  # as a predictor calls it
        heat = grad_cam(toy, images)
    np.testing.assert_array_equal(heat, grad_cam(toy, images, answered))
    assert all(parameter.grad is None for parameter in toy.parameters())
    assert not any(module._forward_hooks for module in toy.modules())


@pytest.mark.parametrize(("size", "side"), [(224, 7), (64, 8), (32, 8)])
def test_the_map_has_seven_places_or_more(size, side):
    encoder = ImageEncoder("resnet18", False, SMALL.image_kwargs).eval()
    encoder.network = encoder.model
    layer, _ = feature_layer(encoder, torch.zeros(1, 3, size, size))
    shapes = []
    layer.register_forward_hook(lambda _, inputs, output: shapes.append(output.shape))
    encoder(torch.zeros(1, 3, size, size))
    assert shapes[0][2:] == (side, side)


def test_alexnet_is_explained_and_a_transformer_is_refused():
    class Scorer(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, images):
            return self.network(images)

    plain = build_classifier(ModelConfig("alexnet", {"pool": 1, "hidden": 16}, NO_TEXT, {}, False), 4).eval()
    heat = grad_cam(Scorer(plain.network), torch.randn(1, 3, 224, 224))
    assert heat.shape == (1, 224, 224) and 0 <= heat.min() <= heat.max() <= 1
    transformer = ImageEncoder("vit_tiny_patch16_224", False, {"depth": 1}).eval()
    with pytest.raises(ConfigError, match="without a map of features"):
        grad_cam(Scorer(transformer), torch.zeros(1, 3, 224, 224))


def test_overlay_is_grey_where_it_is_cold_and_has_the_images_size():
    image = Image.new("RGB", (20, 10), (200, 100, 0))
    cold = np.asarray(overlay(image, np.zeros((5, 5))))
    assert cold.shape == (10, 20, 3) and (cold == cold[..., :1]).all()
    warm = np.asarray(overlay(image, np.eye(5)))
    assert warm[0, 0].max() > warm[0, 0].min()


# -- export ------------------------------------------------------------------------------------------------------------


def make_run(folder, objective="sound_ce", model=SMALL):
    """A folder as `mg train` leaves it, with random weights."""
    torch.manual_seed(0)
    config = RunConfig(objective, OBJECTIVES[objective], model, PROFILES["smoke"].train)
    folder.mkdir()
    network = (build_model(model, config.loss, NAMES)[0] if config.reads_text else build_classifier(model, len(NAMES)))
    torch.save(network.state_dict(), folder / "best.safetensors")  # read by content, not by name
    (folder / "config.json").write_text(json.dumps(config.as_dict() | {"captions": list(NAMES)}))
    return folder


KINDS = {"sound_ce": ("sound_ce", SMALL), "report_js": ("report_js", SMALL),
         "plain": ("sound_ce", ModelConfig("resnet18", SMALL.image_kwargs, NO_TEXT, {}, False))}


@pytest.mark.parametrize("kind", KINDS)
def test_both_files_score_as_the_model_does_for_any_batch(kind, tmp_path, monkeypatch):
    predictor = load_predictor(make_run(tmp_path / "run", *KINDS[kind]))
    assert export_onnx(predictor, tmp_path / "m.onnx") < 1e-4
    assert export_safetensors(predictor, tmp_path / "m.safetensors") == 0
    assert {path.name for path in tmp_path.iterdir()} == {"run", "m.onnx", "m.safetensors"}
    pixels = np.random.default_rng(1).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    images = [Image.fromarray(image) for image in pixels]
    wanted = predictor.logits(images)
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    np.testing.assert_allclose(session.run(None, {"images": pixels})[0], wanted, atol=1e-4 * np.abs(wanted).max())
    assert session.get_inputs()[0].shape == ["batch", 32, 32, 3]
    # neither text encoder nor tokenizer is needed any more
    monkeypatch.setattr("mgutils.predict.predictor.build_model", None)
    again = load_predictor(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.logits(images), wanted)
    assert (again.labels, again.size) == (predictor.labels, 32)


def test_a_graph_names_its_classes_and_is_valid(tmp_path):
    predictor = load_predictor(make_run(tmp_path / "run"))
    export_onnx(predictor, tmp_path / "m.onnx")
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    texts = {entry.key: entry.value for entry in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert json.loads(texts["classes"]) == list(NAMES) and texts["size"] == "32"


def test_an_exported_file_exports_again(tmp_path):
    first = load_predictor(make_run(tmp_path / "run"))
    export_safetensors(first, tmp_path / "a.safetensors")
    export_safetensors(load_predictor(tmp_path / "a.safetensors"), tmp_path / "b.safetensors")
    assert read_weights(tmp_path / "a.safetensors").metadata == read_weights(tmp_path / "b.safetensors").metadata
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_file_that_scores_otherwise_is_not_kept(tmp_path, monkeypatch):
    predictor = load_predictor(make_run(tmp_path / "run"))
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    for write, name in ((export_safetensors, "m.safetensors"), (export_onnx, "m.onnx")):
        with pytest.raises(CheckpointError, match="its scores differ .* not kept"):
            write(predictor, tmp_path / "new" / name)
    assert not (tmp_path / "new").exists()


def test_from_the_command_line(tmp_path, capsys):
    run = make_run(tmp_path / "run")
    assert main(["export", str(run), "--out-dir", str(tmp_path / "new"), "--no-onnx"]) == 0
    assert "model.safetensors" in capsys.readouterr().out
    assert main(["export", str(tmp_path / "none"), "--out-dir", str(tmp_path / "x")]) == 2
    assert not (tmp_path / "x").exists()
