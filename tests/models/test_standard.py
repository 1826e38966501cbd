"""Networks over what a frozen encoder made: one size for all numbers, a mean without order; sentences encoded alone."""

import numpy as np
import pytest
import torch

from mgutils.config import FrameFeatures, Pair, SpaceConfig, TextVectors
from mgutils.errors import ConfigError
from mgutils.models import texts
from mgutils.models.arrays import ArrayEncoder
from mgutils.models.skeleton import CoordinateTransformer
from mgutils.models.space import build_encoder, build_space
from mgutils.models.standard import MeanEncoder, Standardised, VectorEncoder
from mgutils.models.texts import check_tower, encode_texts

TEXTS = ("scratching the ear", "folding both arms", "scratching an ear", "the head is bent down, the hands keep still")


def test_numbers_are_brought_to_one_size_and_missing_frames_stay_zero():
    rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 4 + torch.tensor([1.0, -20, 300])
    encoder = Standardised(3, VectorEncoder((3,)))
    encoder.fit(rows)
    found = encoder(rows[:, None])
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    assert found.square().mean().item() == pytest.approx(1, abs=1e-4)
    # one deviation for all: what differs much goes on differing more
    torch.testing.assert_close(found[:, 0] / found[:, 1], (rows[:, 0] - rows[:, 0].mean())
                               / (rows[:, 1] - rows[:, 1].mean()), atol=1e-2, rtol=1e-2)
    assert not encoder(torch.zeros(2, 1, 3)).any()


def test_rows_that_are_all_the_same_are_no_division_by_zero():
    encoder = Standardised(2, VectorEncoder((2,)))
    encoder.fit(torch.ones(5, 2))
    assert encoder(torch.ones(1, 1, 2)).tolist() == [[0, 0]]


def test_the_size_is_kept_with_the_weights():
    encoder = Standardised(2, VectorEncoder((2,)))
    encoder.fit(torch.tensor([[0.0, 4], [2, 8]]))
    again = Standardised(2, VectorEncoder((2,)))
    again.load_state_dict(encoder.state_dict())
    assert again.data_mean.tolist() == [1, 6] and torch.equal(again.data_deviation, encoder.data_deviation)


@pytest.mark.parametrize("shape", [(7,), (22, 3)], ids=["features", "joints"])
def test_a_mean_knows_no_order_and_no_missing_frame(shape):
    encoder = MeanEncoder(shape, 5).eval()
    frames = torch.rand(2, 4, *shape, generator=torch.Generator().manual_seed(0)) + 0.1
    found = encoder(frames)
    assert found.shape == (2, 5)
    torch.testing.assert_close(encoder(frames[:, [2, 0, 3, 1]]), found)
    missing = torch.cat([frames, torch.zeros(2, 3, *shape)], dim=1)
    torch.testing.assert_close(encoder(missing), found)
    assert not encoder(torch.zeros(1, 4, *shape)).any()


def test_networks_of_what_is_made():
    assert isinstance(build_encoder("sentence", {}, 8, TextVectors(), 12).inner, VectorEncoder)
    assert isinstance(build_encoder("features", {"width": 16}, 8, FrameFeatures(), 12).inner, ArrayEncoder)
    mean = build_encoder("features", {"kind": "mean", "width": 16}, 8, FrameFeatures(), 12)
    assert isinstance(mean.inner, MeanEncoder) and mean.width == 16
    assert mean(torch.rand(3, 8, 12)).shape == (3, 16)
    # frames in another order are read by what reads them in theirs
    other = build_encoder("joints", {"width": 16}, 8, FrameFeatures("joints", "joints", "", "shuffled"))
    assert isinstance(other, CoordinateTransformer)
    named = build_encoder("deal", {"width": 16}, 8, FrameFeatures("deal", "joints", "", "shuffled"))
    assert isinstance(named, CoordinateTransformer)
    assert isinstance(build_encoder("joints", {"kind": "mean", "width": 16}, 8), MeanEncoder)


def test_a_space_has_them_at_their_width():
    model = SpaceConfig((Pair("joints", "sentence"),), width=6, encoders={"joints": {"width": 16}},
                        derived=(TextVectors(),))
    space = build_space(model, 3, widths={"sentence": 11})
    found = space({"joints": torch.rand(2, 4, 22, 3), "sentence": torch.rand(2, 1, 11)})
    assert found.shape == (2, 2, 6)
    with pytest.raises(ConfigError, match="found 12 numbers a frame; wanted 11, as in training"):
        space.embed("sentence", torch.rand(2, 1, 12))


@pytest.mark.parametrize(("name", "settings", "made", "words"), [
    ("joints", {"kind": "mean", "shape": [32, 32]}, None, "shape: found (32, 32), pictures, for a mean; wanted"),
    ("rgb", {"kind": "vector"}, None, "wanted what VectorEncoder takes"),
    ("sentence", {"layers": 2}, TextVectors(), "wanted what VectorEncoder takes"),
    ("sentence", {"kind": "words"}, TextVectors(), "found the kind 'words'; wanted one of frames"),
])
def test_networks_that_cannot_be_are_told(name, settings, made, words):
    with pytest.raises(ConfigError, match="found .*wanted ") as caught:
        build_encoder(name, settings, 8, made, 9 if made else None)
    assert words in str(caught.value)


# -- sentences ---------------------------------------------------------------------------------------------------------


class Letters(torch.nn.Module):
    """A text encoder without a network: how often each of the pieces occurs."""

    width = 9

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.shown = []

    def forward(self, ids, mask):
        assert mask.all()
        self.shown.append(tuple(ids.shape))
        return torch.nn.functional.one_hot(ids % 9, 9).float().mean(dim=1)


def test_sentences_are_put_together_by_length_and_come_back_in_order(monkeypatch):
    encoder = Letters()
    monkeypatch.setattr(texts, "TextEncoder", lambda *args, **kwargs: encoder)
    monkeypatch.setattr(texts, "make_tokenizer", lambda name, captions: lambda several, **kwargs: {
        "input_ids": [[ord(letter) for letter in text] for text in several]})
    several = [f"{'ab' * (place % 4)}c{place}" for place in range(70)]
    found = encode_texts(several, "minilm")
    for text, vector in zip(several, found, strict=True):
        counts = np.bincount([ord(letter) % 9 for letter in text], minlength=9)
        assert np.allclose(vector, counts / np.linalg.norm(counts), atol=1e-6)
    assert {shape[0] for shape in encoder.shown} == {texts.TOGETHER}  # always as many


@pytest.mark.parametrize("tower", ["", "minlm", "bert", "Words"])
def test_towers_that_nobody_knows_are_told(tower):
    with pytest.raises(ConfigError, match="tower: found .*; wanted minilm, random, words, or the name"):
        check_tower(tower)


@pytest.mark.slow
@pytest.mark.parametrize("tower", ["minilm", "random"])
def test_a_sentence_has_the_same_vector_in_any_company(tower):
    several = encode_texts(TEXTS, tower)
    assert several.shape == (4, 384) and np.allclose(np.linalg.norm(several, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encode_texts([text], tower) for text in reversed(TEXTS)])[::-1]
    assert np.array_equal(alone, several)
    if tower == "minilm":
        assert several[0] @ several[2] > several[0] @ several[1] + 0.2
    else:
        assert several[0] @ several[3] < 0.9  # seen from their mean, they differ
