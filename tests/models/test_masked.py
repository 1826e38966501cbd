"""Masked autoencoding: our target against the library's loss, patches there and back, equal counts."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgutils.errors import ConfigError
from mgutils.losses.reconstruction import (
    Block,
    denormalise,
    grid_of,
    normalise,
    patchify,
    reconstruction_loss,
    scale_of,
    scrambled_patches,
    unpatchify,
)
from mgutils.models.masked import MaskedVideo, random_mask, tube_mask
from mgutils.models.video import scale_frames

CAMERAS = ("rgb", "depth", "infrared")
SIZES = {"frames": 4, "size": 16, "block": Block(2, 4), "width": 16, "layers": 1, "heads": 2, "decoder_width": 8,
         "decoder_layers": 1}


def build(camera="rgb", **settings):
    torch.manual_seed(0)
    return MaskedVideo(camera, **SIZES | settings)


def clips(camera="rgb", batch=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, 4, 16, 16) + ((3,) if camera == "rgb" else ())
    if camera == "depth":
        return torch.randint(500, 4000, shape, generator=generator).to(torch.uint16)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def hide(network, batch=3, ratio=0.75, seed=0):
    return random_mask(batch, network.grid, ratio, torch.Generator().manual_seed(seed))


# -- patches -----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.integers(1, 3)] * 7))
def test_unpatchify_puts_back_what_patchify_cut(sizes):
    batch, time, down, across, frames, side, channels = sizes
    block = Block(frames, side)
    video = torch.randn(batch, time * frames, channels, down * side, across * side)
    assert grid_of(video, block) == (time, down, across)
    patches = patchify(video, block)
    assert patches.shape == (batch, time * down * across, frames * side * side * channels)
    assert torch.equal(unpatchify(patches, block, (time, down, across)), video)


def test_patchify_in_loops():
    video, block = torch.randn(2, 4, 3, 6, 9), Block(2, 3)
    patches = patchify(video, block)
    for clip in range(2):
        number = 0
        for t in range(0, 4, 2):
            for y in range(0, 6, 3):
                for x in range(0, 9, 3):
                    one = [video[clip, t + dt, colour, y + dy, x + dx].item()
                           for dt in range(2) for dy in range(3) for dx in range(3) for colour in range(3)]
                    assert patches[clip, number].tolist() == one
                    number += 1


def test_a_normalised_patch_has_mean_0_and_deviation_1_in_each_colour():
    patches = patchify(torch.rand(2, 4, 3, 8, 8) * 7 + 3, Block(2, 4))
    scale = scale_of(patches, 3)
    pixels = normalise(patches, scale).unflatten(2, (-1, 3))
    torch.testing.assert_close(pixels.mean(dim=2), torch.zeros(2, 8, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(pixels.std(dim=2), torch.ones(2, 8, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(denormalise(normalise(patches, scale), scale), patches)
    assert (normalise(torch.ones(1, 1, 12), scale_of(torch.ones(1, 1, 12), 3)) == 0).all()


def test_patches_that_do_not_fill_a_video_are_named():
    with pytest.raises(ValueError, match="found 3 frames of 8 x 8 pixels; wanted multiples of 2 and 4"):
        patchify(torch.zeros(1, 3, 1, 8, 8), Block(2, 4))


# -- masks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [random_mask, tube_mask])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.75, 0.8, 0.9])
def test_every_clip_hides_as_many_patches(make, ratio):
    hidden = make(50, (4, 6, 6), ratio, torch.Generator().manual_seed(0))
    counts = hidden.sum(dim=1)
    assert hidden.shape == (50, 144) and hidden.dtype == torch.bool
    assert (counts == counts[0]).all()
    assert counts[0].item() == (round(144 * ratio) if make is random_mask else 4 * round(36 * ratio))
    assert len(hidden.unique(dim=0)) == 50
    assert (hidden.float().mean(dim=0) - ratio).abs().max() < 0.3  # no place is favoured


def test_a_tube_hides_the_same_places_at_all_times():
    tubes = tube_mask(8, (4, 6, 6), 0.75, torch.Generator().manual_seed(0)).view(8, 4, 36)
    assert (tubes == tubes[:, :1]).all()
    anywhere = random_mask(8, (4, 6, 6), 0.75, torch.Generator().manual_seed(0)).view(8, 4, 36)
    assert not (anywhere == anywhere[:, :1]).all()


@pytest.mark.parametrize("make", [random_mask, tube_mask])
@pytest.mark.parametrize("ratio", [0.0, 0.01, 1.0])
def test_a_mask_of_nothing_or_everything_is_refused(make, ratio):
    with pytest.raises(ConfigError, match="mask ratio: found .*; wanted one that hides 1 to"):
        make(2, (2, 2, 2), ratio, torch.Generator())


# -- the target --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("camera", "normalised"), [
    ("rgb", True), ("rgb", False), ("depth", True), ("infrared", True)])
@pytest.mark.parametrize("make", [random_mask, tube_mask])
def test_our_loss_is_the_library_s(camera, normalised, make):
    network = build(camera, normalised=normalised)
    network.network.config.norm_pix_loss = normalised
    frames = clips(camera)
    hidden = make(3, network.grid, 0.75, torch.Generator().manual_seed(1))
    theirs = network.network(scale_frames(frames, camera), bool_masked_pos=hidden).loss
    ours = network.loss(frames, hidden)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    weights = list(network.parameters())
    for mine, other in zip(torch.autograd.grad(ours, weights, allow_unused=True),
                           torch.autograd.grad(theirs, weights, allow_unused=True), strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            torch.testing.assert_close(mine, other, atol=1e-6, rtol=0)


def test_depth_can_be_guessed_in_metres_where_the_library_cannot():
    network = build("depth", normalised=False)
    frames = clips("depth")
    assert torch.isfinite(network.loss(frames, hide(network)))
    network.network.config.norm_pix_loss = False
    with pytest.raises(ValueError, match="norm_pix_loss"):
        network.loss(frames, hide(network))


def test_a_patch_that_was_seen_does_not_count():
    patches = torch.randn(2, 6, 4)
    hidden = torch.tensor([[1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 0]]).bool()
    guessed = torch.randn(2, 2, 4)
    wanted = sum((guessed[clip, row] - patches[clip, place]).square().sum()
                 for clip, places in enumerate(([0, 3], [1, 2])) for row, place in enumerate(places)) / 16
    torch.testing.assert_close(reconstruction_loss(guessed, patches, hidden), wanted)
    other = patches.masked_fill(~hidden[..., None], torch.nan)
    torch.testing.assert_close(reconstruction_loss(guessed, other, hidden), wanted)
    hidden[0, 1] = True
    with pytest.raises(ValueError, match=r"guesses \(2, 2, 4\) for 2 to 3 hidden patches"):
        reconstruction_loss(guessed, patches, hidden)


# -- the scrambled one -------------------------------------------------------------------------------------------------


def test_the_scrambled_target_is_the_original_s_view():
    """Comparing predictions by ``view`` with the video is comparing them with our scrambled patches."""
    block = Block(2, 4)
    video = torch.randn(2, 4, 3, 8, 8)
    predictions = torch.randn(2, 8, 96)
    theirs = (predictions.view(2, 3, 4, 8, 8) - video.transpose(1, 2)).square().mean()
    ours = (predictions - scrambled_patches(video, block)).square().mean()
    torch.testing.assert_close(ours, theirs)


def test_the_scrambled_target_has_every_pixel_once_and_hardly_one_at_its_place():
    video = torch.arange(3 * 4 * 8 * 8).view(1, 4, 3, 8, 8)
    scrambled, right = scrambled_patches(video, Block(2, 4)), patchify(video, Block(2, 4))
    assert torch.equal(scrambled.flatten().sort().values, right.flatten().sort().values)
    assert (scrambled == right).float().mean() < 0.02


# -- network and pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("camera", CAMERAS)
def test_without_a_mask_it_is_an_encoder(camera):
    network = build(camera)
    vectors = network(clips(camera))
    assert vectors.shape == (3, network.width)
    vectors.square().sum().backward()
    assert all(weight.grad is not None for weight in network.network.videomae.parameters())


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("normalised", [True, False])
def test_pictures_of_a_perfect_network_are_the_video(camera, normalised, monkeypatch):
    network, frames = build(camera, normalised=normalised), clips(camera)
    hidden = hide(network)
    targets = network.targets(frames)
    monkeypatch.setattr(network, "forward", lambda frames, hidden: targets[hidden].unflatten(0, (len(frames), -1)))
    seen, guessed, true = network.pictures(frames, hidden)
    torch.testing.assert_close(guessed, true, atol=1e-5, rtol=0)
    torch.testing.assert_close(true, network.video(frames))
    grey = patchify(seen, network.block) != patchify(true, network.block)
    assert torch.equal(grey.any(dim=2), hidden)


def test_the_picture_of_a_scrambled_network_is_wrong_though_its_loss_is_0(monkeypatch):
    network, frames = build(normalised=False), clips()
    hidden = hide(network)
    targets = network.targets(frames, scrambled=True)
    monkeypatch.setattr(network, "forward", lambda frames, hidden: targets[hidden].unflatten(0, (len(frames), -1)))
    assert network.loss(frames, hidden, scrambled=True) == 0
    _, guessed, true = network.pictures(frames, hidden, scrambled=True)
    assert (guessed - true).abs().mean() > 0.1


def test_colours_to_guess_are_in_0_to_1():
    frames = clips()
    torch.testing.assert_close(build().video(frames), frames.movedim(-1, 2) / 255, atol=1e-6, rtol=0)


def test_both_losses_fall():
    """No curve tells the scrambled target from the right one."""
    frames = clips(batch=2)
    for scrambled in (False, True):
        network = build(normalised=False)
        hidden = hide(network, batch=2)
        optimizer = torch.optim.Adam(network.parameters(), 3e-3)
        losses = []
        for _ in range(60):
            loss = network.loss(frames, hidden, scrambled)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]


def test_clips_that_patches_do_not_fill_are_refused():
    with pytest.raises(ConfigError, match="patches of 2 frames and 4 pixels: found clips of 5 frames and 16 pixels"):
        build(frames=5)
