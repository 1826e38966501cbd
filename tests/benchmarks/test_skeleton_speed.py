"""The benchmark of the skeleton networks compares like with like, and measures what its bars name."""

import pytest
import torch

from benchmarks import skeleton
from mgutils.models.skeleton import PoseConv3D

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stream", ["joint", "limb"])
def test_the_bare_limit_is_the_same_network(stream):
    network = PoseConv3D(stream, 12, base=4, blocks=(1, 1, 1)).eval()
    joints = skeleton.clips(2)
    assert torch.equal(skeleton.Ready(network)(network.draw(joints)), network(joints))


def test_bars_are_those_that_are_measured():
    joints = skeleton.clips(2)
    results = skeleton.steps(joints, 1) + skeleton.heatmaps(joints, 1)
    assert [result.key for result in results] == [bar.key for bar in skeleton.BARS]
    assert all(0 < result.low <= result.value <= result.high for result in results)


def test_a_step_moves_the_weights():
    network = PoseConv3D("joint", 12, base=4, blocks=(1, 1, 1))
    before = network.backbone.conv1.conv.weight.detach().clone()
    skeleton.training_step(network, skeleton.clips(2))()
    assert not torch.equal(network.backbone.conv1.conv.weight, before)
