# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 Training: the report's two losses and two sound ones
#
# **You will be able to**
# * read the whole training loop and say what each line is for;
# * train the same model under four objectives and compare their curves fairly;
# * tell a run that has not begun to learn from one that never will;
# * recognise a collapsed model from its predictions and from its caption embeddings;
# * say which settings of a run must be fixed so that it gives equal bits twice;
# * explain why the batch of a contrastive loss cannot simply be cut into parts.
#
# **Needs** notebook 04 (the losses). Most of the training happens here; 05 to 07 add runs of their own. The map in
# notebook 00 says how long it takes. A run that is already in the store is not repeated.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %%
import inspect
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from mgutils.config import OBJECTIVES, PROFILES, get_profile, run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.experiments.loss_grid.grid import GAIN
from mgutils.experiments.table1 import table1_runs
from mgutils.models.encoders import as_images
from mgutils.report.figures import results as figures
from mgutils.style import save, use_style
from mgutils.training import loop
from mgutils.training.batches import batches
from mgutils.training.grad_cache import accumulate_gradients, grad_cache_backward
from mgutils.training.session import open_session

use_style()
settings = get_profile(profile)
figure_dir = Path(out_dir) / "figures"

# %% [markdown]
# ## 1. The recipe
#
# The report gives a few settings and its code gives the rest: AdamW with three learning rates, weight decay on the
# projection heads alone, batches of 32, a learning rate that falls when the validation loss stands still, and up to
# 250 epochs. The `imigue` profile is that recipe, with one saving: it encodes each caption of a batch once
# (`captions_once`), where the original encodes one for each image, with a dropout mask of its own (notebook 04, section
# 4). The other profiles keep its shape and change its size.

# %%
recipe = pd.DataFrame({name: asdict(PROFILES[name].train) for name in dict.fromkeys(["imigue", profile])})
recipe

# %% [markdown]
# The small profiles start from random weights, because pretrained ones would need a download. Random encoders need
# larger steps than pretrained ones, so those profiles raise the encoders' learning rates. Nothing else about the
# optimiser differs.

# %%
report, here = PROFILES["imigue"].train, settings.train
assert (report.lr_image, report.lr_text, report.lr_head) == (1e-4, 1e-5, 1e-3)
assert report.weight_decay_head == here.weight_decay_head == 1e-3
assert report.batch_size == here.batch_size == 32
print(f"encoders from {'pretrained' if settings.model.pretrained else 'random'} weights, "
      f"{here.epochs} epochs of at most {report.epochs} in the report")

# %% [markdown]
# The report says that its scheduler updates after every batch. Its code updates after every epoch. The kit follows
# the code, and keeps what the text says as an option.

# %%
assert here.plateau_every == "epoch"
print("the text's version:", replace(here, plateau_every="batch").plateau_every)

# %% [markdown]
# ## 2. One step, by hand
#
# A step takes a batch of images with their classes, embeds both sides, asks the loss how wrong the similarities are,
# and moves every weight a little. First the data: decoded once, kept as bytes.

# %%
dataset = read_dataset(data_root)
split = make_split(dataset, "frame")
pixels = load_pixels(dataset, here.image_size, cache_dir=Path(out_dir) / "cache")
print(f"{len(dataset)} images of {pixels.shape[1]} px: {len(split.train)} to train on, {len(split.valid)} to validate")

# %% [markdown]
# A *session* holds a *task* (the model, the data, the loss) and its optimiser. Opening one seeds everything first.

# %%
session = open_session(run_config(profile, "sound_ce", seed=seed), dataset, pixels, split)
task = session.task
batch = next(batches(split.train, here.batch_size, seed))
classes = task.target[batch]  # (32,)
classes

# %% [markdown]
# Several images share a class, hence a caption. Each caption of the batch is encoded once, and every image is told
# which of them is its own. `mgutils.losses.grouped` shows that this gives exactly the loss of all 32 x 32 pairs.

# %%
present, own = np.unique(classes, return_inverse=True)
tokens = [part[torch.from_numpy(present)] for part in task.tokens.values()]  # ids and mask
print(f"{len(classes)} images, {len(present)} captions")

# %% [markdown]
# Both towers give one vector for each image and each caption. The loss reads the two matrices and which caption
# belongs to which image, and returns one number.

# %%
images = as_images(torch.from_numpy(pixels[batch]))  # (32, 3, S, S)
own = torch.from_numpy(own)
masks = torch.get_rng_state()  # where dropout's masks come from
image, captions = task.model(images, *tokens)
value = task.loss(image, captions, own, task.model.temperature)
print(tuple(images.shape), "->", tuple(image.shape), "and", tuple(captions.shape), f"-> loss {value:.3f}")

# %% [markdown]
# Before any training the model is close to guessing one caption of the batch. The loss counts a caption once for each
# of its images, so that a guess is among 32 and costs ln 32 = 3.47. The first loss is larger than that where random
# embeddings happen to be far apart, since the temperature of 0.07 magnifies every difference.

# %%
assert np.isclose(np.log(32), 3.47, atol=0.005)
print(f"first loss {value:.2f} against ln 32 = {np.log(32):.2f}")

# %% [markdown]
# One step should lower the loss on the batch it was taken on. That is all that training does, many times over. Dropout
# draws new masks in every pass and so moves the loss of the same weights by as much as a step does; both losses are
# therefore taken under the same masks.

# %%
value.backward()
session.optimizer.step()
torch.set_rng_state(masks)
after = task.loss(*task.model(images, *tokens), own, task.model.temperature)
print(f"loss {value:.3f} before the step, {after:.3f} after it")

# %% [markdown]
# The function that does this, for any task and for one process or several, is short enough to read here. The task
# embeds the batch and names its losses; the loop lowers their sum.

# %%
print(inspect.getsource(loop.train_step))

# %% [markdown]
# ## 3. Four objectives, several seeds
#
# The report compares two rows. We add two controls. They change three things at once: the loss (CLIP's cross entropy,
# the real JS), embeddings of length one, and a temperature that suits them. Notebook 04 moved these one at a time.

# %%
pd.DataFrame({name: asdict(objective) for name, objective in OBJECTIVES.items()}).T

# %% [markdown]
# `report_ce` is the loss that the report calls cross entropy, with its temperature. `report_js` is the one that it
# calls Jensen-Shannon and that is a forward Kullback-Leibler divergence. `sound_ce` is CLIP's loss. `sound_js` is the
# real Jensen-Shannon divergence. Each is trained from several seeds; the seeds change the first weights and the order
# of the images, never the split.
#
# How long? Without L2 norm and at tau 0.05 an untrained model's logits are in the hundreds (notebook 04, section 5). So
# the report's two losses average over a hundred in their first epoch, where a blind guess would cost 2 to 3.5, and have
# far to come down. The report trained up to 250 epochs. The `cpu` profile gives its two objectives four times the
# epochs of the controls, which is in their favour.

# %%
epochs = {name: run_config(profile, name).train.epochs for name in OBJECTIVES}
steps = len(list(batches(split.train, here.batch_size, seed)))
print({name: f"{count} epochs, {count * steps:,} steps" for name, count in epochs.items()})
assert epochs["report_ce"] == epochs["report_js"] >= epochs["sound_ce"] == epochs["sound_js"]

# %% [markdown]
# By the report's own rule a run's accuracy is that of its best epoch, chosen on the same frames that it is scored on.
# That flatters, most of all where the accuracy jumps from epoch to epoch. So the last epoch's stands beside it.

# %%
runs = table1_runs(profile, data_root, out_dir, seed=seed)
pd.DataFrame({objective: [f"{run.metrics['top1']:.1%} (last {run.log['top1'].iloc[-1]:.1%})" for run in group]
              for objective, group in runs.items()}, index=[f"seed {run.config.seed}" for run in runs["sound_ce"]])

# %% [markdown]
# Every run leaves a folder: its configuration, one line per epoch, the best and the last weights, the scores, and a
# receipt that says on what data and with what software the numbers were made.

# %%
first = runs["sound_ce"][0]
print(sorted(path.name for path in first.directory.iterdir()))
print(json.dumps({key: first.receipt[key] for key in ("data_sha256", "versions", "seconds")}, indent=1))

# %% [markdown]
# ## 4. The curves
#
# Losses of different kinds must not share an axis: a cross entropy and a divergence have different zeros, so which
# one is lower says nothing. Accuracy is the same thing for all four, so it may.

# %%
counts = np.bincount(dataset.target[split.train], minlength=len(dataset.labels))
constant = float((dataset.target[split.valid] == counts.argmax()).mean())
curves = figures.training_curves(runs, constant)
save(curves, figure_dir / "training_curves.png")
curves

# %% [markdown]
# A line is the mean over the seeds and its band goes from the lowest to the highest. The broken line on the right is
# the accuracy of always answering the most frequent class. A model that is not clearly above this line has learned
# nothing useful. Even one that picks a new class at random every epoch reaches the line in its luckiest epoch.
#
# Does a falling loss mean that a model learns? Compare how far each loss fell with what the model scores.

# %%
def over_seeds(read) -> dict[str, float]:
    """Mean of a number of each run, by objective."""
    return {objective: float(np.mean([read(run) for run in group])) for objective, group in runs.items()}

# %%
best, last = over_seeds(lambda run: run.metrics["top1"]), over_seeds(lambda run: run.log["top1"].iloc[-1])
fall = over_seeds(lambda run: run.log["train_loss"].iloc[-1] / run.log["train_loss"].iloc[0])
for objective, top1 in best.items():
    side = "above" if top1 > constant + GAIN else "not clearly above"
    print(f"{objective:10s} loss x {fall[objective]:.3f}; best epoch {top1:6.1%}, {side} the constant class "
          f"({constant:.1%}); last epoch {last[objective]:6.1%}")

# %% [markdown]
# In the published run (profile `cpu`, seed 0) all four losses fall, and three models learn: 81.5, 95.3 and 92.6 %. The
# fourth, `report_ce`, loses 97 % of its loss and scores 27.1 %, the share of the constant class. So a falling loss
# proves nothing.

# %% [markdown]
# **What a blind guess costs.** A model that looks at no image can still give every image the same answer. Let n copies
# of a caption be in a batch of B. Uniform probabilities over the batch cost $\ln B$ under the report's cross entropy,
# whose targets are soft. Under its "JS", a divergence, they cost $\ln B - \ln n$: the target has the entropy $\ln n$,
# which a divergence does not count. Cross entropy to one's own caption cannot fall below $\ln n$, for the copies must
# share the probability. So $\ln n$, averaged over one epoch's batches, is the floor of `sound_ce`.

# %%
of_batches = [dataset.target[rows] for rows in batches(split.train, here.batch_size, seed)]
floor = np.log(np.concatenate([np.bincount(drawn)[drawn] for drawn in of_batches])).mean()
blind = {"report_ce": np.log(here.batch_size), "report_js": np.log(here.batch_size) - floor}
ends = np.mean([run.log["train_loss"].iloc[-1] for run in runs["sound_ce"]])
print("a blind guess costs", {name: round(float(cost), 2) for name, cost in blind.items()})
print(f"cross entropy's floor {floor:.2f}; sound_ce ends at {ends:.2f}")

# %% [markdown]
# Now count the epochs until the report's two are better than blind, by their validation loss.

# %%
def first_better_than_blind(objective: str) -> list[int | None]:
    """The first epoch of each seed whose validation loss is below that of a blind guess; None where there is none."""
    better = [run.log["epoch"][run.log["valid_loss"] < blind[objective] - 0.05] for run in runs[objective]]
    return [int(those.iloc[0]) if len(those) else None for those in better]

# %%
passed = {objective: first_better_than_blind(objective) for objective in blind}
for objective, those in passed.items():
    final = [round(float(run.log["valid_loss"].iloc[-1]), 2) for run in runs[objective]]
    print(f"{objective}: better than blind from epoch {those} of {epochs[objective]}; loss at the end {final}, "
          f"blind {blind[objective]:.2f}")

# %% [markdown]
# The two start alike, and they differ in where they go. In the published run `report_js` becomes better than a blind
# guess after 17, 15 and 30 epochs, and ends at 79 to 85 % of the images. Had we stopped at 12 epochs, we would have
# called it broken. `report_ce` comes to rest at ln 32 = 3.47, the loss of a uniform answer, and stays. At the point
# where all vectors are alike, notebook 04 (section 8, issue 27) found a steep way down for the one loss and, to second
# order, none for the other. So the *order* of the report's two rows needs no Jensen-Shannon divergence: one of its two
# losses has a trap. The height of its lower row, 22.54 %, is another matter: it lies below the constant class, where
# our collapsed runs end (notebook 14).
#
# How high a climbing curve ends is a matter of epochs. Read off the order, not the height: that our row ends near the
# report's own number, on other images and with another network, is a coincidence.

# %% [markdown]
# ## 5. What a collapse looks like
#
# A model has collapsed when nearly every image gets the same answer. Captions in one place, with a mean cosine near 1,
# are only a warning: without L2 norm and at tau 0.05 even a small difference between captions makes tens of logits, so
# that a model can learn all the same. Few predicted classes and an accuracy at the constant class confirm it.
#
# The table is of each run's best epoch, by the report's rule. For a run that learns nothing that may be any epoch, also
# one long before it rests.

# %%
def mean_cosine(captions: np.ndarray) -> float:
    """Mean cosine between different rows of (C, D)."""
    unit = captions / np.linalg.norm(captions, axis=1, keepdims=True)
    cosine = unit @ unit.T  # (C, C)
    return float(cosine[~np.eye(len(cosine), dtype=bool)].mean())

# %%
collapse = pd.DataFrame({
    objective: {"mean cosine between captions": np.mean([mean_cosine(run.caption_embeddings) for run in group]),
                "predicted classes": np.mean([run.metrics["predicted_classes"] for run in group]),
                "top-1": best[objective]} for objective, group in runs.items()}).T
collapse.round(3)

# %% [markdown]
# The sentence below is written by the run, not by us: it lists the objectives that show the warning and are confirmed
# by the number of classes.

# %%
print("best epochs:", {name: [run.receipt["metrics"]["epoch"] for run in group] for name, group in runs.items()})
bunched, few = collapse["mean cosine between captions"] > 0.99, collapse["predicted classes"] < 5
collapsed = list(collapse.index[bunched & few])
print("collapsed (mean cosine above 0.99, fewer than 5 classes predicted):", ", ".join(collapsed) or "none")

# %% [markdown]
# ## 6. The same seed gives the same bits
#
# Seeds are set for Python, NumPy and torch, the order of the images comes from the seed and the epoch, and the number
# of threads is fixed, because the order of a sum changes its last bits. We train a very small run twice and compare
# every weight.

# %%
small = run_config("smoke", "sound_ce", seed=seed, epochs=1, image_size=here.image_size, threads=1)
part = type(split)("frame", split.train[:64], split.valid[:32])
weights = []
for _ in range(2):
    twin = open_session(small, dataset, pixels, part)
    loop.train_epoch(twin, part.train, seed=1)
    weights.append(twin.task.model.state_dict())
equal = all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
print("every weight equal, bit for bit:", equal)
assert equal or torch.cuda.is_available()

# %% [markdown]
# ## 7. A batch that does not fit into memory
#
# A loss that is a mean over samples can be computed in parts: add up the gradients and nothing changes. A contrastive
# loss is not such a mean. Each image is compared with all captions of the batch, and each caption with all images, so
# two halves ask easier questions than the whole. We compare three gradients: the whole batch, the sum of two halves
# (`accumulate_gradients`), and the two-pass method that caches embeddings (`grad_cache_backward`). Dropout is off and
# the normalisation layers are fixed, so that the loss alone can make a difference.

# %%
fixed = task.model.double().eval()
halves, tau = images.double().split(len(images) // 2), fixed.temperature.detach()

def gradient_of(backward) -> torch.Tensor:
    fixed.zero_grad()
    backward()
    return torch.cat([weight.grad.flatten() for weight in fixed.parameters() if weight.grad is not None])

def loss_of(own: torch.Tensor):
    return lambda image, captions: task.loss(image, captions, own, tau)

def embed(part: tuple) -> tuple:
    return fixed(*part)  # images, and tokens where the part has them

def loss_of_part(own: torch.Tensor):
    here, position = own.unique(return_inverse=True)  # only the captions that the part has
    return lambda image, captions: task.loss(image, captions[here], position, tau)

# %%
losses = [loss_of_part(part) for part in own.split(len(images) // 2)]
whole = gradient_of(lambda: loss_of(own)(*fixed(images.double(), *tokens)).backward())
exact = gradient_of(lambda: grad_cache_backward(embed, [(halves[0],), (halves[1], *tokens)], loss_of(own)))
naive = gradient_of(lambda: accumulate_gradients(embed, [(half, *tokens) for half in halves], losses, len(images)))
scale = naive @ whole / (naive @ naive)  # the length that suits it best
found = {"exact": exact, "naive": naive, "naive, rescaled": scale * naive}
apart = {name: float((gradient - whole).norm() / whole.norm()) for name, gradient in found.items()}
apart

# %% [markdown]
# The numbers are the length of the difference over the length of the gradient. The two-pass gradient is the whole
# one, up to the rounding of 64-bit numbers. The sum of the halves points elsewhere: even at the length that suits it
# best it misses, so no learning rate repairs it.

# %%
assert apart["exact"] < 1e-10 and apart["naive, rescaled"] > 0.01
print(f"of the gradient's length: exact {apart['exact']:.0e}, naive {apart['naive']:.0%}, rescaled by {scale:.2f} "
      f"{apart['naive, rescaled']:.0%}")

# %% [markdown]
# Two things are lost all the same. The embeddings are computed twice, which costs a second forward pass. And batch
# normalisation, which we fixed above, takes mean and variance from what it is given; in training that is a part. (The
# running means, used later for prediction, do count every image once.) So put these layers alone into training mode.

# %%
for layer in fixed.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
        layer.train()
whole = gradient_of(lambda: loss_of(own)(*fixed(images.double(), *tokens)).backward())
parts = gradient_of(lambda: grad_cache_backward(embed, [(halves[0],), (halves[1], *tokens)], loss_of(own)))
print(f"with batch statistics the two-pass gradient is off by {(parts - whole).norm() / whole.norm():.0%}")
assert (parts - whole).norm() > 0.01 * whole.norm()

# %% [markdown]
# `TrainConfig(micro_batch=...)` switches the two-pass method on. The loss is then that of the whole batch; the
# normalisation is that of the parts.

# %% [markdown]
# ## What we showed
#
# * One step lowers the loss on its own batch, under the same dropout masks (section 2).
# * All four losses fall; the accuracies end far apart. The report's "JS" is slow and learns, its cross entropy comes to
#   rest where a blind guess is (sections 3 and 4).
# * Captions in one place warn of a collapse; few predicted classes confirm it (section 5).
# * Two runs from one seed are equal bit for bit on a CPU (section 6).
# * The gradient of a contrastive batch is not the sum of the gradients of its parts. A second forward pass gives it
#   with little memory: exactly, unless a layer uses batch statistics (section 7).

# %%
summary = pd.DataFrame({"top-1": best}).assign(collapsed=lambda table: table.index.isin(collapsed))
assert len(runs) == 4 and all(len(group) == settings.seeds for group in runs.values())
summary.round(3)

# %% [markdown]
# ## Exercises that check themselves
#
# Replace the dots by your own lines and run the cell below yours: `check` tries your function and says in words what
# it tried, what came back and what it expected. Nothing breaks while an exercise is unsolved. Easy ones take some ten
# minutes, the project about an hour. Write the steps yourself; the kit's own functions do not count.

# %%
from mgutils.course.exercises import check

# %% [markdown]
# ### Exercise: when the learning rate falls
# *Medium, 20 minutes.* Write `plateau_rates(losses, rate, factor, patience)`, the scheduler of this notebook without
# torch's. It gets the validation loss of each epoch and returns the learning rate after each. A loss that is below
# the best so far starts the count of bad epochs anew. Once more than `patience` epochs in a row are bad, the rate is
# multiplied by `factor` and the count starts anew.
# *It should show* how often the rate fell in a run above, and how often it would have with less patience.

# %% tags=["solution"]
def plateau_rates(losses: list[float], rate: float, factor: float, patience: int) -> list[float]:
    """The learning rate after each epoch."""
    # Hint: three variables change: the best loss, the number of bad epochs, the rate.
    best, bad, rates = float("inf"), 0, []
    for loss in losses:
        best, bad = (loss, 0) if loss < best else (best, bad + 1)
        if bad > patience:
            rate, bad = rate * factor, 0
        rates.append(rate)
    return rates

# %%
if check("plateau_rates", plateau_rates):
    for patience in (here.plateau_patience, 1, 0):  # the run's own first
        rates = plateau_rates(first.log["valid_loss"].tolist(), here.lr_image, here.plateau_factor, patience)
        falls = sum(new < old for old, new in zip([here.lr_image, *rates], rates, strict=False))
        print(f"patience {patience}: the rate fell {falls} times in {len(rates)} epochs, to {rates[-1]:.2g}")

# %% [markdown]
# ### Exercise: find the wrong line, batches
# *Easy, 10 minutes.* `zoo_batches` shares the rows of an epoch out into batches. Every row should be in one of them.
# *It should show* why the number of rows that were seen belongs in a log.

# %% tags=["solution"]
def zoo_batches(count: int, size: int, seed: int) -> list[np.ndarray]:
    """Row numbers 0..count-1 in random order, in batches of `size`; the last one may be smaller."""
    order = np.random.default_rng(seed).permutation(count)
    starts = range(0, count, size)
    # student: starts = range(0, count - size + 1, size)
    return [order[start:start + size] for start in starts]

# %%
if check("zoo_batches", zoo_batches):
    print(sum(len(batch) for batch in zoo_batches(len(split.train), 100, seed)), "of", len(split.train), "rows seen")

# %% [markdown]
# ### Exercise: find the wrong line, shuffling
# *Easy, 10 minutes.* `zoo_shuffle` puts images and labels into a random order. A model that is fed by it learns
# nothing but the shares of the classes, and no message says why.
# *It should show* what to look at first when a model is no better than the constant class.

# %% tags=["solution"]
def zoo_shuffle(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels, each image still with its label, in random order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels[order]
    # student: labels = labels[rng.permutation(len(labels))]
    return images, labels

# %%
check("zoo_shuffle", zoo_shuffle)

# %% [markdown]
# ### Project: AdamW by hand
# *Project, 60 minutes.* Write `adamw(weight, gradients, rate, decay, betas, eps)`: the weights (D,) after one AdamW
# step for each row of the gradients (T, D). For step t = 1, 2, …: take `rate * decay` times the weight from the
# weight; keep running means of the gradient (with β₁) and of its square (with β₂), both from zero; divide each by `1
# - βᵗ`; move the weight down by `rate` times the first, divided by the root of the second plus `eps`.
# *It should show* that the first step is of the size of the rate, whatever the size of the gradient.

# %% tags=["solution"]
def adamw(weight: torch.Tensor, gradients: torch.Tensor, rate: float, decay: float, betas: tuple[float, float],
          eps: float) -> torch.Tensor:
    """(D,), (T, D) -> (D,) the weights after T steps."""
    # Hint: `enumerate(gradients, start=1)` counts the steps from 1.
    mean, square = torch.zeros_like(weight), torch.zeros_like(weight)
    for step, gradient in enumerate(gradients, start=1):
        weight = weight - rate * decay * weight
        mean = betas[0] * mean + (1 - betas[0]) * gradient
        square = betas[1] * square + (1 - betas[1]) * gradient**2
        unbiased = mean / (1 - betas[0]**step), square / (1 - betas[1]**step)
        weight = weight - rate * unbiased[0] / (unbiased[1].sqrt() + eps)
    return weight

# %%
if check("adamw", adamw):
    steep = torch.tensor([[0.01, 1.0, 100.0]])
    moved = adamw(torch.zeros(3), steep, 1e-3, 0.0, (0.9, 0.999), 1e-8)
    print("gradients", steep.tolist(), "-> moved by", moved.tolist())

# %% [markdown]
# ## More to try
#
# 1. *10 minutes.* Train `sound_ce` with the scheduler stepped per batch (`plateau_every="batch"`). Count how often
#    the learning rate falls. What did the report's sentence promise, and what would it have done?
# 2. *15 minutes.* Give `report_ce` a temperature of 1.0, as its author had it. Predict first whether it still
#    collapses.
# 3. *20 minutes.* Change the number of threads from 1 to 2 and compare the weights of two runs. Where do they first
#    differ?
#
# ## Further reading
#
# * Radford et al. 2021, *Learning transferable visual models from natural language supervision*, section 2.
# * Loshchilov and Hutter 2019, *Decoupled weight decay regularization*.
# * Notebook 07 scores these runs. Notebook 04 says why `report_ce` rests; its bench foretold that `report_js` learns.
