"""`make bench`: measure, print, and write ``benchmarks/results/<hardware>.json`` and ``.md``.

``python -m benchmarks --only training loss_memory`` measures some parts and leaves the other rows as they are. One
device is measured: the GPU where there is one, else the CPU; ``--cpu`` hides the GPU. Data are made once, in
``out/bench``. The other device's rows are those of the files in ``benchmarks/results``, where one has them. Meant for a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.harness import Bar, Kind, Result, clean_name, digits, elsewhere, keep, table
from mgutils.report.readme import fill_pages

BARS = [
    Bar("training_bare_small", "cpu", "training, ours / bare limit, `cpu` profile's model, 64 px, batch 32", 0.90),
    Bar("training_bare_large", "cpu", "training, ours / bare limit, ResNet-50 + DistilBERT, 224 px, batch 16", 0.90),
    Bar("training_original_small", "cpu", "training, ours / the original's, `cpu` profile's model, 64 px, batch 32", 4),
    Bar("training_unfiltered_small", "cpu", "the same, if that resizes without a filter, as OpenCV", None),
    Bar("training_prepared_small", "cpu", "the same, if the files are 64 x 64 already", None),
    Bar("training_original_large", "cpu", "training, ours / the original's, ResNet-50 + DistilBERT, 224 px", 1.1),
    Bar("validation_original_small", "cpu", "validation, ours / the original's, `cpu` profile's model", None),
    Bar("validation_original_large", "cpu", "validation, ours / the original's, ResNet-50 + DistilBERT, 224 px", 4),
    Bar("loading_bytes_64", "cpu", "epoch of images as bytes, pixel cache / JPEG files, 64 px", 15),
    Bar("loading_prepared_64", "cpu", "the same, if the files are 64 x 64 already", None),
    Bar("loading_ready_64", "cpu", "epoch of images normalised for the model, cache / files, 64 px", None),
    Bar("loading_bytes_224", "cpu", "epoch of images as bytes, pixel cache / JPEG files, 224 px", 15),
    Bar("loading_prepared_224", "cpu", "the same, if the files are 224 x 224 already", None),
    Bar("loading_ready_224", "cpu", "epoch of images normalised for the model, cache / files, 224 px", None),
    Bar("loss_memory", "cpu", "memory of the loss, batch 16,384, 32 captions", 64, at_least=False, unit=" MB"),
    Bar("studio_96", "cpu", "studio at 96 px", 60, unit=" frames/s"),
    Bar("training_bare_large_256", "gpu", "GPU: training, ours / bare limit, ResNet-50 + DistilBERT, 224 px, bf16, "
        "batch 256", 0.85),
    Bar("training_original_large_32", "gpu", "GPU: training, ours / the original's loop, batch 32", 5),
    Bar("training_original_large_256", "gpu", "GPU: training, ours / the original's loop, batch 256", None),
    Bar("validation_original_large_32", "gpu", "GPU: validation, ours / the original's loop", 30),
    Bar("studio_224", "gpu", "GPU: studio at 224 px", 1500, unit=" frames/s"),
]
PARTS = ("training", "validation", "loading", "loss_memory", "studio")
FOOTNOTE = ("{machines}. A ratio is the median over rounds of speeds in the same round, with the lowest and the "
            "highest; the speeds themselves, batch and precision are in the JSON files of `benchmarks/results`.")
ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="all parts if not given")
    parser.add_argument("--workers", type=int, default=8, help="of the loaders of JPEG files; the original has 8")
    parser.add_argument("--threads", type=int, default=0, help="of torch, in every loop; 0: torch's own choice")
    parser.add_argument("--cpu", action="store_true", help="measure the CPU even where there is a GPU")
    parser.add_argument("--data", type=Path, default=ROOT / "out" / "bench", help="where the pictures are made")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", help="where the files go")
    parser.add_argument("--publish", action="store_true", help="put the table into figures/bench.md and on its page")
    chosen = parser.parse_args(arguments)
    if chosen.cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is imported
    started, about = time.perf_counter(), describe()
    warn(about)
    warnings.filterwarnings("ignore", message="This DataLoader will create")  # 8 workers on 2 cores: as the original
    name, folder = hardware(about), chosen.results
    results: dict[str, Result] = {}
    for part, work in parts(chosen.data, set(chosen.only), chosen.workers, chosen.threads).items():
        clock = time.perf_counter()
        for result in work():
            results = keep(folder, name, about, [result])
            print(show(result), flush=True)
        print(f"  {part}: {time.perf_counter() - clock:.0f} s", flush=True)
    gpu = about["hardware"]["gpu"] is not None
    missing: dict[Kind, str] = {"cpu": "measured on a machine without a GPU" if gpu else "not measured",
                                "gpu": "not measured" if gpu else "no GPU at hand"}
    others = elsewhere(folder, {bar.key for bar in BARS if (bar.kind == "gpu") != gpu})
    results |= {key: result for key, (result, _) in others.items()}
    machines = dict.fromkeys([machine(about), *(machine(there) for _, there in others.values())])
    text = f"{table(BARS, results, missing)}\n{FOOTNOTE.format(machines='; '.join(machines))}\n"
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    if chosen.publish:
        (ROOT / "figures" / "bench.md").write_text(text, encoding="utf-8")
        fill_pages(ROOT, {"bench": text})
    print(f"\n{text}\n{time.perf_counter() - started:.0f} s; written to {folder / name}.json and .md")


def parts(data: Path, chosen: set[str], workers: int, threads: int) -> dict[str, Callable[[], Iterable[Result]]]:
    """The measurements of the chosen parts, in order; training and validation share their models."""
    import torch

    from benchmarks import loading, loss_memory, studio, training

    if threads:
        torch.set_num_threads(threads)
    models = sorted(chosen & {"training", "validation"}), lambda: training.measure(
        data, workers, training="training" in chosen, validation="validation" in chosen)
    others = {"loading": lambda: loading.measure(data, workers), "loss_memory": loss_memory.measure,
              "studio": lambda: studio.measure(min(8, os.cpu_count() or 1))}
    return ({" and ".join(models[0]): models[1]} if models[0] else {}) | {
        name: work for name, work in others.items() if name in chosen}


def describe() -> dict[str, Any]:
    """What was measured, with what, and how busy the machine was."""
    from mgutils.training.provenance import commit, environment

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"commit": commit(), "load_at_start": load, **environment()}


def hardware(about: dict[str, Any]) -> str:
    """A file name: the GPU's name, or the processor's with the number of cores."""
    device = about["hardware"]
    return clean_name(device["gpu"] or f"{device['processor']} {device['cpus']} cores")


def warn(about: dict[str, Any]) -> None:
    """Say so where the machine has something else to do."""
    if about["load_at_start"] is not None and about["load_at_start"] > 0.5:
        print(f"load {about['load_at_start']:.1f} at the start: something else is running, the figures will be off",
              file=sys.stderr)


def show(result: Result) -> str:
    """A line for the terminal."""
    spread = "" if result.low is None else f" ({digits(result.low)} to {digits(result.high)})"
    detail = ", ".join(f"{key} {value}" for key, value in result.detail.items())
    return f"{result.key:<26}{digits(result.value)}{spread}   {detail}"


def machine(about: dict[str, Any]) -> str:
    """What was measured, in words."""
    device, versions = about["hardware"], about["versions"]
    name = device["gpu"] or device["processor"]
    return f"{name}, {device['cpus']} cores, {device['system']}, torch {versions['torch']}"


if __name__ == "__main__":
    main()
