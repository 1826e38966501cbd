"""The skeleton networks: the original's sizes and names, a second SlowOnly of 2-D convolutions, padding."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mgutils.data.keypoints import LIMBS, ORIGINAL_LIMBS
from mgutils.errors import CheckpointError, ConfigError
from mgutils.models.encoders import count_parameters
from mgutils.models.skeleton import (
    LEFT,
    NECK,
    RIGHT,
    STGCN,
    CoordinateTransformer,
    PoseConv3D,
    SkeletonClassifier,
    frame_features,
    limb_graph,
)
from mgutils.models.slowonly import Bottleneck, FramePool, SlowOnly, from_pyskl

SMALL = {"base": 4, "blocks": (1, 2, 1)}
NETWORKS = {
    "joint": lambda: PoseConv3D("joint", 12, **SMALL),
    "limb": lambda: PoseConv3D("limb", 12, **SMALL),
    "transformer": lambda: CoordinateTransformer(width=24, frames=20),
    "graph": lambda: STGCN(width=12),
}


def build(name):
    torch.manual_seed(0)
    return NETWORKS[name]()


def clips(batch=3, frames=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    joints = torch.rand(batch, frames, 22, 3, generator=generator)
    joints[torch.rand(batch, frames, 22, generator=generator) < 0.2] = 0  # missing joints
    return joints


def busy(network, seed=0):
    """The network with random statistics and without a weight of zero, so that every part counts."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d | torch.nn.BatchNorm2d):
            for part in (module.weight.data, module.running_var):
                part.copy_(0.5 + torch.rand(part.shape, generator=generator))
            for part in (module.bias.data, module.running_mean):
                part.copy_(torch.randn(part.shape, generator=generator))
    return network


# -- SlowOnly ----------------------------------------------------------------------------------------------------------


def test_pooling_frame_by_frame_is_the_originals_in_value_and_gradient():
    ours = torch.randn(2, 3, 4, 9, 7, generator=torch.Generator().manual_seed(0)).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    found = FramePool(3, stride=1, padding=1)(ours)
    wanted = torch.nn.MaxPool3d((1, 3, 3), stride=1, padding=(0, 1, 1))(theirs)
    assert torch.equal(found, wanted)
    found.square().sum().backward()
    wanted.square().sum().backward()
    assert torch.equal(ours.grad, theirs.grad)


def test_slowonly_has_the_originals_size():
    with torch.device("meta"):
        network = SlowOnly(22)
        features = network(torch.empty(1, 22, 48, 56, 56))
    assert count_parameters(network) == 2_001_920
    assert features.shape == (1, 512, 24, 7, 7)
    assert network.width == 512


def test_the_originals_classifier_has_its_size():
    with torch.device("meta"):
        model = SkeletonClassifier(PoseConv3D("joint"), classes=32, words=300)
    assert count_parameters(model.classes) == 16_416
    assert count_parameters(model.words) == 153_900
    assert count_parameters(model) == 2_172_236


def test_the_small_one_is_the_same_class():
    network = SlowOnly(22, base=8, blocks=(1, 1, 1))
    assert 40_000 < count_parameters(network) < 50_000
    assert network(torch.zeros(1, 22, 16, 24, 24)).shape == (1, 128, 8, 3, 3)


def convolve(maps, weight, stride):
    """A 3-D convolution as a sum over its taps in time of 2-D convolutions of single frames."""
    taps, side = weight.shape[2], weight.shape[3]
    padded = F.pad(maps, (0, 0, 0, 0, taps // 2, taps // 2))
    frames = []
    for first in range(0, maps.shape[2], stride[0]):
        frames.append(sum(F.conv2d(padded[:, :, first + tap], weight[:, :, tap], stride=stride[1:], padding=side // 2)
                          for tap in range(taps)))
    return torch.stack(frames, dim=2)


def normalise(maps, weights, name, training):
    """Batch normalisation by its formula."""
    mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
    if training:
        var, mean = torch.var_mean(maps, dim=(0, 2, 3, 4), correction=0)
    shape = (1, -1, 1, 1, 1)
    scale = weights[f"{name}.weight"] / torch.sqrt(var + 1e-5)
    return (maps - mean.view(shape)) * scale.view(shape) + weights[f"{name}.bias"].view(shape)


def second_slowonly(weights, maps, blocks, training):
    """SlowOnly out of the names of its weights and 2-D convolutions."""
    def step(maps, name, stride=(1, 1, 1)):
        return normalise(convolve(maps, weights[f"{name}.conv.weight"], stride), weights, f"{name}.bn", training)

    maps = F.relu(step(maps, "conv1"))
    maps = torch.stack([F.max_pool2d(frame, 3, 1, 1) for frame in maps.unbind(2)], dim=2)
    for layer, count in enumerate(blocks):
        for block in range(count):
            name = f"layer{layer + 1}.{block}"
            stride = (1, 1, 1) if block else (2 if layer == 2 else 1, 2, 2)
            inner = F.relu(step(maps, f"{name}.conv1"))
            inner = F.relu(step(inner, f"{name}.conv2", stride))
            inner = step(inner, f"{name}.conv3")
            kept = maps if block else step(maps, f"{name}.downsample", stride)
            maps = F.relu(inner + kept)
    return maps


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("blocks", "frames", "size"), [((1, 2, 1), 6, 16), ((2, 1, 2), 5, 11)])
def test_equal_to_a_second_implementation(blocks, frames, size, training):
    torch.manual_seed(0)
    network = busy(SlowOnly(5, base=3, blocks=blocks)).double().train(training)
    maps = torch.rand(2, 5, frames, size, size, dtype=torch.float64)
    wanted = second_slowonly(network.state_dict(), maps, blocks, training)
    torch.testing.assert_close(network(maps), wanted, atol=1e-10, rtol=1e-8)


def test_gradients_equal_those_of_the_second_implementation():
    torch.manual_seed(0)
    network = busy(SlowOnly(3, base=2, blocks=(1, 1, 1))).double()
    maps = torch.rand(2, 3, 4, 9, 9, dtype=torch.float64)
    leaves = dict(network.named_parameters())
    weights = network.state_dict() | {name: leaf.detach().clone().requires_grad_() for name, leaf in leaves.items()}
    found = torch.autograd.grad(network(maps).square().mean(), leaves.values())
    value = second_slowonly(weights, maps, (1, 1, 1), training=True).square().mean()
    wanted = torch.autograd.grad(value, [weights[name] for name in leaves])
    for here, there in zip(found, wanted, strict=True):
        torch.testing.assert_close(here, there, atol=1e-10, rtol=1e-8)


def test_a_block_starts_as_its_shortcut():
    torch.manual_seed(0)
    maps = torch.rand(2, 8, 3, 5, 5)
    plain = Bottleneck(8, 2, (1, 1, 1), inflate=True, shortcut=False)
    assert torch.equal(plain(maps), maps)
    turned = Bottleneck(8, 3, (1, 2, 2), inflate=False, shortcut=True)
    torch.testing.assert_close(turned(maps), F.relu(turned.downsample(maps)))
    zero = [name for name, weight in SlowOnly(22, 4, (2, 1, 1)).named_parameters() if not weight.any()]
    assert [name for name in zero if name.endswith("weight")] == [
        f"layer{layer}.{block}.conv3.bn.weight" for layer, block in ((1, 0), (1, 1), (2, 0), (3, 0))]


def test_convolutions_start_as_kaiming_says():
    torch.manual_seed(0)
    weight = SlowOnly(22, base=32, blocks=(1, 1, 1)).conv1.conv.weight  # 32 x 22 x 1 x 7 x 7
    assert weight.std().item() == pytest.approx((2 / (32 * 49)) ** 0.5, rel=0.02)


@pytest.mark.parametrize(("layer", "inflate", "kernel"), [(1, (0, 1, 1), 1), (2, (0, 1, 1), 3), (3, (0, 1, 1), 3),
                                                          (1, (1, 0, 0), 3), (3, (1, 0, 0), 1)])
def test_inflated_blocks_see_three_frames(layer, inflate, kernel):
    network = SlowOnly(4, 4, (2, 2, 2), inflate)
    for block in getattr(network, f"layer{layer}"):
        assert block.conv1.conv.kernel_size == (kernel, 1, 1)
        assert block.conv2.conv.kernel_size == (1, 3, 3)
        assert block.conv3.conv.kernel_size == (1, 1, 1)


def test_without_inflation_no_frame_sees_another():
    torch.manual_seed(0)
    maps = torch.rand(1, 4, 6, 8, 8)
    other = maps.clone()
    other[:, :, 3] = torch.rand(1, 4, 8, 8)
    for inflate, seen in (((0, 0, 0), [3]), ((0, 1, 0), [2, 3, 4]), ((0, 1, 1), [1, 2, 3, 4, 5])):
        network = busy(SlowOnly(4, 4, (1, 1, 1), inflate, ((1, 2, 2),) * 3)).eval()
        changed = (network(maps) - network(other)).abs().amax(dim=(0, 1, 3, 4)) > 0
        assert changed.nonzero().flatten().tolist() == seen


@pytest.mark.parametrize(("strides", "shape"), [
    (((1, 2, 2), (1, 2, 2), (2, 2, 2)), (8, 3, 3)), (((1, 1, 1),) * 3, (16, 24, 24)),
    (((2, 1, 1), (1, 1, 1), (2, 2, 2)), (4, 12, 12)), (((1, 2, 1), (1, 1, 2), (1, 1, 1)), (16, 12, 12))])
def test_strides_divide_the_sides(strides, shape):
    with torch.device("meta"):
        network = SlowOnly(22, 4, (1, 2, 1), strides=strides)
        assert network(torch.empty(1, 22, 16, 24, 24)).shape[2:] == shape
    assert all(block.conv1.conv.stride == (1, 1, 1) for layer in network.layers for block in getattr(network, layer))


# -- checkpoints of pyskl ----------------------------------------------------------------------------------------------


def pyskl_names(weights):
    """Our names as pyskl's ConvModules and I3DHead have them."""
    heads = {"network.backbone.": "backbone.", "classes.": "cls_head.fc_cls.", "words.": "cls_head.emb_fc."}
    for name, value in weights.items():
        ours = next(part for part in heads if name.startswith(part))
        yield heads[ours] + name.removeprefix(ours), value


@pytest.fixture
def checkpoint():
    model = SkeletonClassifier(busy(PoseConv3D("limb", 12, limbs=ORIGINAL_LIMBS, **SMALL)), classes=7, words=5)
    return model, dict(pyskl_names(model.state_dict()))


def test_names_are_pyskls(checkpoint):
    names = set(checkpoint[1])
    assert {"backbone.conv1.conv.weight", "backbone.conv1.bn.running_mean", "backbone.layer1.0.conv1.conv.weight",
            "backbone.layer2.1.conv3.bn.weight", "backbone.layer3.0.downsample.conv.weight",
            "backbone.layer3.0.downsample.bn.num_batches_tracked", "cls_head.fc_cls.bias",
            "cls_head.emb_fc.weight"} <= names
    assert "backbone.layer2.1.downsample.conv.weight" not in names


def test_a_checkpoint_comes_round(checkpoint):
    model, theirs = checkpoint
    other = SkeletonClassifier(PoseConv3D("limb", 12, limbs=ORIGINAL_LIMBS, **SMALL), classes=7, words=5)
    other.load_state_dict(from_pyskl(theirs, other))
    joints = clips()
    for here, there in zip(model.eval()(joints), other.eval()(joints), strict=True):
        assert torch.equal(here, there)


def test_what_does_not_fit_is_named(checkpoint):
    model, theirs = checkpoint
    del theirs["backbone.layer1.0.conv2.bn.bias"]
    theirs["backbone.layer4.0.conv1.conv.weight"] = torch.zeros(1)
    theirs["cls_head.fc_cls.bias"] = torch.zeros(32)
    with pytest.raises(CheckpointError) as caught:
        from_pyskl(theirs, model)
    message = str(caught.value)
    assert "missing: network.backbone.layer1.0.conv2.bn.bias" in message
    assert "left over: network.backbone.layer4.0.conv1.conv.weight" in message
    assert "classes.bias: found (32,), wanted (7,)" in message
    with pytest.raises(CheckpointError, match="left over: words.bias"):
        from_pyskl(theirs, SkeletonClassifier(model.network, classes=7))


# -- all networks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_joints_become_a_vector_and_gradients_come_back(name):
    network = build(name)
    vector = network(clips())
    assert vector.shape == (3, network.width)
    vector.square().mean().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_clip_is_read_alike_alone_and_in_company(name):
    network = busy(build(name)).eval()
    joints = clips()
    torch.testing.assert_close(network(joints)[1:2], network(joints[1:2]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["transformer", "graph"])
@given(frames=st.integers(1, 9), padded=st.integers(1, 8), seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_padding_changes_nothing(name, frames, padded, seed):
    network = busy(build(name)).eval()
    joints = clips(2, frames, seed)
    joints[:, -1, 0, 2] = 0.5  # the last frame is there
    longer = torch.cat([joints, torch.zeros(2, padded, 22, 3)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(network(longer), network(joints), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_clip_of_padding_only_has_no_nan(name):
    network = build(name)
    joints = clips()
    joints[1] = 0
    vector = network(joints)
    assert vector.isfinite().all()
    if name in ("transformer", "graph"):
        assert not vector[1].any()
    vector.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())
    with torch.no_grad():  # torch has another, fused path for this
        assert network.eval()(joints).isfinite().all()


@pytest.mark.parametrize("name", ["transformer", "graph"])
def test_where_a_person_sits_and_how_far_away_does_not_matter(name):
    network = busy(build(name)).eval()
    joints = clips()
    moved = joints.clone()
    moved[..., :2] = 0.4 * joints[..., :2] + torch.tensor([0.3, -0.2])
    moved[joints[..., 2] == 0] = 0
    torch.testing.assert_close(network(moved), network(joints), atol=1e-4, rtol=1e-4)


def test_the_transformer_knows_the_order_of_the_frames():
    network = build("transformer").eval()
    joints = clips()
    assert not torch.allclose(network(joints), network(joints.flip(1)), atol=1e-3)


def test_a_clip_longer_than_the_positions_is_an_error():
    with pytest.raises(ConfigError, match="found 21 frames; wanted at most 20"):
        build("transformer")(clips(frames=21))


def test_an_unknown_stream_is_an_error():
    with pytest.raises(ConfigError, match="found 'joints'"):
        PoseConv3D("joints")


# -- their parts -------------------------------------------------------------------------------------------------------


def test_features_of_a_known_frame():
    joints = torch.zeros(1, 2, 22, 3)
    joints[0, :, NECK] = torch.tensor([0.5, 0.5, 0.9])
    joints[0, :, RIGHT] = torch.tensor([0.4, 0.5, 0.8])
    joints[0, :, LEFT] = torch.tensor([0.6, 0.5, 1.0])
    joints[0, :, 0] = torch.tensor([[0.5, 0.3, 0.7], [0.6, 0.3, 0.7]])  # the nose moves to the right
    joints[0, 1, 4] = torch.tensor([0.4, 0.9, 0.6])  # the wrist appears
    found = frame_features(joints).unflatten(-1, (22, 5))[0]
    torch.testing.assert_close(found[0, 0], torch.tensor([0, -1, 0.7, 0, 0]))
    torch.testing.assert_close(found[1, 0], torch.tensor([0.5, -1, 0.7, 0.5, 0]))
    torch.testing.assert_close(found[1, 4], torch.tensor([-0.5, 2, 0.6, 0, 0]))
    assert found[0, 4].any().item() is False


def test_without_shoulders_the_box_is_the_measure():
    joints = torch.zeros(1, 1, 22, 3)
    joints[0, 0, 0] = torch.tensor([0.2, 0.2, 1])
    joints[0, 0, 4] = torch.tensor([0.4, 0.8, 1])
    found = frame_features(joints).unflatten(-1, (22, 5))[0, 0, :, :2]
    torch.testing.assert_close(found[0], torch.tensor([-1 / 6, -0.5]))
    torch.testing.assert_close(found[4], torch.tensor([1 / 6, 0.5]))


def test_the_graph_starts_as_the_limbs():
    graph = limb_graph()
    torch.testing.assert_close(graph.sum(1), torch.ones(22))
    joined = {frozenset(pair) for pair in graph.nonzero().tolist()}
    assert joined == {frozenset(pair) for pair in LIMBS.tolist()} | {frozenset([joint]) for joint in range(22)}
    torch.testing.assert_close(STGCN(layers=2).adjacency[1].detach(), graph)


def test_the_word_head_reads_the_vector_before_dropout():
    model = SkeletonClassifier(build("graph"), classes=6, words=4, dropout=0.999).train()
    model.network.eval()  # only the classifier's own dropout
    joints = clips()
    logits, words = model(joints)
    assert (logits.shape, words.shape) == ((3, 6), (3, 4))
    torch.testing.assert_close(words, model.words(model.network(joints)))
    torch.testing.assert_close(model.eval()(joints)[0], model.classes(model.network(joints)))


def test_without_words_there_is_no_second_answer():
    model = SkeletonClassifier(build("graph"), classes=6)
    logits, words = model(clips())
    assert logits.shape == (3, 6)
    assert words is None
    assert model.dropout.p == 0.5
    torch.manual_seed(0)
    wide = SkeletonClassifier(PoseConv3D("joint", blocks=(1, 1, 1)), classes=32, words=300)
    for head in (wide.classes, wide.words):
        assert head.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert not head.bias.any()
