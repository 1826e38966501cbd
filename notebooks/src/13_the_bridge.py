# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 The bridge: the report's loss on a skeleton
#
# Four publications, four names for what they do: contrastive learning, semantic embedding, binding, vision-language
# pre-training. This short notebook writes all four down in one form. Then it crosses over: the loss of the first system
# teaches the skeleton of the second, with sentences like those of the fourth. That was published, too. The method is
# called GAP, and its program contains the very loss that the report calls Jensen-Shannon.
#
# **You will be able to**
# * write any of these systems as a list of pairs, and say what is new about it;
# * add sentences about parts of the body to a classifier that will never read them in a test;
# * choose the control that tells what the sentences say from that there are sentences.
#
# **Needs** notebook 04 (the loss), notebook 10 (the skeletons) and notebook 12 (the sentences). It trains small runs,
# some five minutes on two cores in the `cpu` profile.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %% tags=["hidden"]
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from mgutils.config import Pair, get_space_profile
from mgutils.data.items import read_clip_dataset
from mgutils.data.sentences import PARTS, class_names, class_texts
from mgutils.data.splits import make_split
from mgutils.experiments import bridge
from mgutils.experiments.sentences import spoken_clips
from mgutils.experiments.skeleton import clips_beside
from mgutils.experiments.systems import SYSTEMS
from mgutils.losses.alignment import pair_losses
from mgutils.models.space import build_space
from mgutils.report.figures.systems import bridge_chart
from mgutils.style import save, use_style

use_style()
pd.set_option("display.max_colwidth", None)
figure_dir = Path(out_dir) / "figures"

# %% [markdown]
# ## 1. Four lists of pairs
#
# Notebook 00 has the picture. Here is the table behind it: a row for each *pair* of things whose embeddings are pulled
# together. That is all in which the four systems differ before anything is asked of them.

# %%
lists = pd.DataFrame([{"system": system.title, "pair": f"{pair.a} - {pair.b}", "loss": pair.loss,
                       "weight": round(pair.weight, 2), "frozen": ", ".join(set(system.frozen) & {pair.a, pair.b})}
                      for system in SYSTEMS for pair in system.pairs])
lists

# %% [markdown]
# Seven lines. The report has one pair, and so has EmoCLIP. The winner of 2023 has a classifier, which is
# a pair of the joints with a vector for each class, and a squared error beside it that weighs
# 20<!--= lists["weight"].max() -->. CMVRA has a star. One function computes all of them. Below, the same five random
# clips go through each list.

# %%
chance = torch.Generator().manual_seed(seed)
names = sorted({name for system in SYSTEMS for pair in system.pairs for name in (pair.a, pair.b)})
five = {name: torch.randn(5, 8, generator=chance) for name in names}
classes = torch.tensor([0, 0, 1, 2, 2])
tables = {"class": torch.randn(3, 8, generator=chance)}  # a vector for each of three classes
costs = {}
for system in SYSTEMS:
    needed = {name: table for name, table in tables.items() if any(pair.b == name for pair in system.pairs)}
    costs[system.title] = pair_losses(system.pairs, five, target=classes, tables=needed)
    print(f"{system.title}:", *(f"{name} {loss:.2f}" for name, loss in costs[system.title].items()))

# %% [markdown]
# The first number stands out: 34.5<!--= costs["The report"]["image-caption"].item() -->, where a blind guess among five
# clips costs 1.6<!--= np.log(5) -->. Dot products of random vectors, divided by a temperature of
# 0.05<!--= SYSTEMS[0].pairs[0].temperature -->, are very sure of wrong answers; notebook 05 is about nothing else. (The
# squared error is large because of its weight.) The other losses read *cosines*.
#
# ## 2. The fifth list
#
# GAP (Xiang et al. 2023) recognises actions from skeletons. A language model wrote a text about what the head, the hands,
# the arms and the legs do in each action. In training, the skeleton's embedding is pulled to these texts; in the test,
# nobody reads them. Our seated people have no legs to show. What the studio says of their head, hands, arms and trunk is

# %%
size = get_space_profile("smoke" if profile == "smoke" else "cpu")
clips = spoken_clips(size.name, clips_beside(data_root))
dataset = read_clip_dataset(clips)
split = make_split(dataset, "official")
said = {part: [texts[0] for texts in class_texts(dataset, part)] for part in PARTS}
parts_of_class = pd.DataFrame(said, index=class_names(dataset))
parts_of_class.iloc[[3, 9, 15]]

# %% [markdown]
# Sentences are shared between classes now: a head is bent in many gestures.

# %%
different = parts_of_class.nunique()
different.to_frame("different sentences").T

# %% [markdown]
# The trunk has 7<!--= different["trunk"] --> sentences for 32<!--= len(parts_of_class) --> classes, the hands
# 27<!--= different["hands"] -->. The loss takes two classes for different whatever their sentences say.
#
# Which loss? GAP's file is called `KLLoss.py`, and it is the report's, letter by letter: the Kullback-Leibler divergence
# from a softmax over ten times the label matrix, in both directions. One thing is new: it divides both embeddings by
# their length first. Take three clips, the first two of one class. The target of the first is nearly one half, one half,
# nothing.

# %%
def kl_on_cosines(a: torch.Tensor, b: torch.Tensor, target: torch.Tensor, temperature: float) -> torch.Tensor:
    """The report's loss on cosines: (B, D), (B, D), (B,) classes -> scalar."""
    wanted = (10 * (target[:, None] == target).float()).softmax(dim=1)  # (B, B)
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    rows = F.kl_div(logits.log_softmax(dim=1), wanted, reduction="batchmean")
    columns = F.kl_div(logits.T.log_softmax(dim=1), wanted, reduction="batchmean")
    return (rows + columns) / 2


three, two_alike = {name: five[name][:3] for name in ("joints", "sentence")}, torch.tensor([0, 0, 1])
ours = pair_losses([Pair("joints", "sentence", bridge.LOSS, temperature=0.1)], three, target=two_alike)
assert torch.isclose(kl_on_cosines(three["joints"], three["sentence"], two_alike, 0.1), ours["joints-sentence"])
wanted = (10 * (two_alike[:, None] == two_alike).float()).softmax(dim=1)
print(np.round(wanted.numpy(), 4))

# %% [markdown]
# So the fifth list is a classifier and a star: five lines, of which four have text. They share one weight
# of 1<!--= bridge.WEIGHT -->.

# %%
fifth = bridge.with_parts("class")
pd.DataFrame([{"pair": f"{pair.a} - {pair.b}", "loss": pair.loss, "weight": pair.weight} for pair in fifth.pairs])

# %% [markdown]
# What does the text cost in a test? Nothing: its projections are thrown away. Here are the parameters by part.

# %%
networks = build_space(fifth, len(dataset.labels), widths=dict.fromkeys(PARTS, 384))
learned = {"joints": [networks.encoders["joints"], networks.projections["joints"]],
           "classes": [], "text": [networks.projections[part] for part in PARTS]}
sizes = {name: sum(weight.numel() for part in parts for weight in part.parameters()) for name, parts in learned.items()}
sizes["classes"] = networks.class_vectors.numel()
print({name: f"{count:,}" for name, count in sizes.items()})

# %% [markdown]
# In training, 98,560<!--= sizes["text"] --> parameters belong to the text; in a test there are
# 169,440<!--= sizes["joints"] + sizes["classes"] --> left, those of a classifier without any text.
#
# ## 3. Do the sentences help?
#
# Everything is as in notebook 10: noisy joints, 500<!--= limit --> clips to learn from, new people in the test, so that
# there is room to improve. Seven arms have the same clips and seeds:
# * **labels alone**: the classifier;
# * **the class's sentences**: GAP;
# * **a fifth of the weight**: the same, with less to say;
# * **the clip's sentences**: what *this* clip's parts do, as in notebook 12;
# * **another class's sentences**: those of clips of another class, always the same other one;
# * **the class's name**: one pair instead of four;
# * **real JS**: the class's sentences, with the divergence that the report's text names.
#
# **Predict.** Which arms beat labels alone? And by which of the controls would you notice that it is not the words?

# %%
runs = bridge.bridge_runs(size, clips, out_dir, seed=seed)
limit = runs[bridge.LABELS][0].config.protocol.limit
seeds = len(runs[bridge.LABELS])
print(f"{sum(map(len, runs.values()))} runs, {seeds} seeds for each of {len(runs)} arms")

# %% alt="Top-1 and UAR on new people for the seven arms, with intervals"
table = bridge.bridge_table(dataset, runs)
chart = bridge_chart(table)
save(chart, figure_dir / "bridge.png")
chart

# %%
pairs = [(bridge.LABELS, arm) for arm in (bridge.CLASSES, bridge.CLIPS, bridge.OTHER, bridge.NAMES)] + [
    (bridge.OTHER, bridge.CLIPS), (bridge.NAMES, bridge.CLASSES), (bridge.LIGHT, bridge.CLASSES),
    (bridge.CLASSES, bridge.CLIPS), (bridge.DIVERGENCE, bridge.CLASSES)]
gain = bridge.bridge_differences(dataset, runs, pairs)
gain.drop(columns="p").round(1)

# %% [markdown]
# Labels alone have 66.4<!--= top1[bridge.LABELS] --> %, with the class's sentences it is
# 64.7<!--= top1[bridge.CLASSES] --> %, with the clip's own 66.7<!--= top1[bridge.CLIPS] --> %, and with those of another
# class 65.2<!--= top1[bridge.OTHER] --> %. The differences to labels alone are
# −1.7<!--= less[bridge.CLASSES] -->, 0.3<!--= less[bridge.CLIPS] --> and −1.2<!--= less[bridge.OTHER] --> points, none of
# them shown. Nor is it shown that a clip's own sentences are worth more than those of another class. One comparison of
# 18<!--= len(gain) --> is shown, and it goes against the sentences: the plain name of the class is
# 2.9<!--= -by_name --> points of top-1 ahead of them.

# %% tags=["hidden"]
values = table.pivot(index="arm", columns="score", values="value") * 100
top1 = values["top1"]
less = {arm: gain["difference"][f"{arm} less {bridge.LABELS}", "top1"] for arm in (
    bridge.CLASSES, bridge.CLIPS, bridge.OTHER, bridge.NAMES)}
shown = int(gain["shown"].sum())
smallest = gain["detectable"].min()
by_name = gain["difference"][f"{bridge.CLASSES} less {bridge.NAMES}", "top1"]

# %% [markdown]
# GAP reports gains over its baseline, with hundreds of clips for each class, and its program keeps the epoch with the best
# accuracy *on the test set*. What could our seven arms have shown? At best the design finds a true difference of
# 3.4<!--= smallest --> points four times in five: a gain of a point or two would mostly be missed here. What we can say is
# that no arm shows one, and that the control of another class's sentences belongs beside every such gain.
#
# ## What we showed
#
# * Four systems are one function and four lists: seven pairs in all. A fifth method is a fifth list.
# * The loss that the report calls Jensen-Shannon is at work in a well-cited method for skeletons, under the name KL, on
#   cosines.
# * Sentences about parts of the body change the top-1 of a classifier by −1.7<!--= less[bridge.CLASSES] --> points here.
#   Of 18<!--= len(gain) --> comparisons 1<!--= shown --> is shown, for the class's name over its sentences.
# * Text that a test does not read is a regulariser. Whether it is one because of what it *says* is asked by sentences of
#   another class, and not by labels alone.

# %% [markdown]
# ## Exercises
#
# 1. *Core. 10 minutes.* Write the list of pairs of a system that reads the colour camera, the joints and a sentence, and
#    freezes the text. Which pairs would you leave out, and why?
#
#    <details><summary>Answer</summary>
#
#    `star("sentence", ("rgb", "joints"))` with `frozen=("sentence",)` pulls both to what is said. A pair of colour and joints
#    adds what the sentence does not say, and both are there in each clip. Notebook 11, section 4, measured such a choice: all
#    pairs find clips between cameras, and lose some of the anchor's classes.
#
#    </details>
# 2. *Core. 10 minutes.* The label matrix of three clips has ones where classes agree. Compute by hand the softmax of ten
#    times its first row `[1, 1, 0]`, and of one times it. What would the loss ask of the third clip with the second?
#
#    <details><summary>Answer</summary>
#
#    $e^{10} / (2 e^{10} + 1)$ is 0.49999<!--= np.exp(10) / (2 * np.exp(10) + 1) -->, and $1 / (2 e^{10} + 1)$ is
#    0.00002<!--= 1 / (2 * np.exp(10) + 1) -->. Without the ten the third is 0.16<!--= 1 / (2 * np.exp(1) + 1) -->: a sixth
#    of the first clip's answer would have to go to a wrong class.
#
#    </details>
# 3. *15 minutes.* `bridge.with_parts("class", weight=5)` is the model of a heavier arm, and with `"other"` that of its
#    control. Put each into a configuration of `bridge.bridge_configs(size)` with `dataclasses.replace`, and train both with
#    `train_all`, as notebook 06 does. From which weight on does it matter whose sentences they are?
#
# ## Further reading
#
# * Xiang et al. 2023, *Generative action description prompts for skeleton-based action recognition*,
#   [arXiv:2208.05318](https://arxiv.org/abs/2208.05318): GAP.
# * Wang et al. 2021, *ActionCLIP*, [arXiv:2109.08472](https://arxiv.org/abs/2109.08472): where the loss comes from.
#
# Next: notebook 14 has the verdicts on the claims of all four systems.
