# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 Honest evaluation
#
# **You will be able to**
# * say what a split must keep apart before its accuracy means anything;
# * choose the best epoch without touching the rows that you report;
# * put an interval on an accuracy that is true to the people in the images;
# * compare two recipes in pairs, and say which difference your data could have shown at all.
#
# **Needs** notebook 07 (its runs are used again). It trains one run each by clip and by video, and six long ones for
# the comparison of section 6.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %% tags=["hidden"]
import re
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy import stats

from mgutils.course.notebooks import SOURCES
from mgutils.data.audit import audit_split
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.experiments import generalization
from mgutils.experiments.generalization import recipe_configs, reported_split, split_configs, tally_runs
from mgutils.experiments.runs import train_groups
from mgutils.metrics.intervals import accuracy, effective_subjects, interval, tail
from mgutils.metrics.paired import paired
from mgutils.report.figures import generalization as figures
from mgutils.report.figures.bootstrap import drawn_bootstrap
from mgutils.report.figures.charts import CONSTANT
from mgutils.report.figures.splits import nested_splits
from mgutils.report.recipes import new_people_table
from mgutils.style import BLUE, GREEN, ORANGE, new_figure, save, use_style

use_style()
figure_dir, table_dir = Path(out_dir) / "figures", Path(out_dir) / "tables"
dataset = read_dataset(data_root)
splits = generalization.usable_splits(dataset)
hardest = splits[-1]
who = "subject" if dataset.has_groups else "clip"

# %% [markdown]
# ## 1. A very good score
#
# Take the model of notebook 06 with CLIP's own loss, `sound_ce`. Shuffle all frames, train on 80<!--= 100 *
# len(make_split(dataset, "frame").train) / len(dataset) --> % of them and report the others. That is how the report
# does it. Here are three seeds.

# %%
runs = train_groups(split_configs(profile, splits, seed), data_root, out_dir)
top1 = {name: [100 * run.metrics["top1"] for run in group] for name, group in runs.items()}
print("frames shuffled:", ", ".join(f"{value:.1f} %" for value in top1["frame"]))

# %% [markdown]
# The mean is 93.9<!--= np.mean(top1["frame"]) --> %, and the three seeds agree.<!--? np.ptp(top1["frame"]) < 6 -->
# The report has 81.13<!--= claimed["table-1-js-top-1"] --> % on its own images, with the same way of splitting. In a
# paper our row would be bold.<!--? min(top1["frame"]) > claimed["table-1-js-top-1"] -->
#
# **Predict.** Now the same images, the same recipe and the same number of epochs. Only the two parts are drawn in
# another way: a person is either in training or in validation, never in both. Write down the accuracy that you
# expect before you run the next cell.

# %%
print(f"{hardest}s kept whole:", ", ".join(f"{value:.1f} %" for value in top1[hardest]))

# %% [markdown]
# The mean falls to 29.0<!--= np.mean(top1["subject"]) --> %.<!--? np.mean(top1["subject"]) <
# np.mean(top1["frame"]) / 2 --> Always answering the most frequent class would score 24.7<!--= 100 *
# audits["subject"].constant_top1 --> % on these people. Images, model, loss and epochs are the same; only the cut
# between the two parts differs. So what did the 93.9<!--= np.mean(top1["frame"]) --> % measure?

# %% [markdown]
# ## 2. What the shuffle let through
#
# For each validation frame of the shuffled split, count its *siblings*: frames of the same clip in training.

# %%
split = make_split(dataset, "frame")
train, valid = dataset.frames.iloc[split.train], dataset.frames.iloc[split.valid]
siblings = [int((train["clip_id"] == clip).sum()) for clip in valid["clip_id"]]
print("siblings in training of the first ten validation frames:", siblings[:10])
known = 100 * np.mean(np.array(siblings) > 0)
print(f"validation frames with a sibling in training: {known:.1f} %")

# %% [markdown]
# A clip is one gesture, cut into frames that look nearly the same. Of the validation frames, 96.5<!--= known --> %
# have such a sibling in training, with the right answer beside it. The model need not know the gesture. It is enough
# to recognise the clip.
#
# Images of this kind are nested: a person gives several videos, a video several clips, a clip several frames. A split
# can cut at each of these borders.

# %% alt="Nested boxes: one subject holds two videos, each two clips, each three frames. Below, the splits by frame, clip, video and subject mark which of the frames validate."
boxes = nested_splits()
save(boxes, figure_dir / "nested_splits.png")
boxes

# %% [markdown]
# The audit of notebook 01, section 6, counts what each cut lets through, and what two programs score on it that look
# at no pixel: the clip look-up gives a frame the class that its clip had in training, and the constant class is
# always the most frequent one.

# %%
audits = {name: audit_split(dataset, make_split(dataset, name)) for name in splits}
audit = pd.DataFrame({name: found.as_row() for name, found in audits.items()}, dtype=float).T
(100 * audit.drop(columns="constant_top5")).round(1)

# %% [markdown]
# Under the frame split the look-up scores 97.5<!--= 100 * audits["frame"].lookup_top1 --> %, more than the
# model.<!--? 100 * audits["frame"].lookup_top1 > np.mean(top1["frame"]) + 1 --> Keep clips whole,
# and it falls to the constant class, because it knows none of the clips. Only the split by subject shares nothing.
#
# ## 3. The epoch leaks too
#
# The report looks at its validation part after each epoch and reports the best epoch. So the epoch was chosen on the
# very rows that are reported. Our runs of section 1 did the same. **Sketch first:** three seeds on new people,
# accuracy after each epoch. How smooth are the curves?

# %% alt="Accuracy on new people after each epoch for three seeds; the curves jump by several points, and a star marks the best epoch of each."
curves, axes = new_figure(size=(8, 3.4))
for run, color in zip(runs[hardest], (BLUE, ORANGE, GREEN), strict=False):
    every_epoch = 100 * run.log["top1"]
    best = every_epoch.idxmax()
    axes.plot(run.log["epoch"], every_epoch, color=color, label=f"seed {run.config.seed}")
    axes.plot(run.log["epoch"][best], every_epoch[best], "*", color=color, markersize=16)
axes.axhline(100 * audits[hardest].constant_top1, **CONSTANT)
axes.set(xlabel="epoch", ylabel="accuracy on new people, %")
axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
curves

# %% [markdown]
# The curves go up and down, at times by several points.<!--? min(run.log["top1"].diff().min()
# for run in runs[hardest]) < -0.03 --> The star takes the highest point, lucky or not. The last epoch is no such
# choice, because nobody looked at it first. Where a star stands on the last epoch, the choice changed nothing.

# %%
flattery = pd.DataFrame({name: {"best epoch": np.mean([100 * run.log["top1"].max() for run in runs[name]]),
                                "last epoch": np.mean([100 * run.log["top1"].iloc[-1] for run in runs[name]])}
                         for name in (splits[0], hardest)})
flattery.round(1)

# %% [markdown]
# The best epoch is never below the last one: 93.9<!--= flattery["frame"]["best epoch"] --> % against 93.4<!--=
# flattery["frame"]["last epoch"] --> % on shuffled frames, 29.0<!--= flattery["subject"]["best epoch"] --> % against
# 28.4<!--= flattery["subject"]["last epoch"] --> % on new people. How many points the choice lends, the best epoch
# alone does not show. The exercise `reported_score` shows how much luck alone can lend.
#
# The cure is a third part. The model *trains* on one part, the epoch is *selected* on another, and the third is
# *reported* once.

# %%
parts = {name: reported_split(dataset, name) for name in splits}
pd.DataFrame([{"split": name, "train": len(part.train), "select": len(part.select), "report": len(part.valid),
               f"{who}s reported": len(np.unique(generalization.subjects_of(dataset, part.valid)))}
              for name, part in parts.items()]).set_index("split")

# %%
people = [set(generalization.subjects_of(dataset, rows))
          for rows in (parts[hardest].train, parts[hardest].select, parts[hardest].valid)]
assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
print(f"{who}s under the {hardest} split: {', '.join(str(len(group)) for group in people)}, none in two parts")

# %% [markdown]
# The price is a smaller training part. It holds fewer clips, too: with it the look-up of section 2 scores 96.2<!--=
# 100 * audit_split(dataset, parts["frame"]).lookup_top1 --> % on the frame split instead of 97.5<!--= 100 *
# audits["frame"].lookup_top1 --> %. Section 6 compares recipes in this way.
#
# ## 4. How sure is a number?
#
# The 945<!--= images.sum() --> images reported under the split by subject show 14<!--= len(images) --> people. Images
# of one person are alike: whoever is easy is easy in all images. So many images of a few people say little more than a
# few numbers would. First count the right answers, by run and person.

# %%
table = tally_runs(dataset, runs[hardest])  # right answers by run, person and class
right = table.hits.sum(axis=2)              # (S, G) by run and person
images = table.counts.sum(axis=1)           # (G,) by person
by_person = pd.DataFrame({"images": images, "right, %": (100 * right.mean(axis=0) / images).round(1)})
by_person.sort_values("right, %").T

# %% [markdown]
# The people lie between 0.0<!--= by_person["right, %"].min() --> and 66.7<!--= by_person["right, %"].max() --> %. What
# would the score have been with other people? We cannot ask others. The *bootstrap* asks these again: it draws as
# many people as there are, with replacement, takes all images of whoever is drawn, and scores again. A toy example has
# three people.

# %%
toy_right, toy_images = np.array([8, 2, 40]), np.array([10, 10, 80])
draw = [0, 0, 2]  # the first person twice, the second not at all, the third once
print(f"all three: {toy_right.sum() / toy_images.sum():.2f}")
print(f"this draw: {toy_right[draw].sum() / toy_images[draw].sum():.2f}")

# %% [markdown]
# Seeds are drawn in the same way, because other seeds would have given other trained networks. All draws fit in a few
# lines: a matrix says how often each draw takes each person.

# %%
def bootstrap(right: np.ndarray, images: np.ndarray, draws: int = 4000) -> np.ndarray:
    """(S, G) right answers of S runs on G people, (G,) images -> (draws,) accuracies."""
    runs, people = right.shape
    rng = np.random.default_rng(0)
    times = rng.multinomial(people, np.full(people, 1 / people), draws)    # (draws, G)
    weight = rng.multinomial(runs, np.full(runs, 1 / runs), draws) / runs  # (draws, S)
    drawn = (times @ right.T * weight).sum(axis=1)                         # (draws,)
    return drawn / (times @ images)


scores_drawn = bootstrap(right, images)
low, high = np.quantile(scores_drawn, [0.025, 0.975])
print(f"{100 * low:.1f} % to {100 * high:.1f} %")

# %% alt="Left: the reported people as circles, and three draws of them with replacement, each with its accuracy. Right: histogram of all draws with the 95 % interval."
times = np.random.default_rng(0).multinomial(len(images), np.full(len(images), 1 / len(images)), 4000)
one_seed = right[:1]
drawing = drawn_bootstrap(one_seed[0] / images, images, times[:3], bootstrap(one_seed, images))
save(drawing, figure_dir / "bootstrap_people.png")
drawing

# %% [markdown]
# The drawing shows the first seed alone. Each circle is a person, as large as the number of images; the filled part
# was answered rightly. A draw scores high if it repeats easy people with many images. The middle 95<!--= 95 --> % of
# all draws are the interval.
#
# The library has the same function, and from here on we use it. What if we drew images instead of people?

# %%
found = interval(table, accuracy, draws=4000, widen=False)
assert np.allclose([low, high], [found.low, found.high])

answers = np.stack([run.logits.argmax(axis=1) for run in runs[hardest]])
right_images = (answers == runs[hardest][0].target).astype(int)  # (S, N), every image its own person
by_image = np.quantile(bootstrap(right_images, np.ones(len(answers[0]), dtype=int)), [0.025, 0.975])
widened = interval(table, accuracy)
pd.DataFrame({f"drawing {who}s": [low, high], "drawing images": by_image,
              f"drawing {who}s, widened": [widened.low, widened.high]}, index=["low", "high"]).mul(100).round(1).T

# %% [markdown]
# Drawing images gives 21.3<!--= 100 * by_image[0] --> to 40.0<!--= 100 * by_image[1] --> %, drawing people 15.9<!--=
# 100 * low --> to 41.8<!--= 100 * high --> %. The first is too narrow: it treats twenty frames of one clip as twenty
# witnesses.<!--? 1.1 * np.ptp(by_image) < high - low -->
#
# Even the second is too narrow. Few people show too little of how people differ, and they do not weigh alike: one of
# them gives 35<!--= 100 * images.max() / images.sum() --> % of the images, and all 14<!--= len(images) --> count like
# 5.6<!--= effective_subjects(table.counts, accuracy) --> people of equal weight. The library therefore cuts off
# less at each end, which gives 10.9<!--= 100 * widened.low --> to 48.1<!--= 100 * widened.high --> %. The constant
# class's 24.7<!--= 100 * audits["subject"].constant_top1 --> % lies well inside.<!--? widened.low + 0.05 <
# audits["subject"].constant_top1 < widened.high - 0.05 --> All intervals from here on are widened in this way. How
# that works, and how often such an interval holds the truth, is in the appendix, notebook A2.
#
# ## 5. Where the frame split's accuracy comes from
#
# Now all four splits, with intervals, and three scores. *Accuracy* counts images. *UAR* counts classes. *Accuracy
# without class 32* leaves out the largest class, which is no micro-gesture. The two middle splits have one seed each:
# read their bars roughly.

# %%
scores = generalization.split_table(dataset, runs)
shown = (100 * scores.set_index(["score", "split"])[["value", "low", "high", "constant", "lookup"]]).round(1)
shown.join(scores.set_index(["score", "split"])[["seeds", "images", "subjects", "classes"]])

# %% alt="Accuracy, UAR and accuracy without class 32 under the four splits, as bars with intervals, beside the clip look-up and the constant class."
chart = figures.scores_by_split(scores)
save(chart, figure_dir / "scores_by_split.png")
chart

# %% [markdown]
# The largest fall comes between frame and clip.<!--? by_split["value"].diff().idxmin() == "clip" --> Under the split
# by clip, people and videos may still be known, and the accuracy is down to 41.7<!--= np.mean(top1["clip"]) --> %;
# under the split by video it is 29.9<!--= np.mean(top1["video"]) --> %. UAR on new people is 13.2<!--= 100 *
# uar["value"]["subject"] --> %, above the constant's 3.8<!--= 100 * uar["constant"]["subject"] --> %, which lies
# outside its interval (from 5.5<!--= 100 * uar["low"]["subject"] --> %): the model answers more than one class.<!--?
# uar["low"]["subject"] > uar["constant"]["subject"] --> A model can know something and still lose images of the
# frequent class.

# %% tags=["hidden"]
uar = scores[scores["score"] == "uar"].set_index("split")
by_split = scores[scores["score"] == "top1"].set_index("split")

# %% [markdown]
# We can take the accuracy of the frame split apart. The constant class has its share for nothing. The next part is
# what the model gains over the constant class on new people. Then we open one door at a time: first the person may be
# known, then the video, then the clip. The splits report different images, so for each split we first subtract its
# own constant class. The difference between neighbouring splits is what one open door is worth. The parts add up. By
# chance a part can come out below zero.

# %%
sources = generalization.accuracy_sources(scores)
assert np.isclose(sources["value"].sum(), by_split["value"].iloc[0])
(100 * sources.set_index("name")[["value", "low", "high"]]).round(1)

# %% alt="Waterfall: constant class, gain on new subjects, subject known, video known and clip known add up to the accuracy of the frame split. Beside it the report's 81.1 %, of which only the constant class is known."
picture = figures.where_accuracy_comes_from(sources, scores)
save(picture, figure_dir / "where_accuracy_comes_from.png")
picture

# %% tags=["hidden"]
part = (100 * sources.set_index("part")["value"]).to_dict()

# %% [markdown]
# Of the 93.9<!--= np.mean(top1["frame"]) --> %, 27.1<!--= part["constant"] --> are the constant class. The gain on new
# people is 4.3<!--= part["subject"] -->, and the choice of the epoch still flatters it (section 3). It is not shown:
# its interval holds zero.<!--? sources["low"].iloc[1] < 0 < sources["high"].iloc[1] --> The door of the person is
# worth −6.9<!--= part["video"] -->, that of the video 17.9<!--= part["clip"] -->, and that of the clip 51.6<!--=
# part["frame"] -->. The clip's is worth far more than the other two together.<!--?
# part["frame"] > 2 * (part["video"] + part["clip"]) --> What those two are worth differs from machine to machine, and
# their intervals are wider than the values.<!--?
# (sources["value"].abs() < sources["high"] - sources["low"]).iloc[2:4].all() --> Neighbouring splits
# report different people, and the two middle ones have one seed each.
#
# On the right is the report's 81.13<!--= claimed["table-1-js-top-1"] --> %. We could count its constant class and its
# look-up. How much of the rest is gestures, nobody can tell without the list of subjects. So its sentence about
# generalisation to new data does not follow from its split. Nor may its number be put beside the published scores of
# iMiGUE's cross-subject test: those are of clips, of other people, and of an epoch chosen elsewhere.
#
# ## 6. Two recipes on new people, in pairs
#
# Is there a recipe that does better on new people? We compare the two ends of a line. *report* is the report's recipe
# with its "JS" loss. *ours* changes two things: it has CLIP's loss, and it turns, shifts and zooms the training
# images a little. It never flips them, because the left hand is not the right one.
#
# A comparison is fair only where both had the time to learn. Notebook 06 showed that the report's loss needs many
# epochs before it moves at all. So the report's recipe gets the 48<!--= epochs["report"] --> epochs that it has in
# Table 1, and ours gets a third of them: should it win, then not for its longer training. The epoch is selected on
# held-out training people. This trains for some eight minutes the first time.

# %%
recipes = train_groups(recipe_configs(profile, hardest, seed), data_root, out_dir)
epochs = {name: group[0].config.train.epochs for name, group in recipes.items()}
text = new_people_table(dataset, recipes, hardest)
(table_dir / "long_training.md").parent.mkdir(parents=True, exist_ok=True)
(table_dir / "long_training.md").write_text(text, encoding="utf-8")
Markdown(text)

# %% [markdown]
# Both recipes answer the same images, from the same seeds. So we compare *in pairs*: what makes a person hard is hard
# for both, and cancels out. The interval draws the same people and seeds for both recipes and looks at the difference.
# It is the bootstrap of section 4, used twice.

# %%
first, second = (tally_runs(dataset, recipes[name]) for name in ("report", "ours"))
gain = bootstrap(second.hits.sum(axis=2), images) - bootstrap(first.hits.sum(axis=2), images)
side = tail(effective_subjects(first.counts, accuracy))  # 0.025, made smaller: notebook A2
low_gain, high_gain = np.quantile(gain, [side, 1 - side])

difference = paired(first, second, accuracy, draws=4000)
assert np.allclose([low_gain, high_gain], [difference.low, difference.high])
print(f"accuracy, ours less report: {100 * difference.value:+.1f} points "
      f"({100 * low_gain:+.1f} to {100 * high_gain:+.1f}), p = {difference.p:.4f}")

# %% [markdown]
# The second number is *p*. If both recipes were alike, chance alone would decide for each person which one is ahead. We
# swap the two within people, in every pattern, and count how often the difference is at least as large as the one
# found, in either direction. The exercise `sign_flip_p` builds it. The table has all three scores; its intervals come
# from ten times as many draws, so that of accuracy differs a little from the one above.

# %%
ends = generalization.compare(dataset, recipes, [("report", "ours")])
points = (100 * ends.set_index("score")[["difference", "low", "high", "detectable"]]).round(1)
points.join(ends.set_index("score")[["p", "p_holm", "seeds", "shown"]].round(4))

# %% alt="Accuracy and UAR of the report's recipe and of ours for every seed, beside the constant class, and the interval of the difference."
scores_of = {score: {name: [run.metrics[score] for run in group] for name, group in recipes.items()}
             for score in ("top1", "uar")}
constant_of = {score: scores.set_index(["score", "split"])["constant"][score, hardest] for score in scores_of}
ends_chart = figures.recipes_on_new_people(ends, scores_of, constant_of)
save(ends_chart, figure_dir / "recipes_on_new_people.png")
ends_chart

# %% tags=["hidden"]
mean_of = {score: {name: 100 * np.mean(values) for name, values in by_recipe.items()}
           for score, by_recipe in scores_of.items()}
row = {score: points.loc[score].to_dict() for score in points.index}
is_shown = ends.set_index("score")["shown"]
chosen = [run.receipt["metrics"]["epoch"] for run in recipes["report"]]
late = 100 * np.mean([run.summary["last"]["uar"] for run in recipes["report"]])
commonest = [np.bincount(run.logits.argmax(axis=1)).max() / len(run.target) for run in recipes["report"]]

# %% [markdown]
# Trained for 48<!--= epochs["report"] --> epochs and scored at the epoch that held-out people choose, the report's
# recipe has 23.4<!--= mean_of["top1"]["report"] --> % on new people; ours, trained for 16<!--= epochs["ours"] -->,
# has 32.0<!--= mean_of["top1"]["ours"] --> %. The constant class has 24.7<!--= 100 * constant_of["top1"] --> %. That
# the report's recipe is so close to it is no accident.<!--?
# abs(mean_of["top1"]["report"] - 100 * constant_of["top1"]) < 3 --> In most seeds the epoch chosen for it is from the
# first half, at the median epoch 10<!--= np.median(chosen) -->.<!--? np.median(chosen) < epochs["report"] / 2 -->
# There it gives one and the same answer to most images, or to all.<!--? np.median(commonest) > 0.6 --> So it was given
# the time to learn, but the choice seldom uses it. It goes on learning, mostly its training people: its last epoch has
# a UAR of
# 7.4<!--= late --> % on new ones, above the constant's and below that of ours,
# 14.3<!--= mean_of["uar"]["ours"] --> %.<!--? 100 * constant_of["uar"] + 1 < late < mean_of["uar"]["ours"] - 1 -->
#
# In UAR the difference is 10.5<!--= row["uar"]["difference"] --> points, with an interval from 2.2<!--=
# row["uar"]["low"] --> to 26.1<!--= row["uar"]["high"] -->. It is measured against the epochs chosen; the smaller
# one to the last epoch is not tested. With the epoch chosen in this way, a better recipe for new people exists: its
# gain in UAR is shown, and so is that in accuracy without class 32,
# 21.0<!--= row["top1_micro"]["difference"] --> points
# (7.3<!--= row["top1_micro"]["low"] --> to 39.9<!--= row["top1_micro"]["high"] -->).<!--?
# is_shown[["uar", "top1_micro"]].all() --> The gain in accuracy over all classes, 8.6<!--=
# row["top1"]["difference"] --> points, is not: there the constant answer scores well.<!--? not is_shown["top1"] -->
# And both are still far from the 93.9<!--= np.mean(top1["frame"]) --> % of shuffled frames.<!--?
# max(mean_of["top1"].values()) < np.mean(top1["frame"]) / 2 -->
#
# How to read the table:
# * `shown` means that both tests agree: the interval leaves out zero, and p is below 5<!--= 5 --> %. The two tests can
#   disagree, because p asks about these 14<!--= len(images) --> people and the interval about 14<!--= len(images) -->
#   new ones.
# * `p_holm` is p corrected for the number of rows in the table, so that one false finding among them stays rare
#   (Holm 1979).
# * `detectable` is the smallest difference that this design would find in four repetitions out of five. A smaller one
#   is found less often: that in accuracy over all classes was not.<!--?
#   points["difference"]["top1"] < points["detectable"]["top1"] and not is_shown["top1"] --> What is *not shown* is not shown to be zero.
#
# Two things are not said here: which part of the gain is the loss's and which the augmentation's (*More to try*,
# item 1), and whether ours has learned all it can. A longer training may still help it.
#
# ## 7. Rare classes
#
# The classes are as uneven as in life: in training, one has more than two hundred clips, some have one or two. Each
# mark is a class on new people; hollow ones rest on fewer than ten reported images, and their height is mostly luck.

# %% alt="Recall of each class on new people against its number of training clips on a logarithmic axis; hollow marks rest on few images."
recall = generalization.recall_table(dataset, runs[hardest], make_split(dataset, hardest))
rare = figures.recall_by_clips(recall, dataset.labels)
save(rare, figure_dir / "recall_by_clips.png")
rare

# %%
reported = recall.dropna(subset="recall")
rank = stats.spearmanr(reported["clips"], reported["recall"])
print(f"{len(reported)} classes: rank correlation {rank.statistic:.2f}, p = {rank.pvalue:.4f}; "
      f"{(reported['images'] < 10).sum()} have fewer than ten images")

# %% [markdown]
# As a rule, classes with more clips have a higher recall: the rank correlation (Spearman's, which needs no straight
# line) is 0.62<!--= rank.statistic -->.<!--? rank.statistic > 0.4 --> This need not be learning. Whoever answers
# frequent classes more often has a higher recall there, whatever the image. And 10<!--= (reported["images"] <
# 10).sum() --> of the 26<!--= len(reported) --> classes here have fewer than ten images: their recall says little.
# UAR gives each class the same weight, so much of its uncertainty comes from its rarest classes.
#
# ## 8. Real photographs

# %% tags=["hidden"]
published = SOURCES.parents[1] / "figures"


def first_number(file: str, row: str) -> float:
    """The first percentage in a row of a published table."""
    line = next(line for line in (published / file).read_text(encoding="utf-8").splitlines() if row in line)
    return float(re.search(r"\d+\.\d", line)[0])


photographs = first_number("photographs.md", "| all |")
digits, pixels = first_number("digits.md", "light affine"), first_number("digits.md", "logistic regression")

# %% [markdown]
# The images of this course are drawn by a program, and only a few people are reported. On real photographs the same
# way of splitting can end well: photographs of hands that sign digits, with nobody on both sides. CLIP's loss with
# light augmentation, trained from nothing, reaches 96.9<!--= digits --> % on new people (in an epoch chosen on them),
# where a logistic regression on small grey pixels has 76.9<!--= pixels --> %; with pretrained encoders it is
# 99.8<!--= photographs --> %.<!--? min(digits, photographs) > pixels + 10 --> Ten hand shapes that fill the image are
# an easier task than micro-gestures. Notebook 07, section on real photographs, has the commands.
#
# ## What we showed
#
# * The same recipe scores 93.9<!--= np.mean(top1["frame"]) --> % when frames are shuffled and 29.0<!--=
#   np.mean(top1["subject"]) --> % on new people. The difference is no better model but mostly known clips: 96.5<!--=
#   known --> % of the validation frames have a sibling in training (sections 1, 2 and 5).<!--? part["frame"] >
#   0.6 * (np.mean(top1["frame"]) - np.mean(top1["subject"])) -->
# * Choosing the epoch on the reported rows can only raise the score, and the score does not say by how much
#   (section 3).
# * Fourteen people are few. Drawing people instead of images, and widening the interval because they are so
#   few, gives 10.9<!--= 100 * widened.low --> to 48.1<!--= 100 * widened.high --> % (section 4).
# * Each at the epoch that held-out people choose, CLIP's loss with light augmentation is better on new people than
#   the report's recipe, by 10.5<!--= row["uar"]["difference"] --> points of UAR, and the gain is shown.<!--?
#   is_shown["uar"] --> But for the report's recipe that is mostly an early epoch with one answer. The difference to
#   its last, which has 7.4<!--= late --> %, is not tested (section 6).
# * Rare classes are hardly recognised, and their scores are hardly known (section 7).<!--?
#   recall["recall"][recall["clips"] < 10].mean() < 0.15 -->

# %% tags=["hidden"]
file = generalization.write_results(
    Path(out_dir) / "results" / "honest.json", profile=profile, hardest=hardest, drawn=who, epochs=epochs,
    scores=scores, sources=sources, ends=ends, recall=recall)

# %% [markdown]
# ## Exercises that check themselves
#
# Replace the dots by your own lines and run the cell below yours: `check` tries your function and says in words what
# it tried, what came back and what it expected. Nothing breaks while an exercise is unsolved. Easy ones take some ten
# minutes, the project about an hour. Write the steps yourself; the kit's own functions do not count.

# %%
from mgutils.course.exercises import check

# %% [markdown]
# ### Exercise: the epoch you may report
# *Core. Easy, 10 minutes.* Write `reported_score(select, report)` for the scores of each epoch on the selection rows
# and on the reported rows: the reported score of the epoch that the selection rows choose, the first one among equals.
# You will see what many epochs of pure noise look like to someone who chooses on the rows that are reported.

# %% tags=["solution"]
def reported_score(select: np.ndarray, report: np.ndarray) -> float:
    """The score to report."""
    # Hint: `np.argmax` gives the first of the highest.
    return report[np.argmax(select)]

# %%
if check("reported_score", reported_score):
    noise = np.random.default_rng(seed).normal(0.3, 0.02, (2, 250))
    print(f"true accuracy 30.0%; best epoch {noise[1].max():.1%}, chosen elsewhere {reported_score(*noise):.1%}")

# %% [markdown]
# ### Exercise: how many people is that?
# *Easy, 10 minutes.* Write `effective_number(images)` for the number of images of each person: one divided by the sum
# of the squared shares. You will see how many people of equal weight the reported score rests on (notebook A2,
# section 1, explains the number).

# %% tags=["solution"]
def effective_number(images: np.ndarray) -> float:
    """(G,) images of each person -> number of people of equal weight."""
    # Hint: shares sum to one.
    share = images / images.sum()
    return 1 / (share**2).sum()

# %%
if check("effective_number", effective_number):
    print(f"{len(images)} {who}s, worth {effective_number(images):.1f} of equal weight")
    assert np.isclose(effective_number(images), effective_subjects(table.counts, accuracy))

# %% [markdown]
# ### Exercise: heads or tails for each person
# *Medium, 25 minutes.* Two recipes were compared on the same people; `gains` (G,) is what each person's score gained.
# If the recipes were equal, each gain might as well have had the other sign. Write `sign_flip_p(gains)`: the share of
# all $2^G$ patterns of signs whose sum is at least as far from zero as the sum found. Leave a little room for rounding.
# **Predict** the smallest p that five people can give. You will see it.

# %% tags=["solution"]
def sign_flip_p(gains: np.ndarray) -> float:
    """(G,) gains, G at most 15 or so -> exact two-sided p value."""
    # Hint: `itertools.product([1, -1], repeat=len(gains))` goes through all patterns.
    from itertools import product

    sums = np.array([np.dot(signs, gains) for signs in product([1, -1], repeat=len(gains))])
    return float((np.abs(sums) >= abs(np.sum(gains)) - 1e-12).mean())

# %%
if check("sign_flip_p", sign_flip_p):
    print("five people, all of whom gain: p =", sign_flip_p(np.ones(5)))

# %% [markdown]
# ### Project: the bootstrap over people
# *Core. Project, 60 minutes.* Write `bootstrap_people(right, people, draws, seed)`: `right` (N,) is 1 for a right
# answer and 0 for a wrong one, `people` (N,) whose image it is. Draw as many people as there are, with replacement,
# and take all their images, twice if drawn twice; the score is the share of right ones among all of them. Repeat
# `draws` times and return the percentiles 2.5<!--= 2.5 --> and 97.5<!--= 97.5 -->. The same seed gives the same
# interval. You will see the interval of one run beside that of section 4.

# %% tags=["solution"]
def bootstrap_people(right: np.ndarray, people: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """Low and high end of the 95 % percentile interval of the share of right answers."""
    # Hint: right answers and images of each person are all you need: counts can be drawn instead of images.
    _, place = np.unique(people, return_inverse=True)
    hits, counts = np.bincount(place, weights=right), np.bincount(place)
    drawn = np.random.default_rng(seed).integers(0, len(hits), (draws, len(hits)))
    low, high = np.quantile(hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)

# %%
if check("bootstrap_people", bootstrap_people):
    one_run = runs[hardest][0]
    ends_of_one = bootstrap_people(one_run.logits.argmax(axis=1) == one_run.target,
                                   generalization.subjects_of(dataset, one_run.valid), 4000, seed)
    print(f"one run: {ends_of_one[0]:.1%} to {ends_of_one[1]:.1%}; section 4, all runs: {low:.1%} to {high:.1%}")

# %% [markdown]
# ## More to try
#
# 1. *20 minutes, most of it the machine's.* Put the loss alone between the two ends: train `recipe_config(profile,
#    "sound", hardest, number, select="held_out", epochs=epochs["ours"])` from `mgutils.experiments.recipes` for three
#    seeds, with `train_groups`, and give the three recipes to `generalization.compare` in pairs. Predict first: which
#    of the two steps is the larger one?
# 2. *10 minutes.* Average the scores of the frames of one clip before answering, under the subject split. Does the
#    accuracy change, and does its interval?
# 3. *15 minutes.* iMiGUE's own protocol (`make_split(dataset, "official")`) reports more people. Without training
#    anything, find its number of effective subjects with `effective_subjects`, and estimate what the smallest
#    detectable difference of section 6 would be there.
# 4. *20 minutes.* The intervals here hold the split fixed. Train `sound` on two other subject splits
#    (`make_split(..., seed=...)`) and compare the spread between splits with the interval.
#
# <details><summary>Answers</summary>
#
# 1. The cell with `compare` has the answer for your machine. Read `shown` before the difference: a step that is not
#    shown may still be real.
# 2. The clip counts once, however many frames it has, so long clips lose weight. The interval hardly gets narrower: it
#    is the number of people that is small, not the number of frames.
# 3. The detectable difference shrinks with the square root of the number of effective people, and a little more where
#    they are very few, because the t distribution has wider tails there.
# 4. Other splits report other people, so their scores should mostly fall within an interval of this width. Three
#    splits are few to judge that.
#
# </details>
#
# ## Further reading
#
# * Efron and Tibshirani 1993, *An introduction to the bootstrap*, the chapters on confidence
#   intervals.
# * Bouthillier et al. 2021, *Accounting for variance in machine learning benchmarks*.
# * Kapoor and Narayanan 2023, *Leakage and the reproducibility crisis in machine-learning-based science*.
#
# Whoever is here for the report goes on with notebook 14, which puts its every figure, table and sentence beside its
# check. In order, notebook 10 comes next: it asks the same questions of another system, which reads skeletons.
# Notebook A2 is the appendix on the intervals.
