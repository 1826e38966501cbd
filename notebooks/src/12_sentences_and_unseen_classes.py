# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 Who told the model?
#
# A classifier knows the classes that it was shown. A model of films and sentences can be asked for a class that nobody
# showed it: write down what the class looks like, and see which film lies nearest. The paper that this notebook rebuilds,
# **the original** here, is called EmoCLIP. It trains on a sentence about *each film* instead of one about each class, and
# says that this is why it knows expressions that it never saw. We build it small, and run the control that the paper
# lacks: the same sentences, handed to other films of the same class.
#
# **You will be able to**
# * train a video encoder on sentences, and ask it for classes that it never saw;
# * tell what a sentence says of a *clip* from what it says of the *class*;
# * say where a sentence's own clip can show, and where it cannot;
# * read a zero-shot score: among which classes, on whose clips, in which window, chosen by what.
#
# **Needs** notebook 11 (its spaces and pairs); notebook 10 has the skeletons, notebook 08 asked first whether text
# helps. It makes its own clips and sentences and trains some two hundred small runs: about eight minutes on two cores
# in the `cpu` profile.

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
from IPython.display import Markdown, display
from torch import nn

from mgutils.claims.evidence import Evidence
from mgutils.claims.ledger import by_verdict, verify, write_ledger
from mgutils.config import TextVectors, get_space_profile
from mgutils.data.items import read_clip_dataset
from mgutils.data.sentences import class_names, class_texts, texts_of
from mgutils.data.splits import make_split
from mgutils.evaluation import unseen, unseen_sets
from mgutils.evaluation.texts import class_embeddings
from mgutils.experiments import sentence_tables as tables
from mgutils.experiments import sentences as arms
from mgutils.experiments.cameras import cameras_beside
from mgutils.experiments.skeleton import clips_beside
from mgutils.losses.alignment import info_nce
from mgutils.metrics.intervals import interval, mean_recall
from mgutils.report.figures import sentences as figures
from mgutils.style import save, use_style

use_style()
figure_dir = Path(out_dir) / "figures"
