"""The benchmark of kept features compares like with like, and measures what its bar names."""

import numpy as np
import pytest
import torch

from benchmarks import frames
from mgutils.models.encoders import ImageEncoder
from mgutils.training.task import Batch

pytestmark = pytest.mark.slow


def test_both_read_the_same_features(tmp_path):
    encoder = ImageEncoder("tf_efficientnet_lite0", pretrained=False).eval()
    found = frames.sessions(frames.write_noise(tmp_path / "clips", 6), encoder)
    rows = np.arange(4)
    batches: list[Batch] = [session.task.batch(rows, torch.Generator().manual_seed(0)) for session in found.values()]
    kept, encoded = (batch.inputs["features"] for batch in batches)
    assert kept.shape == (4, 8, 1280)
    torch.testing.assert_close(kept, encoded, atol=1e-4, rtol=1e-4)


def test_the_bar_is_what_is_measured():
    (result,) = frames.measure(clips=8, rounds=1)
    assert [bar.key for bar in frames.BARS] == [result.key] and result.value > 1
