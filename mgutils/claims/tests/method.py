"""Claims about the model, the figures of its parts and the training recipe.

A ``@claim_test`` takes an :class:`~mgutils.claims.evidence.Evidence` and returns a
:class:`~mgutils.claims.registry.Finding`. Sizes are read off networks built without weights.
"""

from __future__ import annotations

import numpy as np
import timm
import torch
import torchvision
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.special import log_softmax, softmax
from torch import nn
from transformers import DistilBertConfig, DistilBertModel

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import in_every_run
from mgutils.claims.registry import Finding, claim_test
from mgutils.config import WRITTEN, Profile, get_objective, get_profile
from mgutils.losses import LOSSES
from mgutils.models.clip import build_model
from mgutils.models.encoders import ProjectionHead, tokenize
from mgutils.report.figures.framework import clip_architecture, framework
from mgutils.training.image_text import parameter_groups
from mgutils.training.optim import make_optimizer

_RECIPE = "imigue"
"""The profile in which we typed the report's settings. No run is needed to read them."""
_HIS_TEMPERATURE = 1.0
"""In the code of Shariatnia."""


@claim_test
def image_width(evidence: Evidence) -> Finding:
    """Features of a ResNet-50 for one image, computed without weights or memory."""
    with torch.device("meta"):
        model = timm.create_model("resnet50", pretrained=False, num_classes=0, global_pool="avg")
        width = model(torch.empty(1, 3, 224, 224)).shape[1]
    return Finding(f"{width} features for an image", value=width)


@claim_test
def text_width(evidence: Evidence) -> Finding:
    """Features of a DistilBERT at the first token of one caption, computed without weights or memory."""
    with torch.device("meta"):
        states = DistilBertModel(DistilBertConfig())(torch.ones(1, 8, dtype=torch.long)).last_hidden_state
    return Finding(f"{states.shape[2]} features for a caption", value=states.shape[2])


@claim_test
def shared_width(evidence: Evidence) -> Finding:
    """The projection head: the size of what comes out, and whether it is more than one linear map."""
    torch.manual_seed(0)
    head = ProjectionHead(768).eval()
    linear = sum(isinstance(module, nn.Linear) for module in head.modules())
    width = head(torch.randn(2, 768)).shape[1]
    return Finding(f"{width} dimensions after {linear} linear layers with a GELU between, a residual and a LayerNorm",
                   {"the head is a multi-layer perceptron": linear > 1}, value=width)


@claim_test
def input_size(evidence: Evidence) -> Finding:
    """The input that timm's ResNet-50 weights were made for."""
    settings = timm.get_pretrained_cfg("resnet50")
    return Finding(f"{' x '.join(map(str, settings.input_size))}, normalised by mean and deviation per channel",
                   {"images are in colour": settings.input_size[0] == 3,
                    "images are normalised": settings.mean is not None}, value=settings.input_size[1],
                   note="ResNet-50 takes other sizes too: it averages over all places before the last layer.")


@claim_test
def alexnet(evidence: Evidence) -> Finding:
    """AlexNet in torchvision: what goes in, what comes out, where its dropout is."""
    with torch.device("meta"):
        model = torchvision.models.alexnet()
        answers = model(torch.empty(1, 3, 224, 224)).shape[1]
    dropout = [name for name, module in model.named_modules() if isinstance(module, nn.Dropout)]
    return Finding(f"a colour image in, {answers} scores out, dropout in {', '.join(dropout)}",
                   {"colour images in, a score per class out": answers == 1000,
                    "dropout in the fully connected layers":
                        bool(dropout) and all(name.startswith("classifier") for name in dropout)})


@claim_test
def relu_gradient(evidence: Evidence) -> Finding:
    """Derivative of ReLU, sigmoid and tanh far from zero, on either side."""
    slopes = {}
    for name, function in (("ReLU", torch.relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
        x = torch.tensor([-20.0, 20.0], requires_grad=True)
        slopes[name] = torch.autograd.grad(function(x).sum(), x)[0].tolist()
    text = "; ".join(f"{name} {low:.0e} and {high:.0e}" for name, (low, high) in slopes.items())
    return Finding(f"derivative at -20 and at 20: {text}",
                   {"not near zero for highly positive values": slopes["ReLU"][1] > 0.5,
                    "not near zero for highly negative values": slopes["ReLU"][0] > 0.5})


@claim_test
def figure_2(evidence: Evidence) -> Finding:
    """CLIP's diagram, drawn by code: two encoders, the matrix of pairs, the new image."""
    texts = _texts(clip_architecture())
    return Finding("redrawn by code", {part: part.lower() in texts.lower().replace("\n", " ")
                                       for part in ("text encoder", "image encoder", "contrastive training")})


@claim_test
def figure_3(evidence: Evidence) -> Finding:
    """The framework's diagram, drawn by code: the sizes of the encoders and of the shared space stand in it."""
    texts = _texts(framework())
    return Finding("redrawn by code with the sizes of the encoders and the target matrix",
                   {part: part in texts for part in ("ResNet-50", "DistilBERT", "2048", "768", "256", "target matrix")})


def _texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@claim_test
def towers_learn(evidence: Evidence) -> Finding:
    """One step of the report's loss and optimizer on a small model: which of its four parts move."""
    torch.manual_seed(0)
    captions = ("Folding arms", "Head up")
    profile, objective = get_profile("smoke"), get_objective("report_js")
    model, tokenizer = build_model(profile.model, objective, captions)
    optimizer = make_optimizer(parameter_groups(model, profile.train))
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    image, text = model(torch.randn(2, 3, 32, 32), *tokenize(tokenizer, captions).values())
    LOSSES[objective.loss](image, text, torch.arange(2), model.temperature).backward()
    optimizer.step()
    moved = {name.split(".")[0] for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    return Finding(f"moved by one step: {', '.join(sorted(moved))}",
                   {part: part in moved for part in ("image_encoder", "text_encoder")})


@claim_test
def schedule(evidence: Evidence) -> Finding:
    """When the scheduler is stepped, and what stepping it after every batch would do within one epoch."""
    settings = [evidence.settings(run)["train"] for run in evidence.runs("report_js")]
    batches, first = 1513, settings[0]["lr_image"]  # 48,411 training frames in batches of 32
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=first)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=settings[0]["plateau_factor"],
                                                           patience=settings[0]["plateau_patience"])
    for loss in np.random.default_rng(0).normal(1.0, 0.1, batches):
        scheduler.step(loss)
    left = optimizer.param_groups[0]["lr"] / first
    steps = sorted({train["plateau_every"] for train in settings})
    return Finding(f"the code steps it once per {' and '.join(steps)}; stepped per batch, {left:.0e} of the learning "
                   "rate would be left after one epoch",
                   {"the scheduler is stepped after every batch": steps == ["batch"]},
                   note="Read off the report's code, train_valid.py, which our setting copies: "
                        "ReduceLROnPlateau waits for a validation loss, which comes once an epoch.")


@claim_test
def epochs(evidence: Evidence) -> Finding:
    """Epochs of the profile with the report's recipe."""
    count = _recipe().train.epochs
    return Finding(f"{count} epochs in the profile {_RECIPE}", value=count)


@claim_test
def learning_rate(evidence: Evidence, part: str) -> Finding:
    """The first learning rate of an encoder, ``lr_image`` or ``lr_text``, in that profile."""
    rate = getattr(_recipe().train, part)
    return Finding(f"{rate:g} in the profile {_RECIPE}", value=rate,
                   note="The projection heads have a third one, 0.001, that the report does not "
                        "mention.")


@claim_test
def encoders(evidence: Evidence) -> Finding:
    """The encoders of the report's recipe, and where their first weights come from."""
    model = _recipe().model
    weights = "pre-trained" if model.pretrained else "from random weights"
    return Finding(f"{model.image_encoder} and {model.text_encoder}, {weights}, in the profile "
                   f"{_RECIPE}",
                   {"ResNet-50": model.image_encoder == "resnet50",
                    "DistilBERT": model.text_encoder.startswith("distilbert"),
                    "pre-trained": model.pretrained})


def _recipe() -> Profile:
    return get_profile(_RECIPE)


@claim_test
def ce_as_shariatnia(evidence: Evidence) -> Finding:
    """The loss of the report's cross-entropy runs on one batch, beside his code in NumPy."""
    losses = [evidence.settings(run)["loss"] for run in evidence.runs("report_ce")]
    rng = np.random.default_rng(0)
    image, text = rng.normal(size=(2, 16, 8))
    batch = torch.from_numpy(image), torch.from_numpy(text), torch.arange(16) % 4
    names = {written: name for name, written in WRITTEN.items()}
    ours = [LOSSES[names.get(loss["loss"], loss["loss"])](*batch, loss["temperature"]).item()
            for loss in losses]
    same = [_shariatnia(image, text, loss["temperature"]) for loss in losses]
    his = _shariatnia(image, text, _HIS_TEMPERATURE)
    return Finding(f"on one batch the run's loss is {ours[0]:.3f}; his formula gives {same[0]:.3f} "
                   f"at the run's temperature of {losses[0]['temperature']:g}, and {his:.3f} at "
                   f"his own, {_HIS_TEMPERATURE:g}",
                   {"his formula": in_every_run(np.isclose(ours, same)),
                    "his formula at his temperature": in_every_run(np.isclose(ours, his))},
                   note="The temperature is read off the report's train_valid.py. His formula "
                        "multiplies the targets by it and divides the logits by it.")


def _shariatnia(image: np.ndarray, text: np.ndarray, temperature: float) -> float:
    """The loss in Shariatnia's ``CLIP.py`` at commit 73fea1f, step by step. Shape: (B, D) twice."""
    logits = text @ image.T / temperature
    targets = softmax((image @ image.T + text @ text.T) / 2 * temperature, axis=1)
    of_text = -(targets * log_softmax(logits, axis=1)).sum(axis=1)
    of_image = -(targets.T * log_softmax(logits.T, axis=1)).sum(axis=1)
    return float((of_text + of_image).mean() / 2)
