"""The network's parts: shapes, the report's numbers, the original's parameter names, the tokenizer."""

import pytest
import timm
import torch
from torch import nn

from mgutils.config import OBJECTIVES, PROFILES, ModelConfig, Objective
from mgutils.data.labels import imigue_labels
from mgutils.errors import CheckpointError, ConfigError
from mgutils.models.clip import build_model
from mgutils.models.encoders import (
    ImageEncoder,
    ProjectionHead,
    TextEncoder,
    as_images,
    count_parameters,
    make_tokenizer,
    tokenize,
)
from mgutils.training.checkpoint import load_weights, save_weights

CAPTIONS = imigue_labels().names
SMALL = PROFILES["smoke"].model


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return build_model(SMALL, OBJECTIVES["sound_ce"], CAPTIONS)


def test_projection_heads_have_the_published_sizes():
    assert count_parameters(ProjectionHead(2048)) == 590_848
    assert count_parameters(ProjectionHead(768)) == 263_168


def test_projection_head_is_the_published_formula():
    torch.manual_seed(0)
    head, x = ProjectionHead(5, 4).eval(), torch.randn(3, 5)
    p = x @ head.projection.weight.T + head.projection.bias
    y = nn.functional.gelu(p) @ head.fc.weight.T + head.fc.bias + p
    wanted = (y - y.mean(1, keepdim=True)) / (y.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(head(x), wanted)


def test_report_encoders_give_2048_and_768():
    with torch.device("meta"):
        image = ImageEncoder("resnet50", pretrained=False)
        text = TextEncoder("distilbert-base-uncased", pretrained=False)
    assert (image.width, text.width) == (2048, 768)


def test_parameter_names_are_those_of_the_seed():
    with torch.device("meta"):
        model, _ = build_model(ModelConfig(text_encoder="scratch", pretrained=False), OBJECTIVES["report_js"], CAPTIONS)
    names = set(model.state_dict())
    for name in ("image_encoder.model.conv1.weight", "text_encoder.model.embeddings.word_embeddings.weight",
                 "text_encoder.model.transformer.layer.0.attention.q_lin.weight", "image_projection.projection.weight",
                 "image_projection.fc.bias", "image_projection.layer_norm.weight", "text_projection.fc.weight"):
        assert name in names
    assert {name.split(".")[0] for name in names} == {"image_encoder", "text_encoder", "image_projection",
                                                      "text_projection"}


def test_forward_shapes_and_normalisation(small):
    model, tokenizer = small
    tokens = tokenize(tokenizer, CAPTIONS[:4])
    model.eval()
    image, text = model(torch.randn(4, 3, 48, 48), **tokens)
    assert image.shape == text.shape == (4, 256)
    torch.testing.assert_close(image.norm(dim=1), torch.ones(4))
    model.normalize = False
    norm = float(model.encode_image(torch.randn(1, 3, 48, 48)).norm())
    assert norm == pytest.approx(16, rel=0.01)  # LayerNorm: the root of 256
    model.normalize = True


def test_temperature_is_fixed_or_learned():
    fixed, _ = build_model(SMALL, Objective("js", True, 0.07), CAPTIONS)
    learned, _ = build_model(SMALL, Objective("js", True, 0.07, learn_temperature=True), CAPTIONS)
    assert float(fixed.temperature) == pytest.approx(0.07)
    assert not fixed.log_temperature.requires_grad
    assert learned.log_temperature.requires_grad


def test_padding_does_not_change_an_embedding(small):
    model, tokenizer = small
    model.eval()
    alone = model.encode_text(**tokenize(tokenizer, CAPTIONS[:1]))
    padded = model.encode_text(**tokenize(tokenizer, CAPTIONS))[:1]
    torch.testing.assert_close(alone, padded, atol=1e-5, rtol=1e-5)


def test_tokenizer_depends_on_the_set_of_captions_alone_and_spells_new_words():
    tokenizer = make_tokenizer("scratch", CAPTIONS)
    assert make_tokenizer("scratch", CAPTIONS[::-1]).get_vocab() == tokenizer.get_vocab()
    assert tokenizer.tokenize("Touching ears ") == ["touching", "ears"]
    assert tokenizer.tokenize("wig") == ["w", "##i", "##g"]
    assert tokenizer.unk_token not in tokenizer.tokenize(" ".join(CAPTIONS))


def test_captions_stay_distinct_after_tokenizing():
    ids = tokenize(make_tokenizer("scratch", CAPTIONS), CAPTIONS)["input_ids"]
    assert len({tuple(row.tolist()) for row in ids}) == len(CAPTIONS)


def test_images_are_normalised_as_imagenet():
    pixels = torch.tensor([[[[255, 0, 128]]]], dtype=torch.uint8)
    wanted = (torch.tensor([1.0, 0.0, 128 / 255]) - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225])
    torch.testing.assert_close(as_images(pixels).flatten(), wanted)


def test_any_timm_name_and_no_other():
    assert ImageEncoder("mobilenetv3_small_050", pretrained=False).width == timm.create_model(
        "mobilenetv3_small_050", num_classes=0).num_features
    with pytest.raises(ConfigError, match="resnet5000"):
        ImageEncoder("resnet5000", pretrained=False)


def test_weights_round_trip_and_misfits_are_named(small, tmp_path):
    model, _ = small
    save_weights(model, tmp_path / "a.safetensors", {"epoch": "3"})
    other, _ = build_model(SMALL, OBJECTIVES["sound_ce"], CAPTIONS)
    assert load_weights(other, tmp_path / "a.safetensors") == {"epoch": "3"}
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
    narrow, _ = build_model(ModelConfig(**{**SMALL.__dict__, "projection": 8}), OBJECTIVES["sound_ce"], CAPTIONS)
    with pytest.raises(CheckpointError, match="differently shaped"):
        load_weights(narrow, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match="not a readable"):
        load_weights(other, tmp_path / "b.safetensors")


def test_a_model_is_built_as_its_configuration_says():
    config = ModelConfig(**{**SMALL.__dict__, "dropout": 0.25, "projection": 24})
    report, tokenizer = build_model(config, OBJECTIVES["report_js"], CAPTIONS)
    assert [head.dropout.p for head in (report.image_projection, report.text_projection)] == [0.25, 0.25]
    report.eval()
    image, text = report(torch.randn(2, 3, 48, 48), **tokenize(tokenizer, CAPTIONS[:2]))
    assert image.shape == text.shape == (2, 24)
    for embedding in (image, text):  # not normalised: LayerNorm gives the root of 24
        torch.testing.assert_close(embedding.norm(dim=1), torch.full((2,), 24**0.5), rtol=0.01, atol=0)
    assert float(report.temperature) == pytest.approx(0.05)
