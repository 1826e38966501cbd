# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Start here: one published number, and what stands beside it
#
# **You will be able to**
# * say what the course reproduces and why its headline number needs company;
# * find your way through the notebooks;
# * tell whether this machine can run them;
# * choose a profile: one word that sets the size of everything.
#
# **Needs** no other notebook. It takes half a minute.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %% tags=["hidden"]
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

from mgutils.config import PROFILES, get_profile
from mgutils.course import doctor
from mgutils.course import map as course_map
from mgutils.data.labels import ILLUSTRATIVE, imigue_classes
from mgutils.report.figures.splits import accuracy_bars
from mgutils.report.figures.systems import systems_picture
from mgutils.report.tables import COUNTED
from mgutils.style import save, use_style

pd.set_option("display.max_colwidth", None)
use_style()

# %% [markdown]
# ## 1. A number in search of company
#
# A *micro-gesture* is a small movement that we hardly notice making: a hand at the neck, a pressed lip. A published
# student report sorts single video frames of athletes at press conferences into 32<!--= claimed["classes-32"] -->
# classes, 31<!--= len(facts) - 1 --> of them micro-gestures. It trains an image encoder and a text encoder together,
# so that an image lands near the words for its gesture. And it compares two losses. With cross entropy
# 22.54<!--= claimed["table-1-ce-top-1"] --> % of the images are right. With what it calls the Jensen-Shannon divergence,
# 81.13<!--= claimed["table-1-js-top-1"] --> %. So, it concludes, the loss makes the difference.
#
# **Predict.** Is 81.13<!--= claimed["table-1-js-top-1"] --> % good? Write down what you think a program scores that
# *never looks at an image*. Then run the next cell.

# %%
facts = imigue_classes()
constant = 100 * facts["original_frames"][ILLUSTRATIVE] / facts["original_frames"].sum()
lookup = COUNTED["lookup"][0]  # counted in the report's own list of images
print(f"always class 32: {constant:.2f} %; the class that this clip's other frames have: {lookup:.2f} %")

# %% alt="Four horizontal bars: cross entropy 22.54, always class 32 27.28, the report's best row 81.13, a look-up of the clip 96.57 percent."
published = {"the report, cross entropy": 22.54, "the report, “JS divergence”": 81.13}
company = accuracy_bars(published, {"always answer class 32": constant, "look the clip up": lookup})
save(company, Path(out_dir) / "figures" / "published_numbers.png")
company

# %% [markdown]
# Two programs without eyes stand beside the report's two models. One always answers the most frequent class and gets
# 27.28<!--= constant --> %: more than the model with cross entropy. The other looks up to which class the other frames
# of the same clip belong and gets 96.57<!--= lookup --> %: more than the best row. Both numbers are counted in the
# report's own list of images.
#
# So the two rows cannot say which loss is better, or whether a model would know a gesture on people that it never saw.
# That is what this course finds out: what the report's code computes, why one row failed, what is left on new people,
# how sure one can be of that, and how to do better.
#
# ## 2. What you will work with
#
# The report's images are handed out on request only, so the course draws its own: a 3-D figure at a press conference
# that makes the same gestures. Each number in these notebooks is measured on those drawings unless it is said to be
# the report's or of photographs. Four things will meet you on every page.
#
# * **Run** the cells from top to bottom with *Shift + Enter*, or all with *Run > Run All Cells*.
# * **Predict** before you run where the text asks for it. It is the best part.
# * A sentence with its number stands after each result. The numbers are those of the run that was published. A run of
#   yours that came out otherwise says so at its end: by how much, and which sentences are not true of it.
# * **Exercises** at the end check themselves, in notebooks 01 to 12. Two in each notebook are marked *core*. Words that
#   you do not know stand in the [glossary](glossary.md).
#
# ## 3. Is this machine ready?
#
# The next cell asks what `mg doctor` asks in a terminal. A *fault* stops the course, and the last column says what to
# do about it. A *note* does not stop anything.

# %%
checks = doctor.examine(profile, data_root, out_dir)
Markdown(doctor.as_markdown(checks))

# %%
faults = [check.name for check in checks if check.verdict == "fault"]
print("repair first:" if faults else "everything that the course needs is here", *faults)

# %% [markdown]
# ## 4. The map
#
# The minutes were measured by `mg reproduce`, which runs all notebooks from a terminal: on this machine where it has
# run here, else on the authors' (two processor cores). The *first time* includes training. What is trained is kept in
# a store, so that the second time is shorter. A dash means that it was not measured.

# %%
minutes = Path(out_dir) / "tables" / "minutes.csv"
course = course_map.course_map(minutes, profile)
print("measured on", "this machine" if minutes.exists() else "the authors' machine", "in the profile", profile)
Markdown(course_map.as_markdown(course))

# %% [markdown]
# Begin with notebook 01 and go on in order. Notebooks 01 to 09 are about the report. Notebooks 10 to 12 put the same
# questions to three more published systems, and notebook 13 joins them. Notebook 14 has the verdict on every claim. A1
# and A2 are appendices for those who want the proofs. In a hurry? Notebooks 01, 03, 05 and 09 tell the story.
#
# **Four systems, one drawing.** What do an image with a caption, a skeleton with a word, four cameras, and a film with a
# sentence have in common? Each part has an encoder. All encoders end in one space. There, parts that belong together are
# pulled together in *pairs*, and a loss says how. What the system is worth shows in what is asked of the space
# afterwards, and each of these questions has a trap of its own. A part with a black edge is *frozen*: it came with
# its weights and keeps them.

# %% alt="Four systems below each other: at the left the encoders of each, in the middle one space in which pairs are joined by lines with the name of their loss, at the right what is asked of it."
drawing = systems_picture()
save(drawing, Path(out_dir) / "figures" / "systems.png")
drawing

# %% [markdown]
# ## 5. One word sets the size
#
# A *profile* decides how many images there are, how large they are, which encoders are trained, and for how long. The
# published pages are of the profile `cpu`. Its network is far smaller than a full ResNet-18; notebook 02 shows how small.

# %%
def size(name: str) -> dict[str, object]:
    """A profile in one row."""
    chosen = PROFILES[name]
    return {"images": chosen.synth.frames if chosen.synth else "the real ones", "pixels": chosen.train.image_size,
            "image encoder": chosen.model.image_encoder, "epochs": chosen.train.epochs,
            "epochs of the report's losses": chosen.report_epochs or chosen.train.epochs, "seeds": chosen.seeds,
            "what for": chosen.note}

pd.DataFrame({name: size(name) for name in PROFILES}).T

# %% [markdown]
# The first code cell of each notebook holds the choice. To change it, write another word there, and the same word in
# the two folders (`"../data/smoke"`, `"../out/smoke"`). Or leave the notebooks as they are and run
# `mg reproduce --profile smoke` in a terminal. The numbers of `smoke` mean nothing; it shows that everything runs.
#
# **And the real images?** iMiGUE is given out by its authors on request. Put it where notebook 07, section "How to run
# the real Table 1", says; the profile `imigue` has the report's own settings. Your own photographs take one command,
# `mg import folders`, and the profile `photos`.

# %%
print(f"this notebook was run with {profile!r}: {get_profile(profile).note}")

# %% [markdown]
# ## What we showed
#
# A program that sees no pixel beats each of the report's two rows: 27.28<!--= constant --> % for the most frequent
# class against 22.54<!--= claimed["table-1-ce-top-1"] --> %, and 96.57<!--= lookup --> % for a look-up against
# 81.13<!--= claimed["table-1-js-top-1"] --> %. A number means something only beside such company.
#
# ## Exercises
#
# 1. *Core. 5 minutes.* Write `gpu` in all three places of the first code cell and run this notebook again. What does the
#    check of your machine say now?
# 2. *Core. 5 minutes.* Someone guesses among 32<!--= claimed["classes-32"] --> classes at random. What does she score, and why
#    is "always class 32" so much better?
#
#    <details><summary>Answer</summary>
#
#    One in 32<!--= claimed["classes-32"] -->, about 3.1<!--= 100 / claimed["classes-32"] --> %. The classes are not
#    equally frequent: more than a quarter of the images are of class 32.
#
#    </details>
#
# ## Further reading
#
# * Radford et al. 2021, *Learning transferable visual models from natural language supervision*, arXiv:2103.00020:
#   images and words in one space.
# * Next: notebook 01 looks at the data.
