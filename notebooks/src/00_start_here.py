# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Start here: what this is, and whether your machine is ready
#
# **You will be able to**
# * say what the course reproduces and what it adds;
# * find your way through the notebooks, and know what each takes;
# * tell whether this machine can run them, and mend what is missing;
# * choose a profile: one word that sets the size of everything.
#
# **Needs** no other notebook.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %%
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

from mgutils.config import PROFILES, get_profile
from mgutils.course import doctor
from mgutils.course import map as course_map

pd.set_option("display.max_colwidth", None)

# %% [markdown]
# ## 1. What this is
#
# A *micro-gesture* is a small movement that we hardly notice making: a hand at the neck, a pressed lip. A published
# student report classifies single images of such gestures into 32 classes. It trains an image encoder and a text
# encoder together, so that an image lands near the words for its gesture, and compares two losses: cross entropy with
# 22.54 % of the images right, and what it calls the Jensen-Shannon divergence with 81.13 %.
#
# This course rebuilds that experiment, explains each part of it, and checks every statement of the report. The images
# of the report are handed out on request only, so the course draws its own: a 3-D figure at a press conference that
# makes the same 32 gestures. Each number in these notebooks is measured on those drawings unless it is said to be the
# report's.
#
# **How to read.** Run the cells from top to bottom with *Shift + Enter*, or all of them with *Run > Run All Cells*.
# After each result stands a sentence that says what it means. Exercises are at the end of each notebook.
#
# ## 2. Is this machine ready?
#
# The next cell asks the same questions as `mg doctor` does in a terminal. A *fault* stops the course, and the last
# column says how to mend it. A *note* does not stop anything.

# %%
checks = doctor.examine(profile, data_root, out_dir)
Markdown(doctor.as_markdown(checks))

# %%
faults = [check.name for check in checks if check.verdict == "fault"]
print("mend first:" if faults else "everything that the course needs is here", *faults)

# %% [markdown]
# ## 3. The map
#
# The minutes were measured by `mg reproduce`, which runs all notebooks from a terminal: on this machine where it has
# run here, else on the authors' (two processor cores). The *first time* includes training. What is trained is kept in a
# store, so that the second time is shorter. A dash means that nobody measured it.

# %%
minutes = Path(out_dir) / "tables" / "minutes.csv"
course = course_map.course_map(minutes, profile)
print("measured on", "this machine" if minutes.exists() else "the authors' machine", "in the profile", profile)
Markdown(course_map.as_markdown(course))

# %% [markdown]
# Begin with 01 and go on in order. If you are in a hurry: 01, 03 and 05 tell the story (05 then trains first what 04
# would have trained).
#
# ## 4. One word sets the size
#
# A *profile* decides how many images there are, how large they are, which encoders are trained, and for how long. The
# first two profiles have a ResNet-18 with fewer and narrower layers than its name promises; notebook 02 shows how
# small.

# %%
def size(name: str) -> dict[str, object]:
    """A profile in one row."""
    chosen = PROFILES[name]
    return {"images": chosen.synth.frames if chosen.synth else "the real ones", "pixels": chosen.train.image_size,
            "image encoder": chosen.model.image_encoder, "epochs": chosen.train.epochs,
            "epochs of the report's losses": chosen.report_epochs or chosen.train.epochs, "seeds": chosen.seeds,
            "what for": chosen.note}

profiles = pd.DataFrame({name: size(name) for name in PROFILES}).T
profiles

# %% [markdown]
# The first code cell of each notebook holds the choice. To change it, write another word there, and the same word
# in the two folders:
#
# ```
# profile = "smoke"
# data_root = "../data/smoke"
# seed = 0
# out_dir = "../out/smoke"
# ```
#
# or leave the notebooks as they are and run `mg reproduce --profile smoke` in a terminal. The numbers of `smoke` mean
# nothing; it is there to see that everything runs.

# %%
chosen = get_profile(profile)
print(f"this notebook was run with {profile!r}: {chosen.note}")

# %% [markdown]
# ## What we showed
#
# * This machine has what the course needs, or section 2 says what is missing.
# * The map lists every notebook of the course, this one first.

# %%
assert list(course["notebook"])[0].startswith("00_") and course["notebook"].is_unique
assert {"Python", "packages", "device", "memory", "disk"} <= {check.name for check in checks}
print(f"{len(course)} notebooks, {len(checks)} checks, {len(faults)} faults")

# %% [markdown]
# ## Exercises
#
# 1. *5 minutes.* Write `gpu` in all three places of the first code cell, as section 4 shows for `smoke`, and run this
#    notebook again. What does the check of your machine say now?
# 2. *5 minutes.* The report's cross-entropy model is right for 22.54 % of the images. Write down what you would expect
#    from guessing among 32 classes, and keep the number: notebook 01 has a surprise about it.
#
# ## Further reading
#
# * Radford et al. 2021, *Learning transferable visual models from natural language supervision*, arXiv:2103.00020:
#   images and words in one space.
# * Next: notebook 01 looks at the data.
