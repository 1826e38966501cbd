"""For each row of the ledger, evidence that makes it hold and evidence that makes it fail.

Nothing here is trained. A forgery sets runs, images or a table, or replaces a function of a library
by one that does otherwise, so that a test can ask whether the row's verdict turns.
"""

from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import timm
import torch
import torchvision
from matplotlib.figure import Figure
from torch import nn
from transformers import DistilBertConfig

from mgutils.claims.tests import data, losses, method
from mgutils.config import get_profile
from mgutils.data.labels import gesture_groups, imigue_classes, imigue_labels
from mgutils.data.splits import make_split
from mgutils.data.table import Dataset
from mgutils.experiments.loss_grid.grid import REPORT_CE, repair_cells
from mgutils.experiments.loss_grid.stack import Condition
from mgutils.losses import cross_entropy, js_divergence, kl_divergence

CLASSES = 32
JAW, NECK = 10, 11


class FakeEvidence:
    """What a test of a claim may ask for, made up."""

    def __init__(self, *, dataset=None, table=None, runs=None, controls=None, court=None,
                 audit=None):
        self.dataset, self._table = dataset, table
        self._runs, self._controls, self._court = runs or {}, controls or {}, court
        self._audit = audit
        self.images, self.profile, self.read = "iMiGUE", get_profile("imigue"), {}

    def seeds(self, source):
        return self.profile.seeds

    def begin(self):
        self.read = {}

    def table(self, path):
        return self._table

    def split(self, name):
        return make_split(self.dataset, name)

    def audit(self, name):
        return self._audit

    def runs(self, objective, split="frame"):
        return self._runs[objective if split == "frame" else f"{objective} {split}"]

    def controls(self, *names):
        return {name: self._controls[name] for name in names}

    def metrics(self, run):
        return run.metrics

    def settings(self, run):
        return run.settings

    def log(self, run):
        return run.log

    def outputs(self, run):
        return run.outputs

    def scores(self, objective, score, split="frame"):
        return np.array([100 * run.metrics[score] for run in self.runs(objective, split)])

    def loss_grid(self, cells):
        return pd.DataFrame([asdict(cell) | {"top1": top1}
                             for cell in cells for top1 in self._court[cell]])


def forged(*patches, **parts):
    """``make(patch)``: set each (module, name, value), then return evidence with these parts."""
    def make(patch):
        for module, name, value in patches:
            patch.setattr(module, name, value)
        return FakeEvidence(**parts)
    return make


# -- images and tables -----------------------------------------------------------------------


def dataset(change=None, clips=2, frames=5):
    """All 32 classes, each with some clips of some frames; ``change(rows)`` returns other rows."""
    numbers = [(class_id, class_id * clips + clip, frame) for class_id in range(1, CLASSES + 1)
               for clip in range(clips) for frame in range(frames)]
    rows = pd.DataFrame(numbers, columns=["class_id", "clip_id", "frame_id"])
    rows["path"] = [f"{class_id}/{clip}.{frame}.jpg" for class_id, clip, frame in rows.to_numpy()]
    rows["caption"] = [imigue_labels().name(class_id) for class_id in rows["class_id"]]
    rows["video_id"] = rows["clip_id"] % 7
    rows["subject_id"] = rows["video_id"]
    if change is not None:
        rows = change(rows).reset_index(drop=True)
    return Dataset(Path("nowhere"), rows, imigue_labels())


def listed(rows):
    """These rows as ``validsubset.csv`` has them."""
    return pd.DataFrame({"Path": rows["path"], "Class": rows["class_id"].astype(str),
                         "Caption": rows["caption"]})


WHOLE = dataset()
VALID = WHOLE.frames.iloc[make_split(WHOLE, "frame").valid]
FOUR = dataset(lambda rows: rows[rows["class_id"] <= 4])
NO_JAW = dataset(lambda rows: rows[rows["class_id"] != 11])
ALL_GROUPED = imigue_classes().assign(group="hand")


def panels(count):
    return lambda dataset: SimpleNamespace(axes=[None] * count)


# -- runs -----------------------------------------------------------------------


def outputs(answer, target, captions=None, images=None):
    """Stored arrays of a run that gives these answers."""
    rng = np.random.default_rng(0)
    logits = rng.uniform(size=(len(target), CLASSES))
    logits[np.arange(len(target)), answer] = 2
    captions = np.eye(CLASSES) if captions is None else captions
    images = captions[answer] if images is None else images
    return {"logits": logits, "target": target, "valid": np.arange(len(target)),
            "image_embeddings": images, "caption_embeddings": captions}


def run(top1=0.5, *, seed=0, epochs=12, constant=None, bunched=False, **more):
    """A run that is right for a share of 320 images, or always answers the class ``constant``."""
    rng = np.random.default_rng(seed)
    target = np.repeat(np.arange(CLASSES), 10)
    wrong = (target + rng.integers(1, CLASSES, len(target))) % CLASSES
    answer = np.where(rng.permutation(len(target)) < top1 * len(target), target, wrong)
    if constant is not None:
        answer = np.full(len(target), constant)
    captions = np.ones((CLASSES, CLASSES)) if bunched else np.eye(CLASSES)
    arrays = outputs(answer, target, captions)
    top5 = (np.argsort(-arrays["logits"], axis=1)[:, :5] == target[:, None]).any(axis=1).mean()
    metrics = {"top1": (answer == target).mean(), "top5": top5,
               "predicted_classes": len(np.unique(answer))}
    settings = {"loss": {"loss": "original_ce", "temperature": 0.05}, "train": {"epochs": epochs}}
    parts = {"outputs": arrays, "metrics": metrics, "settings": settings}
    return SimpleNamespace(**parts | more)


def runs(top1, **more):
    """Two seeds."""
    return [run(top1, seed=seed, **more) for seed in range(2)]


def scored(top1, top5=None):
    """Two runs of which only the scores are looked at."""
    metrics = {"top1": top1, "top5": top5}
    return [SimpleNamespace(metrics=metrics, settings={"train": {"epochs": 12}})] * 2


def logged(**columns):
    return [SimpleNamespace(log=pd.DataFrame(columns), metrics={"top1": 0.8})] * 2


def cross_entropy_runs(loss, temperature):
    return [SimpleNamespace(settings={"loss": {"loss": loss, "temperature": temperature}})]


def stepped(every):
    train = {"lr_image": 1e-4, "plateau_factor": 0.8, "plateau_patience": 10,
             "plateau_every": every}
    return [SimpleNamespace(settings={"train": train})]


def jaw_and_neck(alike):
    """A run whose second answer to a jaw is the neck and the other way round, or whose last is."""
    target = np.repeat(np.arange(CLASSES), 10)
    arrays = outputs(target, target)
    for one, other in ((JAW, NECK), (NECK, JAW)):
        arrays["logits"][target == one, other] = 1.5 if alike else -1
    return [SimpleNamespace(outputs=arrays)] * 2


def misled(within):
    """A run whose every answer is wrong, and of the right group of body parts or of another one."""
    groups = np.array(gesture_groups(imigue_labels()))
    target = np.array([index for index in range(CLASSES) if (groups == groups[index]).sum() > 1])
    same = groups[target][:, None] == groups
    wrong = (same if within else ~same) & (np.arange(CLASSES) != target[:, None])
    return [SimpleNamespace(outputs=outputs(wrong.argmax(axis=1), target))] * 2


def new_classes(right):
    """A run on five classes without training images, which it tells apart, or answers alike."""
    classes = (9, 11, 12, 22, 24)
    target = np.repeat(np.arange(CLASSES), 4)
    logits = np.zeros((len(target), CLASSES))
    logits[np.arange(len(target)), target if right else 0] = 1
    config = SimpleNamespace(left_out=classes)
    arrays = {"target": target, "logits": logits, "outputs": {}}
    return {"zero_shot own": [SimpleNamespace(config=config, directory=Path("run"), **arrays)] * 2}


def beside_vision(text, vision):
    return {f"{kind} {split}": scored(top1) for split in ("frame", "subject")
            for kind, top1 in (("contrastive", text), ("vision", vision))}


LEAKS = SimpleNamespace(clip_shared=0.9, lookup_top1=0.9, constant_top1=0.25)
CLEAN = SimpleNamespace(clip_shared=0.0, lookup_top1=0.2, constant_top1=0.25)
EPOCHS = {"epoch": [1, 2, 3], "valid_loss": [3.0, 2.0, 1.0],
          "top1": [0.1, 0.8, 0.3], "top5": [0.5] * 3}


# -- libraries -----------------------------------------------------------------------


class ThreeScores(nn.Module):
    """A network with dropout among its convolutions, and three scores."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout())
        self.classifier = nn.Linear(3, 3)

    def forward(self, images):
        return self.classifier(self.features(images).mean(dim=(2, 3)))


create_model = timm.create_model  # before anything replaces it
LENET = SimpleNamespace(input_size=(1, 28, 28), mean=None)
NOT_THE_RECIPE = (method, "get_profile", lambda name: get_profile("cpu"))


def resnet18(name, **more):
    return create_model("resnet18", **more)


def heads_alone(groups):
    return torch.optim.SGD(groups[2]["params"], lr=1.0)


def eye(image, text):
    return torch.eye(len(image))


def one(*arguments):
    return torch.ones(1, dtype=torch.float64)


def flat(image, text, temperature):
    return torch.zeros(32, 32, dtype=torch.float64)


def uniform(target, dtype):
    return torch.full((32, 32), 1 / 32, dtype=dtype)


def twice_kl(q, log_p):
    return 2 * kl_divergence(q, log_p)


def court(**tops):
    """Top-1 of each cell that the ledger asks for, by a short name; others have 50 %."""
    cells = {"failed": REPORT_CE, "identity target": repair_cells()["identity target"],
             "identity": Condition("identity", temperature=0.05)}
    cells |= {name: Condition("class", name, temperature=0.05) for name in ("ce", "kl", "js")}
    cells |= {f"{name}_raw": Condition("class", name, False, 0.05) for name in ("kl", "js")}
    table = defaultdict(lambda: (0.5, 0.52))
    return table | {cells[name]: (top1, top1 + 0.02) for name, top1 in tops.items()}


# -- the rows -----------------------------------------------------------------------


def cell(top1, top5):
    return forged(runs={name: scored(top1, top5) for name in ("report_ce", "report_js")})


def four(js, ce, sound_js=None, sound_ce=None):
    groups = {"report_js": js, "report_ce": ce, "sound_js": sound_js, "sound_ce": sound_ce}
    return forged(runs=groups)


COLLAPSED = runs(0, constant=31, bunched=True)

HOLDS = {
    "classes-32": forged(dataset=WHOLE),
    "micro-gestures-32": forged((data, "imigue_classes", lambda: ALL_GROUPED)),
    "figure-1": forged((data, "look_alike_four", panels(4)), dataset=WHOLE),
    "jaw-like-neck": forged(dataset=WHOLE, runs={"sound_ce": jaw_and_neck(True)}),
    "classes-look-alike": forged(dataset=WHOLE, runs={"sound_ce": misled(within=True)}),
    "relu": forged((torch, "relu", lambda x: x)),
    "alexnet": forged(),
    "clip-pairs": forged(),
    "clip-space": forged(runs={"sound_ce": runs(0.9)}),
    "zero-shot": forged(dataset=WHOLE, controls=new_classes(right=True)),
    "figure-2": forged(),
    "figure-3": forged(),
    "image-2048": forged(),
    "text-768": forged(),
    "pretrained": forged(),
    "shared-256": forged(),
    "js-equation": forged((losses, "original_kl", one), (losses, "both_directions", one),
                          (losses, "report_equation_1", one)),
    "js-mixture": forged((losses, "similarity_logits", flat),
                         (losses, "label_distribution", uniform)),
    "js-bounded": forged(),
    "code-bounded": forged((losses, "kl_divergence", js_divergence),
                           runs={"report_js": logged(train_loss=[0.6, 0.5])}),
    "kl-unbounded": forged(),
    "split-80": forged(dataset=WHOLE, table=listed(VALID)),
    "stratified": forged(dataset=WHOLE, table=listed(VALID)),
    "input-224": forged(),
    "towers-jointly": forged(),
    "epochs-250": forged(),
    "learning-rate-image": forged(),
    "learning-rate-text": forged(),
    "ce-as-shariatnia": forged(runs={"report_ce": cross_entropy_runs("seed_ce", 1.0)}),
    "schedule-batch": forged(runs={"report_js": stepped("batch")}),
    "validated": forged(runs={"report_js": logged(**EPOCHS)}),
    "best-kept": forged(runs={"report_js": logged(**EPOCHS)}),
    "generalisation": forged(dataset=WHOLE, audit=CLEAN, runs={
        "sound_ce": scored(0.5), "sound_ce subject": scored(0.6)}),
    "table-1-ce-top-1": cell(0.23, None),
    "table-1-ce-top-5": cell(None, 0.28),
    "table-1-js-top-1": cell(0.81, None),
    "table-1-js-top-5": cell(None, 0.94),
    "best-081": cell(0.81, None),
    "table-1-order": four(runs(0.9), runs(0.2)),
    "js-superior": four(runs(0.9), runs(0.2), runs(0.9), runs(0.2)),
    "ce-failure": forged(audit=LEAKS, runs={"report_ce": COLLAPSED, "sound_ce": runs(0.9)}),
    "identity-target": forged((losses, "_soft_target", eye), runs={"report_ce": runs(0.5)}),
    "several-images": forged(dataset=WHOLE),
    "ce-unsuited": forged((losses, "identity_ce", one), court=court(identity=0.1, ce=0.9), runs={
        "sound_ce": scored(0.2), "report_js": scored(0.8)}),
    "ce-cause": forged((losses, "_soft_target", eye), court=court(**{"identity target": 0.1})),
    "kl-suits": forged((losses, "kl_divergence", twice_kl), court=court(ce=0.1, kl=0.9)),
    "js-better-bounded": forged((losses, "js_divergence", cross_entropy),
                                court=court(js=0.9, kl=0.1, js_raw=0.9, kl_raw=0.1)),
    "multimodal": forged(dataset=WHOLE, runs={"report_js": scored(0.9)},
                         controls=beside_vision(text=0.9, vision=0.2)),
    "text-helps": forged(controls={"contrastive frame": scored(0.9), "permuted": scored(0.2)}),
    "folders": forged(dataset=WHOLE),
    "columns": forged(dataset=WHOLE),
    "video-id": forged(dataset=dataset(lambda rows: rows.assign(clip_id=rows["video_id"]))),
    "caption-text": forged(dataset=WHOLE, table=listed(VALID)),
    "validsubset": forged(dataset=WHOLE, table=listed(VALID[:5])),
    "requirements": forged((data, "README_REQUIREMENTS", data._NEEDED)),
}
"""By the id of a row: evidence on the report's images with which every part of the claim holds."""

FAILS = {
    "classes-32": forged(dataset=FOUR),
    "micro-gestures-32": forged(),
    "figure-1": forged((data, "look_alike_four", panels(3)), dataset=NO_JAW),
    "jaw-like-neck": forged(dataset=WHOLE, runs={"sound_ce": jaw_and_neck(False)}),
    "classes-look-alike": forged(dataset=WHOLE, runs={"sound_ce": misled(within=False)}),
    "relu": forged((torch, "relu", lambda x: 0 * x)),
    "alexnet": forged((torchvision.models, "alexnet", ThreeScores)),
    "clip-pairs": forged((losses, "cross_entropy", lambda q, log_p: -cross_entropy(q, log_p))),
    "clip-space": forged(runs={"sound_ce": runs(0)}),
    "zero-shot": forged(dataset=WHOLE, controls=new_classes(right=False)),
    "figure-2": forged((method, "clip_architecture", Figure)),
    "figure-3": forged((method, "framework", Figure)),
    "image-2048": forged((timm, "create_model", resnet18)),
    "text-768": forged((method, "DistilBertConfig", lambda: DistilBertConfig(dim=96, n_heads=2))),
    "pretrained": forged(NOT_THE_RECIPE),
    "shared-256": forged((method, "ProjectionHead", lambda width: nn.Linear(width, 128))),
    "js-equation": forged(),
    "js-mixture": forged(),
    "js-bounded": forged((losses, "js_divergence", kl_divergence)),
    "code-bounded": forged(runs={"report_js": logged(train_loss=[90.0, 50.0])}),
    "kl-unbounded": forged((losses, "kl_divergence", js_divergence)),
    "split-80": forged(dataset=WHOLE, table=listed(WHOLE.frames[::2])),
    "stratified": forged(dataset=WHOLE, table=listed(WHOLE.frames[:64])),
    "input-224": forged((timm, "get_pretrained_cfg", lambda name: LENET)),
    "towers-jointly": forged((method, "make_optimizer", heads_alone)),
    "epochs-250": forged(NOT_THE_RECIPE),
    "learning-rate-image": forged(NOT_THE_RECIPE),
    "learning-rate-text": forged(NOT_THE_RECIPE),
    "ce-as-shariatnia": forged(runs={"report_ce": cross_entropy_runs("identity_ce", 0.05)}),
    "schedule-batch": forged(runs={"report_js": stepped("epoch")}),
    "validated": forged(runs={"report_js": logged(**EPOCHS | {"epoch": [1, 2, 4]})}),
    "best-kept": forged(runs={"report_js": logged(**EPOCHS | {"top1": [0.1, 0.9, 0.8]})}),
    "generalisation": forged(dataset=WHOLE, audit=LEAKS, runs={
        "sound_ce": scored(0.9), "sound_ce subject": scored(0.3)}),
    "table-1-ce-top-1": cell(0.5, None),
    "table-1-ce-top-5": cell(None, 0.5),
    "table-1-js-top-1": cell(0.5, None),
    "table-1-js-top-5": cell(None, 0.5),
    "best-081": cell(0.5, None),
    "table-1-order": four(runs(0.2), runs(0.9)),
    "js-superior": four(runs(0.2), runs(0.9), runs(0.2), runs(0.9)),
    "ce-failure": forged(audit=LEAKS, runs={"report_ce": runs(0.9), "sound_ce": runs(0.9)}),
    "identity-target": forged(runs={"report_ce": runs(0.5)}),
    "several-images": forged(dataset=dataset(clips=1, frames=1)),
    "ce-unsuited": forged(court=court(identity=0.9, ce=0.1), runs={
        "sound_ce": scored(0.8), "report_js": scored(0.2)}),
    "ce-cause": forged(court=court(**{"identity target": 0.9})),
    "kl-suits": forged(court=court(ce=0.9, kl=0.1)),
    "js-better-bounded": forged(court=court(js=0.1, kl=0.9, js_raw=0.1, kl_raw=0.9)),
    "multimodal": forged(dataset=WHOLE, runs={"report_js": scored(0.3)},
                         controls=beside_vision(text=0.2, vision=0.9)),
    "text-helps": forged(controls={"contrastive frame": scored(0.2), "permuted": scored(0.9)}),
    "folders": forged(dataset=FOUR),
    "columns": forged(dataset=dataset(lambda rows: rows.assign(frame_id=rows["frame_id"] + 1))),
    "video-id": forged(dataset=WHOLE),
    "caption-text": forged(dataset=dataset(lambda rows: rows.assign(caption="?")),
                           table=listed(VALID.assign(caption="?"))),
    "validsubset": forged(dataset=WHOLE, table=listed(VALID.assign(path="9/9.9.jpg"))),
    "requirements": forged((data, "README_REQUIREMENTS", ())),
}
"""By the id of a row: evidence that speaks against it."""
