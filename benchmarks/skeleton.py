"""The skeleton networks on one thread: milliseconds a clip of a training step, and what drawing the heatmaps costs.

``python -m benchmarks.skeleton`` prints the table. A step is forward, backward and SGD on a batch in memory. The bare
limit is the same network on maps that have been drawn before. Times are the process's own, so that a neighbour costs
little; a ratio is that of two contenders in the same round.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import original_heatmaps
from benchmarks.harness import Bar, Result, faster, table
from mgutils.data.keypoints import LIMBS
from mgutils.models.heatmaps import joint_maps, limb_maps
from mgutils.models.skeleton import STGCN, CoordinateTransformer, PoseConv3D, SkeletonClassifier

BATCH, FRAMES, SIZE, CLASSES = 32, 16, 24, 32
ROUNDS = 7
SMALL = {"size": SIZE, "base": 8, "blocks": (1, 1, 1)}

BARS = [
    Bar("skeleton_joint", "cpu", "PoseConv3D on joints, base 8, T 16, 24 px: a training step", 12, at_least=False,
        unit=" ms/clip"),
    Bar("skeleton_joint_bare", "cpu", "the same / bare limit, maps ready", 0.9),
    Bar("skeleton_limb", "cpu", "PoseConv3D on limbs", None, unit=" ms/clip"),
    Bar("skeleton_limb_bare", "cpu", "the same / bare limit, maps ready", None),
    Bar("skeleton_transformer", "cpu", "transformer over the coordinates", None, unit=" ms/clip"),
    Bar("skeleton_graph", "cpu", "graph network", None, unit=" ms/clip"),
    Bar("heatmaps_joint", "cpu", "joint maps, ours / the original's loops", 20),
    Bar("heatmaps_limb", "cpu", "limb maps, ours / the original's loops", 20),
]


class Ready(nn.Module):
    """A PoseConv3D without its drawing: maps (B, V, T, S, S) -> (B, D)."""

    def __init__(self, network: PoseConv3D) -> None:
        super().__init__()
        self.backbone = network.backbone
        self.width = network.width

    def forward(self, maps: Tensor) -> Tensor:
        return self.backbone(maps).mean(dim=(2, 3, 4))


def training_step(network: nn.Module, inputs: Tensor) -> Callable[[], None]:
    """One optimisation step of a network and a head on one batch."""
    torch.manual_seed(0)
    model = SkeletonClassifier(network, CLASSES)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    target = torch.arange(len(inputs)) % CLASSES

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(inputs)[0], target).backward()
        optimizer.step()
    return step


def clips(batch: int = BATCH) -> Tensor:
    """Joints all over the box, every tenth of them missing."""
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(batch, FRAMES, 22, 3, generator=generator)
    joints[torch.rand(batch, FRAMES, 22, generator=generator) < 0.1] = 0
    return joints


def process_times(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of processor time of each contender in each round, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name in list(contenders)[::-1 if turn % 2 else 1]:
            start = time.process_time()
            contenders[name]()
            if turn:
                seconds[name].append(time.process_time() - start)
    return seconds


def steps(joints: Tensor, rounds: int) -> list[Result]:
    """Milliseconds a clip of every network, and the two streams beside their bare limit."""
    drawing = {stream: PoseConv3D(stream, **SMALL) for stream in ("joint", "limb")}
    ready = {f"{stream}_bare": training_step(Ready(PoseConv3D(stream, **SMALL)), network.draw(joints))
             for stream, network in drawing.items()}
    networks = drawing | {"transformer": CoordinateTransformer(), "graph": STGCN()}
    contenders = {name: training_step(network, joints) for name, network in networks.items()}
    seconds = process_times(contenders | ready, rounds)
    milliseconds = {name: [1000 * one / len(joints) for one in times] for name, times in seconds.items()}
    results = []
    for name in networks:
        times = milliseconds[name]
        results.append(Result(f"skeleton_{name}", min(times), min(times), max(times),
                              {"batch": len(joints), "median": statistics.median(times)}))
        if name in drawing:
            bare = f"{name}_bare"
            results.append(faster(f"skeleton_{bare}", milliseconds[name], milliseconds[bare],
                                  bare_ms=min(milliseconds[bare])))
    return results


def heatmaps(joints: Tensor, rounds: int) -> list[Result]:
    """Our maps of a batch against the loops on one clip, per clip."""
    clip = joints[0].numpy()
    seconds = process_times({
        "joint": lambda: joint_maps(joints, SIZE),
        "limb": lambda: limb_maps(joints, SIZE),
        "joint_loops": lambda: original_heatmaps.joint_maps(clip, SIZE),
        "limb_loops": lambda: original_heatmaps.limb_maps(clip, SIZE, 0.6, LIMBS.tolist()),
    }, rounds)
    results = []
    for name in ("joint", "limb"):
        ours = [1000 * one / len(joints) for one in seconds[name]]
        loops = [1000 * one for one in seconds[f"{name}_loops"]]
        results.append(faster(f"heatmaps_{name}", ours, loops, ours_ms=min(ours), loops_ms=min(loops)))
    return results


def measure(rounds: int = ROUNDS) -> list[Result]:
    """All rows of the table."""
    torch.set_num_threads(1)
    joints = clips()
    return steps(joints, rounds) + heatmaps(joints, rounds)


if __name__ == "__main__":
    found = {result.key: result for result in measure()}
    print(table(BARS, found, {"cpu": "not measured"}))
    for result in found.values():
        print(result.key, {key: round(value, 2) for key, value in result.detail.items()})
    print(f"load {os.getloadavg()[0]:.1f}; milliseconds are the best round's, processor time of one thread")
