# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Data exploration: 32 classes, one frame, one leak
#
# **You will be able to**
# * read a dataset in the report's layout and say what each column really means;
# * name the 32 classes by their groups and say which one is not a micro-gesture;
# * describe an imbalanced dataset with three numbers;
# * audit a split: find out how much of a score could come from frames that were already seen.
#
# **Needs** no other notebook. It makes the data if they are absent; without that it takes less than a minute in every
# profile.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %%
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image, display

from mgutils.config import get_profile
from mgutils.data.audit import audit_split, audit_table
from mgutils.data.labels import ILLUSTRATIVE, gesture_groups, imigue_classes
from mgutils.data.splits import available_splits, make_split
from mgutils.data.table import read_dataset
from mgutils.report.figures import data as figures
from mgutils.report.figures.splits import audit_bars
from mgutils.style import save, use_style

use_style()
figure_dir = Path(out_dir) / "figures"
rng = np.random.default_rng(seed)

# %% [markdown]
# ## 1. What lies on the disk
#
# The report works on iMiGUE, a dataset of athletes at press conferences. It is handed out on request only, so a course
# cannot share it. The kit's *studio* draws a stand-in: a 3-D figure behind a table that makes the same 32 gestures. If
# the folder is absent, the next cell has the studio make it.

# %%
settings = get_profile(profile)
if settings.synth is not None and not Path(data_root).exists():
    from mgutils.synth.dataset import make_dataset

    make_dataset(settings.synth, data_root)

# %% [markdown]
# The studio leaves a note of what it made. Its presence is how we know which kind of data we are looking at. Everything
# below runs on either kind, and nothing that it prints about synthetic pictures is a finding about people.

# %%
synthetic = (Path(data_root) / "studio.json").exists()
print("These data are", "SYNTHETIC: drawn by the studio." if synthetic else "not from the studio.")

# %% [markdown]
# The layout is the report's own: one folder per class, one table beside the folders. Here is the table as it is on
# disk.

# %%
raw = pd.read_excel(Path(data_root) / "training" / "train.xlsx")
assert list(raw.columns) == ["Path", "Class", "Video ID", "Frame ID", "Caption"]
raw.sample(4, random_state=seed)

# %% [markdown]
# `read_dataset` checks all of it (columns, classes, files, captions) and gives the columns names that say what they
# hold. `clips.csv`, where there is one, adds the video, the subject and a sentence about each clip.

# %%
dataset = read_dataset(data_root)
frames = dataset.frames
print(f"{len(frames):,} frames, {frames['clip_id'].nunique():,} clips, {len(dataset.labels)} classes")
frames.sample(4, random_state=seed)

# %% [markdown]
# Compare the two tables: what the file calls `Video ID` is `clip_id` here. The report's README explains the column as
# the video from which the image was taken. A video of a press conference lasts minutes and holds many gestures. What
# the column numbers is one annotated gesture: a *clip*.

# %%
assert (raw["Video ID"].to_numpy() == frames["clip_id"].to_numpy()).all()
if dataset.has_groups:
    per_video = frames.groupby("video_id")["clip_id"].nunique()
    assert frames["clip_id"].nunique() > frames["video_id"].nunique()
    print(f"{len(per_video)} videos hold {frames['clip_id'].nunique()} clips, up to {per_video.max()} in one video")

# %% [markdown]
# ## 2. The classes, and how unequal they are
#
# iMiGUE sorts its gestures into five groups by the parts of the body that take part.

# %%
groups = pd.Series(gesture_groups(dataset.labels), index=range(1, len(dataset.labels) + 1), name="group")
names = pd.Series(dataset.labels.display, index=groups.index, name="class")
for group, members in groups.groupby(groups, sort=False):
    print(f"{group:10s} {len(members):2d}  {'; '.join(names[members.index[:3]])}{' …' if len(members) > 3 else ''}")

# %% [markdown]
# Class 32, *illustrative hand gestures*, has no group: it is the talking hands of someone who explains something. So
# the report's "32 distinct classes of micro gestures" are 31 micro-gestures and one class of gestures that are none.

# %%
assert (groups == "none").sum() == 1 and groups[ILLUSTRATIVE] == "none"
print(f"{(groups != 'none').sum()} micro-gestures, and {names[ILLUSTRATIVE]!r}")

# %% [markdown]
# Now count the images of each class. The axis is logarithmic: every grid line is ten times the one before. The diamonds
# are iMiGUE's shares, so that you see what the stand-in copies. It keeps a few images of every class, so the rarest
# ones are more frequent here than in life.

# %%
facts = imigue_classes()
counts_figure = figures.class_counts(dataset.target, dataset.labels, reference=facts["original_frames"],
                                     reference_name="iMiGUE's shares")
save(counts_figure, figure_dir / "class_counts.png")
counts_figure

# %% [markdown]
# Three numbers say how unequal the classes are: the share of the largest, the ratio of largest to smallest, and how
# many classes share out the rarest tenth of the images.

# %%
def imbalance(counts: pd.Series) -> dict[str, float]:
    """Share of the largest class, largest to smallest, number of classes in the rarest tenth."""
    counts = counts.sort_values()
    return {"largest": counts.max() / counts.sum(), "ratio": counts.max() / counts.min(),
            "classes in the rarest tenth": int((counts.cumsum() <= counts.sum() / 10).sum())}

here = frames["class_id"].value_counts()
for name, counts in (("these data", here), ("iMiGUE", facts["original_frames"])):
    found = imbalance(counts)
    print(f"{name}: largest class {found['largest']:.1%}, {found['ratio']:,.0f} times the smallest; "
          f"{found['classes in the rarest tenth']} classes share the rarest tenth")

# %% [markdown]
# The last number is the one to fear: a model can ignore all the classes of the rarest tenth and lose at most ten points
# of accuracy. The ratio is smaller here than in iMiGUE because the studio draws some images of every class.
#
# Of iMiGUE's training images, 27.28 % are of class 32. The rarest class has 12 of them, the largest 16,506. Someone who
# always answers "class 32" is right more often than the report's cross-entropy model, which scored 22.54 %. Remember
# that when you read Table 1.

# %%
iMiGUE = imbalance(facts["original_frames"])
assert round(100 * iMiGUE["largest"], 2) == 27.28 and iMiGUE["largest"] > 0.2254
assert facts["original_frames"].max() == 16506 and facts["original_frames"].min() == 12
assert here.idxmax() == ILLUSTRATIVE
print(f"largest to smallest in iMiGUE: {iMiGUE['ratio']:,.1f} to 1")

# %% [markdown]
# ## 3. What the classes look like
#
# One image of each class, from the middle of its longest clip. Cover the titles and try to name a few.

# %%
Image(save(figures.contact_sheet(dataset), figure_dir / "contact_sheet.jpg"), width=1100)

# %% [markdown]
# The studio draws at any size, so here are the classes once more, larger and with three clips of three subjects each.

# %%
if synthetic and settings.synth is not None:
    from mgutils.synth.sheet import contact_sheet

    large = contact_sheet(replace(settings.synth, size=min(2 * settings.synth.size, 224)), clips=3)
    display(Image(save(large, figure_dir / "studio_contact_sheet.jpg"), width=1100))

# %% [markdown]
# Look around yourself: pick a class and a subject, go through the frames, and put the skeleton over the picture. It is
# the studio's known truth, not a guess: orange is the subject's right side, blue the left, and thin lines are hidden
# from the camera. Where nobody can click, as in a page or a headless run, the next cell leaves a figure instead.

# %%
from mgutils.course.explorer import FrameExplorer

FrameExplorer(dataset)

# %% [markdown]
# Some classes can be named at once. Others cannot, because a single frame does not show a motion: shaking shoulders in
# one frame is a person who sits there. That is a limit of image-level recognition, not of a model.
#
# The report's Figure 1 shows four classes, two of which, it says, look alike: (b) and (c). Here are the same four.

# %%
four = figures.look_alike_four(dataset)
save(four, figure_dir / "report_figure_1.png")
four

# %% [markdown]
# In (b) a hand is at the jaw, in (c) at the neck: a few centimetres. Do they look alike to you? Notebook 07 asks which
# classes a model mistakes for one another.
#
# ## 4. A clip over time
#
# A clip is one gesture from its beginning to its end. About two images a second were kept, and `frame_id` counts them.
# Here are eight of the longest clip, evenly spaced.

# %%
per_clip = frames.groupby("clip_id").size()
strip = figures.clip_strip(dataset, per_clip.idxmax())
save(strip, figure_dir / "clip_over_time.png")
strip

# %% [markdown]
# Same person, same clothes, same wall, nearly the same pose. Keep this picture in mind for section 6.
#
# Most clips are short.

# %%
histogram = figures.frames_per_clip(frames["clip_id"])
save(histogram, figure_dir / "frames_per_clip.png")
histogram

# %%
single = (per_clip == 1).mean()
print(f"median {per_clip.median():.0f}, mean {per_clip.mean():.2f}, longest {per_clip.max()}; one frame: {single:.1%}")
assert per_clip.mean() > 1 and per_clip.median() <= per_clip.mean()

# %% [markdown]
# The mean is above the median because a few clips are long. The clips of iMiGUE's training images have a median of 3
# and a mean of 4.69 frames.

# %%
assert round(facts["original_frames"].sum() / facts["original_clips"].sum(), 2) == 4.69
print(f"{facts['original_frames'].sum():,} frames / {facts['original_clips'].sum():,} clips")

# %% [markdown]
# ## 5. Three traps in the labels
#
# **Captions are not clean.** Half of them end in a space, and some are misspelt. The captions are what the text encoder
# reads, so the kit keeps them byte for byte and never compares classes by their text.

# %%
trailing = [name for name in dataset.labels.names if name != name.strip()]
print(len(trailing), "captions end in a space, for instance", repr(trailing[0]))
print([name for name in dataset.labels.names if "Scrach" in name or "scraching" in name])
assert len(trailing) == len(dataset.labels) / 2 == 16

# %% [markdown]
# **Folders sort as text.** A program that numbers the folders in the order in which they are listed gives nearly every
# folder the caption of another class. One student project on the same images did that and still reported a near-perfect
# score, with wrong captions: where each class has one caption, any 32 different texts serve as labels.

# %%
listed = sorted(path.name for path in (Path(data_root) / "training").iterdir() if path.is_dir())
right = sum(int(folder) == position for position, folder in enumerate(listed, start=1))
print("listed:", " ".join(listed[:13]), "…")
print(f"folders that keep their own class: {right} of {len(listed)}")
assert right == 1

# %% [markdown]
# **Ids come in three conventions.** In files a class is 1 to 32, in tensors 0 to 31, and in iMiGUE's raw annotation
# class 32 is written 99. One module converts, and nothing else does.

# %%
print(dataset.labels.to_index([1, 32, 99]), dataset.labels.to_id([0, 31]))
assert list(dataset.labels.to_index([32, 99])) == [31, 31]

# %% [markdown]
# ## 6. The split, and what it leaks
#
# The report divides the *frames* 80 to 20, stratified by class (each class is divided 80 to 20), and says that this let
# it monitor how well the model does on new data. Take one clip that has frames on both sides.

# %%
split = make_split(dataset, "frame")
train, valid = frames.iloc[split.train], frames.iloc[split.valid]
both_sides = set(train["clip_id"]) & set(valid["clip_id"])
twin_clip = max(both_sides, key=lambda clip: per_clip[clip])
seen, unseen = train.index[train["clip_id"] == twin_clip], valid.index[valid["clip_id"] == twin_clip]
print(f"clip {twin_clip}: {len(seen)} frames in training, {len(unseen)} in validation")

# %% [markdown]
# Left, a frame from training; right, the frame of the same clip from validation that is nearest in time.

# %%
gaps = np.abs(frames.loc[seen, "frame_id"].to_numpy()[:, None] - frames.loc[unseen, "frame_id"].to_numpy())
one, other = (int(side[place]) for side, place in zip((seen, unseen), np.unravel_index(gaps.argmin(), gaps.shape),
                                                      strict=True))
pair = figures.image_grid([figures.read_image(dataset, row) for row in (one, other)],
                          ["training", "validation, “new data”"], columns=2, side=2.6, fontsize=11)
save(pair, figure_dir / "leak_pair.png")
pair

# %% [markdown]
# A frame of the same clip is a *sibling*. How alike are siblings? We compare pixels: the mean difference, in grey
# levels of 0 to 255, between a validation frame and its sibling in training that is nearest in time; an image of the
# same video that shows another gesture; and an image of the same gesture from another video.

# %%
def difference(row: int, other: int) -> float:
    """Mean absolute difference of two images, in grey levels."""
    images = [figures.read_image(dataset, place).astype(float) for place in (row, other)]
    return float(np.abs(images[0] - images[1]).mean())

places = rng.permutation(np.flatnonzero(valid["clip_id"].isin(both_sides)))
some = valid.iloc[places[:60]]  # validation frames that have siblings in training
video = "video_id" if dataset.has_groups else "clip_id"

# %%
def nearest(row: pd.Series) -> int:
    """The training frame of the same clip that is nearest in time."""
    siblings = train[train["clip_id"] == row["clip_id"]]
    return int((siblings["frame_id"] - row["frame_id"]).abs().idxmin())

def any_of(rows: pd.DataFrame) -> int | None:
    """One row at random, where there is one."""
    return int(rng.choice(rows.index)) if len(rows) else None

distances = {"the same clip": [], "the same video, another gesture": [], "the same gesture, another video": []}
for place, row in some.iterrows():
    same_video, same_class = train[video] == row[video], train["class_id"] == row["class_id"]
    others = nearest(row), any_of(train[same_video & ~same_class]), any_of(train[same_class & ~same_video])
    for found, other in zip(distances.values(), others, strict=True):
        found += [] if other is None else [difference(place, other)]

# %%
apart = {name: np.mean(found) for name, found in distances.items() if found}
for name, mean in apart.items():
    print(f"{name:33s}{mean:5.1f} grey levels ({len(distances[name])} pairs)")
assert apart["the same clip"] < apart["the same gesture, another video"]
assert not synthetic or apart["the same video, another gesture"] < apart["the same gesture, another video"]

# %% [markdown]
# A validation frame is far nearer to its sibling in training than to other images of its class. Even an image of
# another gesture is nearer, if the video is the same: wall, clothes and person make most of the difference. So a
# model can answer by recognising the clip. How many validation frames have siblings, and what is that worth? The
# *audit* says: it answers by looking the clip up in the training set, without a single pixel. Its *top-1* is the
# share of frames whose first answer is right.

# %%
frame_audit = audit_split(dataset, split)
print(f"{frame_audit.clip_shared:.1%} of the validation frames have a sibling in training")
print(f"looking the clip up: {frame_audit.lookup_top1:.1%} right; always class 32: {frame_audit.constant_top1:.1%}")
assert frame_audit.clip_shared > 0.85 and frame_audit.lookup_top1 > 3 * frame_audit.constant_top1

# %% [markdown]
# Frames without a sibling get the most common class, which is right for some of them: so the look-up can be right more
# often than there are siblings.
#
# The cure is to keep together what belongs together. A split by *clip*, *video* or *subject* lets no clip, video or
# subject stand on both sides; the *official* one is iMiGUE's own list of subjects.

# %%
audits = {name: audit_split(dataset, make_split(dataset, name)) for name in available_splits(dataset)}
audit_figure = audit_bars(audits)
save(audit_figure, figure_dir / "split_audit.png")
audit_figure

# %% [markdown]
# Read the left panel from left to right: each stricter split closes one more door. The right panel says what an open
# door is worth. Without siblings, looking up falls back to the most common class. Stratifying by class, which the
# report names as its safeguard, does nothing against it: the frame split is stratified.

# %%
for name, result in audits.items():
    if name != "frame":
        assert result.clip_shared == 0 and result.lookup_top1 == result.constant_top1
if dataset.has_groups:
    assert audits["subject"].subject_shared == audits["subject"].video_shared == 0
audit_table(dataset).set_index("split").round(3)

# %% [markdown]
# The price is in the columns `classes_train` and `classes_valid`: a rare class has few clips, so a strict split may
# leave a class without validation frames. Scores over classes must then say over how many.
#
# ## 7. How near the stand-in comes
#
# The right column is counted in the report's own table of its 60,514 images. Nothing in this course contains a row of
# it. *Top-5* is the share of frames whose class is among five answers; the constant answers are the five most common
# classes.

# %%
published = {"frames": 60514, "clips": 12910, "median frames per clip": 3, "share of class 32": 0.2728,
             "clip shared": 0.957, "look-up top-1": 0.9657, "constant top-1": 0.2727, "constant top-5": 0.608}
ours = {"frames": len(frames), "clips": len(per_clip), "median frames per clip": per_clip.median(),
        "share of class 32": here.max() / here.sum(), "clip shared": frame_audit.clip_shared,
        "look-up top-1": frame_audit.lookup_top1, "constant top-1": frame_audit.constant_top1,
        "constant top-5": frame_audit.constant_top5}
comparison = pd.DataFrame({"these data": ours, "iMiGUE, the report's images": published})
comparison.map(lambda value: f"{value:,.3f}" if value < 1 else f"{value:,.0f}")

# %% [markdown]
# The numbers that decide what a score means (imbalance, leak, baselines) are alike by design, and the more so the more
# images there are. The pictures are not: a figure of rounded cones has no wrinkles, no motion blur and no compression
# of television footage. A high score here says that a method can work. It does not say how it would do on people.

# %%
assert facts["original_frames"].sum() == published["frames"] and facts["original_clips"].sum() == published["clips"]
if synthetic:
    print("difference in the share of siblings:", f"{ours['clip shared'] - published['clip shared']:+.3f}")

# %% [markdown]
# ## What we showed
#
# * 31 micro-gestures in five groups and one class that is none (section 2).
# * One class holds more than a fifth of the images, and always answering it is a serious baseline (section 2).
# * The column `Video ID` holds clip ids; captions and folder order are traps (sections 1 and 5).
# * On the frame split, most validation frames have a sibling in training, and a look-up without pixels profits (section
#   6).

# %%
assert (groups != "none").sum() == 31
assert here.max() / here.sum() > 0.2
assert frame_audit.lookup_top1 > frame_audit.constant_top1
print("all claims hold on", data_root)

# %% [markdown]
# ## Exercises that check themselves
#
# Replace the dots by your own lines and run the cell below yours: `check` tries your function and says in words what
# it tried, what came back and what it expected. Nothing breaks while an exercise is unsolved. Easy ones take some ten
# minutes, the project about an hour. Write the steps yourself; the kit's own functions do not count.

# %%
from mgutils.course.exercises import check

# %% [markdown]
# ### Exercise: sort the class folders
# *Easy, 10 minutes.* Write `class_folders(names)`. It gets the names of everything in a training folder and returns
# those of the class folders, smallest number first. What is not a whole number is no class folder.
# *It should show* that the trap of section 5 takes one argument to avoid.

# %% tags=["solution"]
def class_folders(names: list[str]) -> list[str]:
    """Names of the class folders among `names`, in the order of their numbers."""
    # Hint: `sorted` takes a `key`; `"12".isdigit()` is True.
    return sorted([name for name in names if name.isdigit()], key=int)

# %%
if check("class_folders", class_folders):
    print(class_folders([path.name for path in (Path(data_root) / "training").iterdir()])[:12])

# %% [markdown]
# ### Exercise: audit a split for leaks
# *Easy, 10 minutes.* Write `leak(train, valid)`. Both are arrays that say to which group (clip, video, subject) each
# row belongs. Return the share of the validation rows whose group has a row in training.
# *It should show* the left panel of the audit, one number at a time.

# %% tags=["solution"]
def leak(train: np.ndarray, valid: np.ndarray) -> float:
    """Share of the rows in `valid` whose group is also in `train`."""
    # Hint: `np.isin`. Rows are counted, not groups.
    return np.isin(valid, train).mean()

# %%
if check("leak", leak):
    for name in audits:
        part = make_split(dataset, name)
        clips = [frames["clip_id"].to_numpy()[rows] for rows in (part.train, part.valid)]
        print(f"{name:9s} {leak(*clips):.1%} of the validation frames have a sibling in training")
        assert np.isclose(leak(*clips), audits[name].clip_shared)

# %% [markdown]
# ### Exercise: answer without looking
# *Medium, 25 minutes.* Write `look_up(train_clips, train_classes, valid_clips)`, the classifier that sees no pixel.
# For each validation row it answers the class that the row's clip has most often in training; for a clip that is not
# in training, the most common class of all training rows. Among equally common classes the smaller number wins.
# *It should show* what an accuracy on the frame split is worth.

# %% tags=["solution"]
def look_up(train_clips: np.ndarray, train_classes: np.ndarray, valid_clips: np.ndarray) -> list[int]:
    """One class for each row of `valid_clips`."""
    # Hint: `np.unique(classes, return_counts=True)` counts, and sorts the classes on the way.
    def most_common(classes: np.ndarray) -> int:
        values, counts = np.unique(classes, return_counts=True)
        return int(values[counts.argmax()])

    fallback = most_common(train_classes)
    known = {clip: most_common(train_classes[train_clips == clip]) for clip in np.unique(train_clips)}
    return [known.get(clip, fallback) for clip in valid_clips]

# %%
if check("look_up", look_up):
    found = look_up(train["clip_id"].to_numpy(), train["class_id"].to_numpy(), valid["clip_id"].to_numpy())
    print(f"right without a pixel: {(valid['class_id'] == found).mean():.1%}")
    assert np.isclose((valid["class_id"] == found).mean(), frame_audit.lookup_top1)

# %% [markdown]
# ### Exercise: find the wrong line, captions
# *Easy, 10 minutes.* From here on you will meet beasts of the **bug zoo**: small programs that run, look right and
# have one wrong line. Here `zoo_captions` pairs each class folder with a caption; `names[0]` is the caption of class
# 1.
# *It should show* how a model can be trained on 31 wrong captions without a message.

# %% tags=["solution"]
def zoo_captions(folders: list[str], names: list[str]) -> dict[str, str]:
    """The caption of each folder."""
    captions = {}
    for position, folder in enumerate(sorted(folders, key=int)):
    # student: for position, folder in enumerate(sorted(folders)):
        captions[folder] = names[position]
    return captions

# %%
if check("zoo_captions", zoo_captions):
    print(zoo_captions(listed, dataset.labels.names)["10"])

# %% [markdown]
# ### Project: a split that keeps groups together
# *Project, 60 minutes.* Write `grouped_split(groups, share, seed)`. It returns one truth value for each row, True
# where the row is for validation. No group may stand on both sides; the number of validation rows is `share` of all,
# give or take the largest group; groups go to either side at random, and the same seed gives the same split.
# *It should show* a split by clip of your own that the kit's audit finds tight.

# %% tags=["solution"]
def grouped_split(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """(N,) truth values: whether each row is for validation."""
    # Hint: put the groups in a random order and take whole groups until there are enough rows.
    names, counts = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(counts[order]) - counts[order]  # rows taken before this group
    return np.isin(groups, names[order][before < share * len(groups)])

# %%
if check("grouped_split", grouped_split):
    mine = grouped_split(frames["clip_id"].to_numpy(), 0.2, seed)
    my_audit = audit_split(dataset, replace(split, train=np.flatnonzero(~mine), valid=np.flatnonzero(mine)))
    print(f"clips shared {my_audit.clip_shared:.1%}, look-up {my_audit.lookup_top1:.1%}, {mine.mean():.1%} of the rows")
    assert my_audit.clip_shared == 0

# %% [markdown]
# ## More to try
#
# 1. *5 minutes.* Which class has the most clips, and which the most frames? Is it the same one, and why might it not
#    be?
# 2. *10 minutes.* Compute the share of validation frames on the frame split whose *neighbour in time* (frame id one
#    less or one more) is in training. Predict first: is it nearer to 50 % or to 95 %?
# 3. *15 minutes.* Make the frame split with `valid_fraction=0.5`. What happens to `clip_shared`, and what to
#    `lookup_top1`? Explain the difference.
# 4. *20 minutes.* Make ten splits by clip with ten seeds. How much does the share of class 32 in validation vary, and
#    why does it vary more than on the frame split?
#
# ## Further reading
#
# * Liu et al. 2021, *iMiGUE: an identity-free video dataset for micro-gesture understanding and emotion analysis*: the
#   classes, the groups and the cross-subject protocol.
# * Kapoor and Narayanan 2023, *Leakage and the reproducibility crisis in machine-learning-based science*: the same
#   fault in many fields.
# * Next: notebook 02 builds the model that reads these images and captions.
