"""Memory of the loss, value and gradient, at a batch that no (B, B) matrix would allow a laptop.

Each loss is measured in a process of its own, so that nothing else is in its peak: on a CPU the growth of the resident
memory's high-water mark (Linux) over what a tiny batch took before, on a GPU what torch allocated. The embeddings and
their gradients are in it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.harness import Result
from mgutils.losses.grouped import CLASS_LOSSES

BATCH, CAPTIONS, WIDTH = 16_384, 32, 256
NAMES = ("original_kl", "identity_ce", "js")
"""Those that have a form over classes; ``original_ce`` compares images with images and needs B x B."""
_ROOT = Path(__file__).resolve().parents[1]


def measure() -> list[Result]:
    """The most of any loss, in MB."""
    peaks = {name: in_a_process(name) for name in NAMES}
    detail = {"batch": BATCH, "captions": CAPTIONS, "dimensions": WIDTH,
              "gradient_mb": round(4 * (BATCH + CAPTIONS) * WIDTH / 1e6, 1)}
    return [Result("loss_memory", max(peaks.values()), detail=detail | {f"{key}_mb": v for key, v in peaks.items()})]


def in_a_process(name: str) -> float:
    """MB that a loss takes at most, found by a process that does nothing else."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.loss_memory", name], cwd=_ROOT, capture_output=True,
                          text=True, check=True)
    return round(float(done.stdout) / 1e6, 1)


def peak(name: str) -> float:
    """Bytes that value and gradient of a loss take at most beyond the embeddings."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    _lower(name, *_embeddings(64, device))  # libraries, threads and their buffers
    embeddings = _embeddings(BATCH, device)
    before = _high_water(device)
    _lower(name, *embeddings)
    return _high_water(device) - before


def _embeddings(size: int, device: str) -> tuple[Tensor, Tensor]:
    return tuple(torch.randn(count, WIDTH, device=device, requires_grad=True) for count in (size, CAPTIONS))


def _lower(name: str, image: Tensor, captions: Tensor) -> None:
    target = torch.arange(len(image), device=image.device) % CAPTIONS
    CLASS_LOSSES[name](image, captions, target, 0.07).backward()


def _high_water(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    if sys.platform == "linux":  # getrusage would give that of the process that started this one, if it was larger
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * float(line.split()[1])
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(peak(sys.argv[1]))
