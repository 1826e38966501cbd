"""Networks over frames: block-masked attention against full attention with the mask, absent frames, scaling."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mgutils.errors import ConfigError
from mgutils.models.encoders import as_images, count_parameters
from mgutils.models.video import (
    GLOBALS,
    BlockMaskedAttention,
    FrameEncoder,
    PatchEncoder,
    channels_of,
    scale_frames,
)

SMALL = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "stem_type": "deep", "stem_width": 4,
         "zero_init_last": False}  # a weight of zero would hide what lies before it
CAMERAS = ("rgb", "depth", "infrared")


def clips(camera, batch=3, frames=4, size=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, frames, size, size) + ((3,) if camera == "rgb" else ())
    if camera == "depth":
        return torch.randint(500, 4000, shape, generator=generator).to(torch.uint16)
    return torch.randint(1, 256, shape, generator=generator, dtype=torch.uint8)


def build(kind, camera, **settings):
    torch.manual_seed(0)
    if kind is FrameEncoder:
        return FrameEncoder(camera, width=24, kwargs=SMALL, dropout=0.0, **settings)
    network = PatchEncoder(camera, width=24, layers=2, size=32, patch=16, **settings)
    torch.nn.init.normal_(network.times)  # zeros would hide a frame at the wrong place
    return network


# -- block-masked attention --------------------------------------------------------------------------------------------


def explicit_mask(shown, patches):
    """Who sees whom, (B, 1, N, N), in loops."""
    batch, frames = shown.shape
    total = GLOBALS + frames * patches
    mask = torch.zeros(batch, 1, total, total, dtype=torch.bool)
    for clip in range(batch):
        for reader in range(total):
            for read in range(total):
                if read < GLOBALS:
                    mask[clip, 0, reader, read] = True
                elif reader < GLOBALS:
                    mask[clip, 0, reader, read] = shown[clip, (read - GLOBALS) // patches]
                else:
                    mask[clip, 0, reader, read] = (read - GLOBALS) // patches == (reader - GLOBALS) // patches
    return mask


@pytest.mark.parametrize("all_there", [True, False])
def test_block_masked_attention_is_full_attention_with_the_mask(all_there):
    torch.manual_seed(0)
    attention = BlockMaskedAttention(12, heads=3)
    tokens = torch.randn(2, GLOBALS + 3 * 5, 12, requires_grad=True)
    shown = torch.tensor([[True, True, True], [all_there, True, all_there]])
    query, key, value = attention.qkv(tokens).chunk(3, dim=-1)
    query, key, value = (part.unflatten(-1, (3, 4)).transpose(1, 2) for part in (query, key, value))
    full = F.scaled_dot_product_attention(query, key, value, attn_mask=explicit_mask(shown, 5))
    wanted = attention.out(full.transpose(1, 2).flatten(2))
    found = attention(tokens, shown)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    weight = torch.randn_like(found)
    ours, theirs = (torch.autograd.grad((part * weight).sum(), tokens, retain_graph=True)[0]
                    for part in (found, wanted))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_no_patch_sees_another_frame_s_patch():
    torch.manual_seed(0)
    frames, patches = 3, 4
    tokens = torch.randn(1, GLOBALS + frames * patches, 8, requires_grad=True)
    mixed = BlockMaskedAttention(8, heads=2)(tokens, torch.ones(1, frames, dtype=torch.bool))
    for reader in range(tokens.shape[1]):
        (heard,) = torch.autograd.grad(mixed[0, reader].sum(), tokens, retain_graph=True)
        heard = heard[0].abs().sum(dim=1) > 0
        assert heard[:GLOBALS].all()
        by_frame = heard[GLOBALS:].view(frames, patches)
        if reader < GLOBALS:
            assert by_frame.all()
        else:
            own = (reader - GLOBALS) // patches
            assert by_frame[own].all() and by_frame.sum() == patches


# -- the encoders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FrameEncoder, PatchEncoder])
@pytest.mark.parametrize("camera", CAMERAS)
def test_a_clip_becomes_a_vector_that_reaches_every_weight(kind, camera):
    network = build(kind, camera)
    vectors = network(clips(camera))
    assert vectors.shape == (3, 24) and network.width == 24
    (vectors * torch.randn(3, 24)).sum().backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.any()] == []


@pytest.mark.parametrize("kind", [FrameEncoder, PatchEncoder])
@pytest.mark.parametrize("training", [True, False])
def test_padding_at_the_end_changes_nothing(kind, training):
    network = build(kind, "depth").train(training)
    frames = clips("depth")
    padded = torch.cat([frames, torch.zeros_like(frames[:, :2])], dim=1)
    torch.testing.assert_close(network(padded), network(frames), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [FrameEncoder, PatchEncoder])
def test_a_clip_without_the_camera_changes_no_other_while_training(kind):
    network = build(kind, "infrared").train()
    frames = clips("infrared")
    more = torch.cat([frames, torch.zeros_like(frames[:1])])
    with_absent = network(more)
    assert torch.isfinite(with_absent).all()
    torch.testing.assert_close(with_absent[:3], network(frames), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [FrameEncoder, PatchEncoder])
def test_a_batch_without_the_camera_has_gradients_for_every_weight(kind):
    network = build(kind, "depth").train()
    vectors = network(torch.zeros(2, 4, 32, 32))
    assert torch.isfinite(vectors).all()
    vectors[:0].sum().backward()  # as a pair that nobody has
    assert all((weight.grad == 0).all() for weight in network.parameters())


@pytest.mark.parametrize("kind", [FrameEncoder, PatchEncoder])
def test_the_order_of_frames_counts(kind):
    network = build(kind, "rgb").eval()
    frames = clips("rgb")
    assert (network(frames) - network(frames.flip(1))).abs().max() > 1e-3


def test_a_whole_clip_is_read_without_a_mask():
    network, frames = build(FrameEncoder, "rgb").eval(), clips("rgb")
    time = network.over_time
    tokens = [time.embed(network.network(as_images(frames[:, t]))) + time.positions[t] for t in range(4)]
    tokens = torch.stack([time.first[0].expand(3, 24), *tokens], dim=1)
    torch.testing.assert_close(network(frames), time.encoder(tokens)[:, 0], atol=1e-5, rtol=0)


def test_one_channel_has_a_first_layer_of_one():
    sizes = [count_parameters(build(FrameEncoder, camera)) for camera in CAMERAS]
    first = build(FrameEncoder, "depth").network.conv1[0]
    assert first.in_channels == 1
    assert sizes[0] - sizes[1] == 2 * first.weight.numel() and sizes[1] == sizes[2]


def test_faults_are_named():
    with pytest.raises(ConfigError, match="camera: found 'thermal'; wanted one of rgb, depth, infrared"):
        channels_of("thermal")
    with pytest.raises(ConfigError, match="found 'openai/clip-vit-base-patch16' for depth; wanted a name that timm"):
        FrameEncoder("depth", network="openai/clip-vit-base-patch16")
    with pytest.raises(ConfigError, match="patch: found 7 for frames of 48"):
        PatchEncoder("rgb", patch=7)
    for kind in (FrameEncoder, PatchEncoder):
        with pytest.raises(ConfigError, match="clips: found 4 frames; wanted at most 3"):
            build(kind, "rgb", frames=3)(clips("rgb"))


# -- scaling -----------------------------------------------------------------------------------------------------------


def test_colours_are_scaled_as_images_are():
    frames = clips("rgb")
    torch.testing.assert_close(scale_frames(frames, "rgb")[:, 1], as_images(frames[:, 1]), atol=1e-5, rtol=0)


def test_depth_keeps_its_millimetres():
    stored = np.array([[[[0, 255, 256, 2000, 65535]]]], dtype=np.uint16)
    scaled = scale_frames(torch.from_numpy(stored), "depth")
    assert scaled.shape == (1, 1, 1, 1, 5)
    back = ((scaled.double() + 2) * 1000).round().flatten().tolist()
    assert back == [0, 255, 256, 2000, 65535]


def test_infrared_goes_from_minus_one_to_one():
    ends = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
    assert scale_frames(ends, "infrared").flatten().tolist() == [-1, 1]
