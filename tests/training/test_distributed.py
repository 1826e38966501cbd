"""Two gloo processes give the loss and the gradients of one that has the whole batch, in float64, for every loss."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mgutils.training.distributed import gather, shard

pytestmark = pytest.mark.slow

LOSSES = ("original_ce", "original_kl", "identity_ce", "multi_positive_ce", "js", "siglip", "supcon")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def launch(command, world):
    """Start a command once for each of ``world`` processes and wait for all."""
    port = str(free_port())
    shared = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
                           "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world), "ACCELERATE_USE_CPU": "true"}
    if world == 1:
        shared = os.environ | {"OMP_NUM_THREADS": "1"}
    started = [subprocess.Popen(command, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                env=shared | ({"RANK": str(rank), "LOCAL_RANK": str(rank)} if world > 1 else {}))
               for rank in range(world)]
    try:
        ended = [process.communicate(timeout=240) for process in started]
    finally:
        for process in started:  # they may wait for each other for ever
            process.kill()
    assert all(process.returncode == 0 for process in started), "\n".join(error for _, error in ended)
    return [out for out, _ in ended]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    script = str(Path(__file__).with_name("two_processes.py"))
    for world in (1, 2):
        launch([sys.executable, script, str(folder)], world)
    return {name: torch.load(folder / f"{name}.pt") for name in ("1-0", "2-0", "2-1")}


def distance(first, second):
    """Largest difference of any number, over the largest number of its tensor (1 where that is smaller)."""
    assert first.keys() == second.keys() and len(first) > 5
    return max(float((first[name] - second[name]).abs().max() / first[name].abs().max().clamp(min=1))
               for name in first)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradients_are_those_of_the_whole_batch(results, name):
    """Seven rows on two processes, four and three; no class occurs on both."""
    for rank in ("2-0", "2-1"):
        assert distance(results["1-0"][name], results[rank][name]) < 1e-9


@pytest.mark.parametrize("name", LOSSES)
def test_without_the_gradient_of_the_gathered_rows_it_is_another_gradient(results, name):
    whole, cut = results["1-0"][name], results["2-0"][f"cut {name}"]
    assert torch.allclose(whole["loss"], cut["loss"], atol=1e-9)
    weight = "image.1.weight"
    apart = float((whole[weight] - cut[weight]).norm() / whole[weight].norm())
    print(f"{name}: without the gradient of gathered rows, {apart:.0%} of the gradient's length apart")
    assert apart > 0.05


def test_parts_of_a_batch_on_two_processes(results):
    """GradCache within each process, and both processes together, still give the gradient of the whole batch."""
    assert distance(results["1-0"]["js"], results["1-0"]["parts"]) < 1e-9
    assert distance(results["1-0"]["js"], results["2-0"]["parts"]) < 1e-9


def test_skeletons_with_word_vectors_on_two_processes(results):
    """Cross entropy, squared error and their gradients are those of the whole batch, in parts of it, too."""
    whole = results["1-0"]["skeleton"]
    assert {"cross_entropy", "words"} <= whole.keys()
    for rank, name in (("1-0", "skeleton parts"), ("2-0", "skeleton"), ("2-1", "skeleton"), ("2-0", "skeleton parts")):
        assert distance(whole, results[rank][name]) < 1e-9


@pytest.mark.parametrize("name", ["space", "space shuffled"])
def test_a_list_of_pairs_on_two_processes(results, name):
    """Seven rows on two processes, modalities missing, one of them from all of a shard, and tables and temperatures."""
    whole = results["1-0"][name]
    assert {"joints-flow", "class_vectors", "caption_projection.weight", "scales.bias.joints-gaze",
            "scales.log_temperature.joints-flow", "scales.log_temperature.flow-gaze"} <= whole.keys()
    assert whole["joints-flow"] > 0 and whole["joints-gaze"] > 0
    assert all(weight.abs().max() > 0 for part, weight in whole.items() if "flow-gaze" not in part), whole.keys()
    for rank in ("2-0", "2-1"):
        assert distance(whole, results[rank][name]) < 1e-9


def test_a_pair_that_no_row_has_is_zero_on_two_processes(results):
    for rank in ("1-0", "2-0", "2-1"):
        assert results[rank]["space"]["flow-gaze"] == 0
        assert results[rank]["space"]["scales.log_temperature.flow-gaze"] == 0


@pytest.mark.parametrize("count", [9, 11])
@pytest.mark.parametrize("name", ["js", "space"])
def test_parts_on_two_processes_average_what_the_loss_reads_by_itself(results, name, count):
    """GradCache gives a temperature and a table their gradient before the last part: ranks average them all the same.

    Of nine rows one process has its five in two parts, and the other its four at once; of eleven both have parts.
    """
    whole = results["1-0"][f"{name} {count} whole"]
    for rank in ("1-0", "2-0", "2-1"):
        for kind in ("whole", "parts"):
            assert distance(whole, results[rank][f"{name} {count} {kind}"]) < 1e-9, (rank, kind)


def test_one_process_keeps_its_rows():
    rows = torch.arange(6.0).reshape(3, 2)
    assert gather(rows, 3) is rows
    assert shard(np.arange(3)).tolist() == [0, 1, 2]


def test_accelerate_launch_trains_on_two_processes(tiny_root, tmp_path):
    """As docs/scaling.md has it, on two processes: one run folder, the same loss written once, better than nothing."""
    command = [sys.executable, "-m", "mgutils", "train", str(tiny_root), "--profile", "smoke", "--out-dir",
               str(tmp_path), "--batch-size", "16", "--epochs", "2"]
    first, second = launch(command, 2)
    run, = (tmp_path / "runs").glob("sound_ce-*")
    assert '"top1"' in first and second.strip() == ""
    assert len((run / "log.jsonl").read_text().splitlines()) == 2
    assert (run / "receipt.json").exists() and (run / "last.safetensors").exists()
