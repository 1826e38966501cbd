# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 Evaluation: Table 1, and how to read it
#
# **You will be able to**
# * compute top-1, top-5 and UAR by hand and say what each hides;
# * put two trivial classifiers beside every accuracy;
# * read a confusion matrix by groups of classes;
# * say how much of an accuracy comes from the split.
#
# **Needs** notebook 04, whose runs it reads.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %%
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import get_profile
from mgutils.data.audit import audit_split
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.evaluate import scores
from mgutils.predict import load_predictor
from mgutils.report import figures_results as figures
from mgutils.report import tables
from mgutils.report.style import save, use_style
from mgutils.runs import table1_runs

use_style()
figure_dir, table_dir = Path(out_dir) / "figures", Path(out_dir) / "tables"

# %%
dataset = read_dataset(data_root)
runs = table1_runs(profile, data_root, out_dir, seed=seed)
run = runs["sound_ce"][0]
print(f"{sum(map(len, runs.values()))} runs, {len(run.valid)} validation images, {len(dataset.labels)} classes")

# %% [markdown]
# ## 1. Three scores by hand
#
# A run leaves one row of scores per validation image: the similarity of the image to each caption. The answer is the
# caption with the highest score.

# %%
logits, target = run.logits, run.target
answer = logits.argmax(axis=1)
pd.DataFrame({"true": target[:5], "answer": answer[:5], "its score": logits.max(axis=1)[:5].round(2)})

# %% [markdown]
# **Top-1** is the share of right answers. **Top-5** also counts an image whose class is among the five highest
# scores.

# %%
top1 = (answer == target).mean()
five = np.argsort(-logits, axis=1, kind="stable")[:, :5]
top5 = (five == target[:, None]).any(axis=1).mean()
print(f"top-1 {top1:.1%}, top-5 {top5:.1%}")

# %% [markdown]
# **UAR** is the mean of the recalls of the classes. Top-1 counts images, so the frequent classes decide it; UAR
# counts every class once.

# %%
recall = pd.Series(answer == target).groupby(target).mean()
uar = recall.mean()
print(f"UAR {uar:.1%} over {len(recall)} classes; the best recall is {recall.max():.0%}, the worst {recall.min():.0%}")

# %% [markdown]
# The kit's own function gives the same three numbers.

# %%
result = scores(logits, target)
assert np.allclose([result.top1, result.top5, result.uar], [top1, top5, uar])
result.summary()

# %% [markdown]
# ## 2. What a model must beat
#
# Two classifiers need no training. The *constant* one always answers the class that is most frequent in training. The
# *look-up* one asks whether another frame of the same clip is in training and copies its label.

# %%
split = make_split(dataset, "frame")
audit = audit_split(dataset, split)
print(f"constant class: top-1 {audit.constant_top1:.1%}, top-5 {audit.constant_top5:.1%}")
print(f"clip look-up:   top-1 {audit.lookup_top1:.1%}")

# %% [markdown]
# The look-up sees no pixel. Where it scores high, the split lets a model score high by recognising the clip, and the
# accuracy is no evidence that gestures were learned. The audit says how many validation frames have a sibling in
# training.

# %%
print(f"{audit.clip_shared:.1%} of the validation frames have another frame of their clip in training")
assert audit.lookup_top1 > audit.constant_top1

# %% [markdown]
# ## 3. Table 1
#
# The report's two rows, the same two at the report's settings on our data, the two sound controls, and the two
# trivial classifiers. The numbers are means over the seeds; the spread is from the lowest to the highest.

# %%
table = tables.table1(runs, audit)
tables.write(table, table_dir / "table1")
table

# %%
chart = figures.table1_chart(runs, audit)
save(chart, figure_dir / "table1.png")
chart

# %% [markdown]
# The report's own numbers come from other images, so the columns may be compared in their order and in what fails,
# not digit by digit. The next cell reads the order off the table.

# %%
mean = {objective: np.mean([run.metrics["top1"] for run in group]) for objective, group in runs.items()}
for objective in ("report_ce", "report_js"):
    side = "below" if mean[objective] < audit.constant_top1 else "above"
    print(f"{objective}: {mean[objective]:.1%}, {side} the constant class")
print("the report's order (JS row above CE row) holds:", mean["report_js"] > mean["report_ce"])

# %% [markdown]
# A result below the constant class is a sign of a broken run, not of an inferior loss: the best constant answer was
# within reach, and the run did not find it. That is true of the report's own cross-entropy row.

# %%
report_ce_top1, real_constant_top1 = 0.2254, 0.2727  # the report's Table 1; its data's share of class 32
assert report_ce_top1 < real_constant_top1

# %% [markdown]
# ## 4. Where the errors are
#
# Rows are true classes and columns are answers, each row sums to one, and the lines separate the groups of body
# parts. Confusions inside a block are between gestures that involve the same parts.

# %%
matrix = figures.confusion_matrix(result.confusion, dataset.labels)
save(matrix, figure_dir / "confusion.png")
matrix

# %% [markdown]
# The two classes that are most often taken for one another, counted both ways:

# %%
mistakes = result.confusion * (1 - np.eye(len(result.confusion), dtype=int))
first, second = np.unravel_index((mistakes + mistakes.T).argmax(), mistakes.shape)
names = dataset.labels.display
print(f"{names[first]} / {names[second]}: {(mistakes + mistakes.T)[first, second]} images")

# %% [markdown]
# The surest right answers and the surest wrong ones. Look at the wrong ones: would you have known?

# %%
examples = figures.best_and_worst(dataset, run)
save(examples, figure_dir / "examples.png")
examples

# %% [markdown]
# Now one image at a time: the run's five best answers, the captions whose direction is nearest, and a heat map. For the
# map a grey square covers one place after another. Brown is where the score of the answer falls, so where its evidence
# lies; purple is where covering helps. Does the model look at the hand?

# %%
from mgutils.explorer_answers import AnswerExplorer

AnswerExplorer(dataset, run)

# %% [markdown]
# ## 5. The space
#
# Up to 500 validation images and every caption in the shared space, brought down from 256 dimensions to two. Captions
# are marked by their class number.

# %%
space = figures.embedding_map(run, dataset.labels, seed=seed)
save(space, figure_dir / "embedding_map.png")
space

# %% [markdown]
# Two dimensions cannot keep all distances, so a map invites questions and answers none. This number does: how often
# the nearest other *image* has the same class.

# %%
unit = run.image_embeddings / np.linalg.norm(run.image_embeddings, axis=1, keepdims=True)
cosine = unit @ unit.T  # (N, N)
np.fill_diagonal(cosine, -1)
neighbour = (target[cosine.argmax(axis=1)] == target).mean()
print(f"the nearest image has the same class for {neighbour:.1%} of the validation images")

# %% [markdown]
# ## 6. The same recipe on new people
#
# Now the question that the report's sentence about *generalisation to new data* raises. We split by subject: nobody
# in validation was seen in training. Data, model and recipe stay the same.

# %%
if dataset.has_groups:
    new_people = table1_runs(profile, data_root, out_dir, split="subject", seed=seed, objectives=["sound_ce"])
    by_subject = [run.metrics["top1"] for run in new_people["sound_ce"]]
    print(f"sound_ce, frame split:   top-1 {mean['sound_ce']:.1%}")
    print(f"sound_ce, subject split: top-1 {np.mean(by_subject):.1%} ({min(by_subject):.1%} to {max(by_subject):.1%})")

# %% [markdown]
# What is left of the accuracy is what the model knows about gestures on people that it never saw. The rest came from
# having seen the same clips. Without the optional `clips.csv` nobody can make this split, and the cell above prints
# nothing.

# %%
if dataset.has_groups:
    beside = tables.beside({"frame": runs["sound_ce"], "subject": new_people["sound_ce"]})
    (table_dir / "subject.md").write_text(beside, encoding="utf-8")
    print(beside)

# %%
if dataset.has_groups:
    honest = audit_split(dataset, make_split(dataset, "subject"))
    print(f"subject split: {honest.subject_shared:.1%} of validation frames share a subject with training, "
          f"look-up {honest.lookup_top1:.1%}, constant {honest.constant_top1:.1%}")
    assert honest.subject_shared == honest.clip_shared == 0

# %% [markdown]
# ## 7. Answers for image files
#
# A trained run answers for any image. Five lines take it from its folder to a table, here for validation images, so
# that the answers can be compared with those of section 1. On the command line the same is
# `mg predict PICTURES --checkpoint RUN`, which also takes folders and videos.

# %%
predictor = load_predictor(run.directory)
files = [dataset.image_path(row) for row in run.valid[:8]]
answers = predictor.table(files)
assert (answers["class_id"] - 1 == answer[:8]).all()
answers["image"] = [file.name for file in files]
answers[["image", "name", "probability", "name_2", "probability_2"]].round(2)

# %% [markdown]
# ## What we showed
#
# * Top-1, top-5 and UAR are a few lines each, and ours agree with the kit's (section 1).
# * The frame split leaves most clips on both sides, and a look-up without pixels profits from it (section 2).
# * Table 1 stands with baselines, controls and spread (section 3).
# * The same recipe on new subjects scores what section 6 prints.
# * A run's folder is enough to answer for image files, with the answers it gave in validation (section 7).

# %%
written = sorted(path.name for path in table_dir.iterdir())
assert "table1.md" in written and get_profile(profile).seeds == len(runs["report_ce"])
print(written)

# %% [markdown]
# ## Exercises that check themselves
#
# Replace the dots by your own lines and run the cell below yours: `check` tries your function and says in words what
# it tried, what came back and what it expected. Nothing breaks while an exercise is unsolved. Easy ones take some ten
# minutes, the project an evening. Write the steps yourself; the kit's own functions do not count.

# %%
from mgutils.exercises import check

# %% [markdown]
# ### Exercise: top-k
# *Easy, 10 minutes.* Write `top_k(scores, target, k)`: the share of the rows of `scores` (N, C) whose class is among
# the k highest scores. No two scores of a row are equal.
# *It should show* the table's second column.

# %% tags=["solution"]
def top_k(scores: np.ndarray, target: np.ndarray, k: int) -> float:
    """(N, C), (N,) -> share of hits."""
    # Hint: `np.argsort(-scores, axis=1)` puts the class of the highest score first.
    best = np.argsort(-scores, axis=1)[:, :k]
    return (best == target[:, None]).any(axis=1).mean()

# %%
if check("top_k", top_k):
    print({k: f"{top_k(logits, target, k):.1%}" for k in (1, 2, 5, 10)})

# %% [markdown]
# ### Exercise: UAR
# *Easy, 10 minutes.* Write `uar(answers, target)`: for each class that occurs in `target`, the share of its rows that
# were answered with it; then the plain mean over these classes.
# *It should show* how little the constant class is worth when every class counts once.

# %% tags=["solution"]
def uar(answers: np.ndarray, target: np.ndarray) -> float:
    """(N,), (N,) -> mean recall of the classes in `target`."""
    # Hint: `np.unique(target)` are the classes that occur.
    return np.mean([(answers[target == one] == one).mean() for one in np.unique(target)])

# %%
if check("uar", uar):
    constant = np.full_like(target, np.bincount(target).argmax())
    print(f"model {uar(answer, target):.1%}, constant class {uar(constant, target):.1%}")

# %% [markdown]
# ### Exercise: find the wrong line, the mean of a score
# *Easy, 10 minutes.* `zoo_accuracy` gets the answers and the classes of each batch and shall return the share of
# right answers among all images. It is right for some data, and wrong for yours.
# *It should show* a score that depends on the batch size.

# %% tags=["solution"]
def zoo_accuracy(batches: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Share of right answers, from (answers, classes) of each batch."""
    rates = [(answers == classes).mean() for answers, classes in batches]
    sizes = [len(classes) for _, classes in batches]
    return float(np.average(rates, weights=sizes))
    # student: return float(np.mean(rates))

# %%
if check("zoo_accuracy", zoo_accuracy):
    for size in (7, 500):
        parts = [(answer[start:start + size], target[start:start + size]) for start in range(0, len(target), size)]
        print(f"batches of {size}: {zoo_accuracy(parts):.4%}")

# %% [markdown]
# ### Exercise: find the wrong line, scoring a model
# *Easy, 10 minutes.* `zoo_predict` gets a model that was being trained and shall return its scores for some images.
# Ask it twice and it answers twice differently.
# *It should show* what a model does in training that it must not do when it is scored.

# %% tags=["solution"]
def zoo_predict(model, images):
    """Scores of the images, the same whenever it is asked."""
    model.eval()
    # student: model.requires_grad_(False)
    return model(images).detach()

# %%
check("zoo_predict", zoo_predict)

# %% [markdown]
# ### Project: answers by clip
# *Project, 45 minutes.* The protocol of iMiGUE scores clips, not frames. Write `clip_accuracy(scores, clips,
# target)`: average the scores (N, C) of the frames of each clip, answer with the highest, and count every clip once.
# Rows come in any order; `target` (N,) is the class of each frame, the same throughout a clip. Return the share of
# right frames and the share of right clips.
# *It should show* a number that is not the report's, from the same model.

# %% tags=["solution"]
def clip_accuracy(scores: np.ndarray, clips: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """(N, C), (N,), (N,) -> accuracy over frames, accuracy over clips."""
    # Hint: `np.unique(clips, return_index=True, return_inverse=True)` numbers the clips.
    by_frame = (scores.argmax(axis=1) == target).mean()
    _, first, place = np.unique(clips, return_index=True, return_inverse=True)
    total = np.zeros((len(first), scores.shape[1]))
    np.add.at(total, place, scores)
    size = np.bincount(place)[:, None]
    return by_frame, ((total / size).argmax(axis=1) == target[first]).mean()

# %%
if check("clip_accuracy", clip_accuracy):
    by_frame, by_clip = clip_accuracy(logits, dataset.frames["clip_id"].to_numpy()[run.valid], target)
    print(f"frames {by_frame:.1%}, clips {by_clip:.1%}")

# %% [markdown]
# ## More to try
#
# 1. *10 minutes.* Compute accuracy without class 32. Is the order of the objectives the same?
# 2. *15 minutes.* Average the scores of the frames of one clip before answering. What happens to top-1, and why is
#    that number not the report's?
# 3. *20 minutes.* Make a look-up that answers with the label of the nearest training image in raw pixels. Compare it
#    with the clip look-up on the frame split and on the subject split.
#
# ## Further reading
#
# * Liu et al. 2021, *iMiGUE: an identity-free video dataset for micro-gesture understanding and emotion analysis*:
#   the cross-subject protocol.
# * Kapoor and Narayanan 2023, *Leakage and the reproducibility crisis in machine-learning-based science*.
