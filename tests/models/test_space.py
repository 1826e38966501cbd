"""One space: shapes, what is frozen, centring, networks by their settings, arrays of any kind, settings as JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from clip_folders import MASKED, NETWORKS, config, space
from hypothesis import given, settings
from hypothesis import strategies as st

from mgutils.config import FusionConfig, MaskedConfig, Pair, RunConfig, SpaceConfig, all_pairs, modalities_of, star
from mgutils.config.alignment import PairLossName
from mgutils.config.profiles import SPACE_PROFILES
from mgutils.errors import ConfigError
from mgutils.models.arrays import ArrayEncoder
from mgutils.models.masked import MaskedVideo
from mgutils.models.space import BIAS, build_encoder, build_masked, build_space
from mgutils.models.video import FrameEncoder, PatchEncoder
from mgutils.training.config_file import parse_config

PAIRS = (*star("rgb", ("depth", "joints")), Pair("flow", "class", "class_ce"), Pair("joints", "caption"))


def clips(batch=5, seed=0):
    """Inputs as a reader gives them, in the types of the files."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "rgb": torch.randint(1, 256, (batch, 4, 16, 16, 3), generator=generator, dtype=torch.uint8),
        "depth": torch.randint(500, 4000, (batch, 4, 16, 16), generator=generator).to(torch.uint16),
        "joints": torch.rand(batch, 4, 22, 3, generator=generator),
        "flow": torch.randn(batch, 4, 6, generator=generator),
    }


def build(pairs=PAIRS, seed=0, **settings):
    torch.manual_seed(seed)
    captions = np.random.default_rng(0).standard_normal((7, 9), dtype=np.float32)
    made = space(pairs, **settings)
    return build_space(made, 7, captions if "caption" in made.tables else None)


# -- the space ---------------------------------------------------------------------------------------------------------


def test_every_modality_gets_a_place_in_one_space():
    model = build()
    inputs = clips()
    found = model(inputs)
    assert found.shape == (5, 4, 12)
    assert list(model.encoders) == ["rgb", "depth", "joints", "flow"]
    model.eval()
    for place, name in enumerate(model.encoders):
        torch.testing.assert_close(model(inputs)[:, place], model.embed(name, inputs[name]))
    assert model.table("class").shape == model.table("caption").shape == (7, 12)


def test_tables_are_there_only_where_a_pair_names_them():
    model = build(star("rgb", ("depth",)))
    assert model.class_vectors is None and model.caption_projection is None
    assert not model.scales() and not list(model.scales.parameters())
    assert not any("caption_words" in name for name in build().state_dict())  # they are made anew


def test_what_is_frozen_gets_no_gradient_keeps_its_state_and_does_not_change():
    """Batch normalisation and dropout in the frozen encoder: neither moves."""
    small = {"kwargs": {"layers": [1, 1, 1, 1], "channels": [4, 4, 8, 8], "stem_width": 4}, "width": 16, "dropout": 0.5}
    model = build(frozen=("rgb",), encoders={"rgb": {"kind": "frames"} | small})
    assert not model.encoders["rgb"].training  # from the beginning
    model.train()
    assert not any(part.training for part in model.encoders["rgb"].modules())
    assert model.encoders["joints"].training and model.projections["joints"].training
    inputs = clips()
    assert torch.equal(model.embed("rgb", inputs["rgb"]), model.embed("rgb", inputs["rgb"]))
    before = {name: part.clone() for name, part in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        found = model(inputs)
        (found.square().mean() + model.table("class").sum()).backward()
        optimizer.step()
    frozen = {name for name in before if ".rgb." in name}
    assert any(name.startswith("projections") for name in frozen) and any("running_mean" in name for name in frozen)
    for name, weight in model.named_parameters():
        assert (weight.grad is None) == (name in frozen or "caption" in name), name
    for name, now in model.state_dict().items():
        assert torch.equal(now, before[name]) == (name in frozen or "caption" in name), name


def test_a_frozen_encoder_keeps_no_graph():
    model = build(frozen=("rgb", "depth"))
    inputs = clips()
    assert not model.embed("rgb", inputs["rgb"]).requires_grad
    assert model.embed("joints", inputs["joints"]).requires_grad
    assert model(inputs)[:, 2].requires_grad


@pytest.mark.parametrize("name", NETWORKS)
def test_a_centred_projection_has_mean_0_and_mean_square_1(name):
    model = build().eval()
    inputs = clips(batch=20)[name]
    cosine = torch.nn.functional.cosine_similarity
    before = model.embed(name, inputs)
    model.centre(name, inputs)
    found = model.embed(name, inputs)
    assert found.mean(dim=0).abs().max() < 1e-4
    assert found.square().mean().item() == pytest.approx(1, abs=1e-4)
    # only a shift and a scale: what was alike is alike
    shift = before - before.mean(dim=0)
    torch.testing.assert_close(cosine(found, shift), torch.ones(20), atol=1e-3, rtol=0)


def test_an_encoder_that_answers_the_same_to_all_is_centred_without_a_fault():
    model = build().eval()
    same = clips(batch=1)["flow"].expand(6, -1, -1)
    model.centre("flow", same)
    assert torch.isfinite(model.embed("flow", same)).all()


def test_temperatures_and_biases_start_where_their_pairs_say():
    pairs = (Pair("rgb", "depth", "siglip", temperature=0.2), Pair("rgb", "joints", temperature=0.05),
             Pair("depth", "joints", "mse"))
    fixed, learned = build(pairs), build(pairs, learn_temperature=True)
    assert set(fixed.scales()) == {"rgb-depth"} and set(fixed.scales()["rgb-depth"]) == {"temperature", "bias"}
    assert fixed.scales()["rgb-depth"]["temperature"].item() == pytest.approx(0.2)
    assert fixed.scales()["rgb-depth"]["bias"].item() == BIAS
    assert set(learned.scales()) == {"rgb-depth", "rgb-joints"}  # a squared error has none
    assert set(learned.scales()["rgb-joints"]) == {"temperature"}
    with torch.no_grad():
        learned.scales.log_temperature["rgb-joints"].fill_(-20.0)
    learned.scales.limit()
    assert learned.scales()["rgb-joints"]["temperature"].item() == pytest.approx(0.01)
    assert learned.scales()["rgb-depth"]["temperature"].item() == pytest.approx(0.2)


# -- networks by their settings ----------------------------------------------------------------------------------------


def test_networks_by_their_kind():
    assert isinstance(build_encoder("rgb", {}, 8), FrameEncoder)
    assert isinstance(build_encoder("side", NETWORKS["rgb"] | {"camera": "depth"}, 8), PatchEncoder)
    assert isinstance(build_encoder("flow", {"shape": [6]}, 8), ArrayEncoder)
    masked = build_encoder("depth", {"kind": "masked"} | MASKED, 4)
    assert isinstance(masked, MaskedVideo)
    # what guesses is there, so that the names are those of the pre-training, but does not learn
    learns = {name for name, weight in masked.named_parameters() if weight.requires_grad}
    assert learns and all(name.startswith("network.videomae.") for name in learns)
    assert any("decoder" in name for name in dict(masked.named_parameters()))
    found = masked(clips()["depth"])
    assert found.shape == (5, 16)
    found.sum().backward()
    assert all(weight.grad is not None for weight in masked.parameters() if weight.requires_grad)


@pytest.mark.parametrize(("name", "settings", "words"), [
    ("rgb", {"kind": "frame"}, "rgb: found the kind 'frame'; wanted one of frames, patches, masked, joints, array"),
    ("flow", {}, "flow: found {'frames': 8}; wanted what ArrayEncoder takes"),
    ("flow", {}, "'shape'"),
    ("flow", {"shape": [6], "wide": 3}, "'wide'"),
    ("flow", {"shape": [6, 0]}, "shape: found (6, 0); wanted"),
    ("flow", {"shape": [6], "width": 10, "heads": 4}, "wanted what ArrayEncoder takes"),
    ("flow", {"shape": [6], "width": -8}, "wanted what ArrayEncoder takes"),
    ("flow", {"shape": [6], "deviation": 0.0}, "deviation: found 0.0; wanted more than 0"),
    ("flow", {"shape": [4, 3], "mean": [0.0] * 4}, "mean: found 4 numbers for frames of shape (4, 3); wanted one"),
    ("flow", {"shape": [], "deviation": [1.0, 1.0]}, "deviation: found 2 numbers for frames of shape (); wanted one"),
    ("flow", {"shape": [32, 32], "network": "resnet5000"}, "found 'resnet5000'; wanted a name that timm knows"),
    ("flow", {"kind": "frames"}, "camera: found 'flow'; wanted one of rgb, depth, infrared"),
    ("joints", {"layer": 2}, "wanted what CoordinateTransformer takes"),
    ("rgb", {"network": "resnet5000"}, "found 'resnet5000'; wanted"),
    ("depth", {"kwargs": {"sides": 3}}, "found {'frames': 8, 'kwargs': {'sides': 3}}; wanted what FrameEncoder takes"),
    ("depth", {"kind": "masked", "block": [2, 7]}, "wanted multiples"),
    ("depth", {"kind": "masked", "block": [2]}, "found {'frames': 8, 'block': [2]}; wanted what MaskedVideo takes"),
    ("depth", {"kind": "masked", "width": 30}, "wanted what MaskedVideo takes"),
    ("items", {"shape": [6]}, "the modality 'items', a name that torch needs; wanted another"),
])
def test_a_network_that_cannot_be_is_told(name, settings, words):
    with pytest.raises(ConfigError, match="found .*wanted ") as caught:
        build_encoder(name, settings, 8)
    assert words in str(caught.value)


@pytest.mark.parametrize("kwargs", [{"size": 50}, {"deep": 3}, {"block": 2}, {"heads": 7}])
def test_so_is_an_autoencoder(kwargs):
    with pytest.raises(ConfigError, match="found .*wanted "):
        build_masked(MaskedConfig("depth", network_kwargs=kwargs))


# -- any array ---------------------------------------------------------------------------------------------------------

SMALL = {"layers": [1, 1, 1, 1], "channels": [4, 4, 8, 8], "stem_width": 4}


@pytest.mark.parametrize(("shape", "kind"), [
    ((), "vector"), ((6,), "vector"), ((22, 3), "vector"), ((4, 5, 6), "vector"), ((15, 40), "vector"),
    ((16, 16), "picture"), ((20, 16, 2), "picture"), ((16, 18, 1), "picture"), ((16, 16, 2, 2), "vector"),
])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.uint16, torch.int64])
def test_arrays_of_any_shape_and_type(shape, kind, dtype):
    encoder = ArrayEncoder(shape, mean=2.0, deviation=3.0, width=8, layers=1, heads=2, frames=5, kwargs=SMALL)
    assert (encoder.network is not None) == (kind == "picture")
    frames = (20 * torch.rand(3, 4, *shape)).to(dtype)
    assert encoder(frames).shape == (3, 8)


def test_numbers_are_brought_to_0_and_1_each_for_itself():
    encoder = ArrayEncoder((2, 3), mean=[1.0, 2.0, 3.0], deviation=[1.0, 2.0, 4.0], width=8, layers=1, heads=2).eval()
    seen = []
    encoder.over_time.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(torch.tensor([[[[2.0, 2.0, 3.0], [1.0, 4.0, 7.0]]]]))
    assert seen[0][0, 0, :6].tolist() == [1, 0, 0, 0, 1, 1]
    assert not any("mean" in name or "deviation" in name for name in encoder.state_dict())


def test_a_picture_is_looked_at_with_its_channels():
    encoder = ArrayEncoder((16, 18, 3), width=8, layers=1, heads=2, kwargs=SMALL).eval()
    seen = []
    encoder.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    frames = torch.rand(2, 4, 16, 18, 3) + 0.1
    encoder(frames)
    assert torch.equal(seen[0][5], frames[1, 1].movedim(2, 0))
    plain = ArrayEncoder((16, 18), width=8, layers=1, heads=2, kwargs=SMALL).eval()
    plain.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    plain(frames[..., 0])
    assert torch.equal(seen[1][5, 0], frames[1, 1, ..., 0])


@pytest.mark.parametrize("shape", [(6,), (16, 16)])
def test_a_frame_of_zeros_is_not_attended_to_and_says_nothing(shape):
    """What the encoder takes for the missing frame does not matter, nor does a mean that is not zero."""
    torch.manual_seed(0)
    encoder = ArrayEncoder(shape, mean=5.0, width=8, layers=2, heads=2, kwargs=SMALL).eval()
    frames = torch.randn(3, 4, *shape)
    frames[0, 1] = 0
    frames[2] = 0
    found = encoder(frames)
    assert torch.isfinite(found).all()
    with torch.no_grad():
        torch.nn.init.normal_(encoder.over_time.positions[1])  # of the missing frame
    moved = encoder(frames)
    torch.testing.assert_close(moved[0], found[0])
    torch.testing.assert_close(moved[2], found[2])
    assert not torch.allclose(moved[1], found[1], atol=1e-3)


def test_a_frame_after_a_gap_has_not_moved():
    encoder = ArrayEncoder((2,), mean=1.0, width=8, layers=1, heads=2).eval()
    seen = []
    encoder.over_time.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(torch.tensor([[[3.0, 4.0], [0.0, 0.0], [5.0, 7.0], [6.0, 6.0]]]))
    changes = seen[0][0, :, 2:]
    assert changes.tolist() == [[0, 0], [0, 0], [0, 0], [1, -1]]


def test_clips_of_another_shape_or_length_are_told():
    encoder = ArrayEncoder((6,), width=8, layers=1, heads=2, frames=4)
    with pytest.raises(ConfigError, match=r"frames of shape \(5,\); wanted \(6,\)"):
        encoder(torch.ones(2, 4, 5))
    with pytest.raises(ConfigError, match="found 5 frames; wanted at most 4"):
        encoder(torch.ones(2, 5, 6))


def test_an_array_encoder_works_in_the_precision_of_its_weights():
    encoder = ArrayEncoder((6,), width=8, layers=1, heads=2).double().eval()
    frames = torch.randn(2, 4, 6, dtype=torch.float64)
    assert encoder(frames).dtype == torch.float64
    assert not torch.equal(encoder(frames), encoder(frames.float()).double())  # nothing was rounded on the way


# -- settings ----------------------------------------------------------------------------------------------------------


def there_and_back(run: RunConfig) -> RunConfig:
    return parse_config(json.dumps(run.as_dict()), "here")


NAMES = st.lists(st.sampled_from(["rgb", "depth", "infrared", "joints", "flow", "Gaze_2"]), min_size=2, max_size=5,
                 unique=True)
NUMBERS = st.floats(0.01, 3.0)


@st.composite
def spaces(draw):
    names = draw(NAMES)
    make = draw(st.sampled_from([lambda: star(names[0], names[1:]), lambda: all_pairs(names)]))
    losses = st.sampled_from([loss for loss in PairLossName.__args__ if loss != "class_ce"])
    pairs = [replace(pair, loss=draw(losses), temperature=draw(NUMBERS), weight=draw(NUMBERS)) for pair in make()]
    pairs += draw(st.sampled_from([[], [Pair(names[0], "class", "class_ce")], [Pair(names[-1], "caption")]]))
    frozen = draw(st.lists(st.sampled_from(names), max_size=len(names) - 1, unique=True))
    said = draw(st.lists(st.sampled_from(names), unique=True))
    encoders = {name: {"kind": "array", "shape": [3, 4]} for name in said}
    flags = {name: draw(st.booleans()) for name in ("learn_temperature", "moved_alike", "shuffled")}
    return SpaceConfig(tuple(pairs), draw(st.integers(1, 99)), draw(st.integers(1, 99)), tuple(frozen), encoders,
                       **flags)


@settings(max_examples=40)
@given(spaces())
def test_a_space_is_read_back_as_it_was_written(model):
    run = RunConfig("tiny", config(space()).loss, model, config(space()).train, "clip")
    assert there_and_back(run) == run
    assert run.task == "alignment" and modalities_of(model) == model.modalities
    assert set(model.modalities) | set(model.tables) == {name for pair in model.pairs for name in (pair.a, pair.b)}


@given(st.builds(FusionConfig, NAMES.map(tuple), st.sampled_from(["masked", "zeroed"]), st.integers(1, 8),
                 st.floats(0, 0.9), st.sampled_from(["sample", "batch"])))
def test_so_is_a_fusion(model):
    run = config(model)
    assert there_and_back(run) == run and run.task == "fusion"


@given(st.builds(MaskedConfig, st.sampled_from(["rgb", "depth", "infrared"]), st.integers(1, 20),
                 st.sampled_from(["tube", "random"]), st.floats(0.01, 0.99), st.booleans(),
                 st.sampled_from([{}, {"block": [2, 4], "normalised": False}])))
def test_so_is_a_masked_autoencoder(model):
    run = config(model)
    assert there_and_back(run) == run and run.task == "masked"


def test_a_run_of_a_profile_has_the_profile_s_networks_where_none_is_said():
    run = config(SpaceConfig(star("rgb", ("joints", "flow")), encoders={"joints": {"width": 8}}))
    assert run.model.encoders == {"rgb": SPACE_PROFILES["smoke"].encoders["rgb"], "joints": {"width": 8}}
    run = config(MaskedConfig(network_kwargs={"width": 8}))
    assert run.model.network_kwargs == SPACE_PROFILES["smoke"].masked | {"width": 8}


def test_the_anchor_is_the_first_modality_and_tables_are_none():
    model = SpaceConfig((Pair("depth", "caption"), Pair("depth", "class", "class_ce"), Pair("flow", "depth")))
    assert model.modalities == ("depth", "flow") and model.tables == ("class", "caption")


@pytest.mark.parametrize(("make", "words"), [
    (lambda: SpaceConfig(()), "pairs: found none"),
    (lambda: SpaceConfig((Pair("rgb", "depth"), Pair("depth", "rgb"))), "found depth-rgb twice"),
    (lambda: SpaceConfig((Pair("class", "rgb", "class_ce"),)), "pair class-rgb: found 'class' in front"),
    (lambda: SpaceConfig((Pair("caption", "rgb"),)), "found 'caption' in front; wanted a modality there"),
    (lambda: SpaceConfig((Pair("rgb", "class"),)), "pair rgb-class: found the loss 'infonce'; wanted 'class_ce'"),
    (lambda: SpaceConfig((Pair("rgb", "depth", "class_ce"),)), "wanted it beside 'class' or 'caption'"),
    (lambda: SpaceConfig(frozen=("flow",)), "frozen: found 'flow'; wanted one of rgb, depth, infrared, joints"),
    (lambda: SpaceConfig(encoders={"flow": {}}), "encoders: found 'flow'; wanted one of"),
    (lambda: SpaceConfig(star("rgb", ("depth",)), frozen=("rgb", "depth")), "frozen: found all modalities"),
    (lambda: SpaceConfig(star("rgb", ("my flow",))), "found the modality 'my flow'; wanted a name of letters"),
    (lambda: SpaceConfig(star("rgb", ("flow.x",))), "found the modality 'flow.x'"),
    (lambda: SpaceConfig(star("rgb", ("target",))), "found the modality 'target'; wanted"),
    (lambda: SpaceConfig(width=0), "width: found 0; wanted at least 1"),
    (lambda: SpaceConfig(frames=2.5), "frames: found 2.5; wanted a whole number"),
    (lambda: FusionConfig(()), "modalities: found none; wanted at least two"),
    (lambda: FusionConfig(("rgb",)), "modalities: found rgb; wanted at least two"),
    (lambda: FusionConfig(("rgb", "rgb", "depth")), "wanted at least two, each once"),
    (lambda: FusionConfig(("rgb", "depth"), drop=1.0), "drop: found 1.0; wanted at least 0 and less than 1"),
    (lambda: FusionConfig(("rgb", "depth"), "mean"), "head: found 'mean'; wanted one of masked, zeroed"),
    (lambda: FusionConfig(("rgb", "depth"), per="clip"), "per: found 'clip'; wanted one of sample, batch"),
    (lambda: MaskedConfig("joints"), "camera: found 'joints'; wanted one of rgb, depth, infrared"),
    (lambda: MaskedConfig(ratio=1.0), "ratio: found 1.0; wanted more than 0 and less than 1"),
    (lambda: MaskedConfig(mask="tubes"), "mask: found 'tubes'; wanted one of tube, random"),
])
def test_settings_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ConfigError, match="found .*wanted ") as caught:
        make()
    assert words in str(caught.value)


def test_all_may_be_frozen_beside_a_table_that_learns():
    model = build((Pair("flow", "class", "class_ce"),), frozen=("flow",))
    assert [name for name, weight in model.named_parameters() if weight.requires_grad] == ["class_vectors"]
