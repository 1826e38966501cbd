# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A2 How the intervals work
#
# **You will be able to**
# * say how many people of equal weight a score rests on;
# * explain why a plain bootstrap of few people is too narrow, and by how much it is widened;
# * test by simulation whether an interval called 95<!--= 95 --> % holds the truth that often;
# * put an interval on the difference of two independent scores.
#
# **Needs** notebook 09 (section 4). An appendix: nothing after it builds on it.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %% tags=["hidden"]
import numpy as np
import pandas as pd
from scipy import stats

from mgutils.data.table import read_dataset
from mgutils.experiments.generalization import split_configs, tally_runs, usable_splits
from mgutils.experiments.runs import train_groups
from mgutils.metrics.intervals import (
    Interval,
    accuracy,
    coverage,
    difference_of,
    effective_subjects,
    interval,
    mean_recall,
    spread_of_subjects,
    tail,
)
from mgutils.metrics.paired import detectable
from mgutils.style import BLUE, ORANGE, new_figure, use_style

use_style()
dataset = read_dataset(data_root)
splits = usable_splits(dataset)

# %% [markdown]
# ## 1. How many people is that?
#
# The runs are those of notebook 09, sections 1 and 4: one recipe, three seeds, reported on people whom it never saw.

# %%
hardest = splits[-1]
runs = train_groups({hardest: split_configs(profile, splits, seed)[hardest]}, data_root, out_dir)[hardest]
table = tally_runs(dataset, runs)    # right answers by run, person and class
images = table.counts.sum(axis=1)    # (G,) images of each person
print("images of each person:", sorted(images.tolist(), reverse=True))

# %% [markdown]
# The 14<!--= len(images) --> people do not weigh alike. The largest has 333<!--= images.max() --> images, which is
# 35<!--= 100 * images.max() / images.sum() --> % of all. Kish's effective number says how many people of equal weight
# would give the same certainty. With $w_i$ the share of person $i$,
#
# $$n_{\text{eff}} = \frac{1}{\sum_i w_i^2}.$$
#
# Three people with equal shares count as three. With shares of eight, one and one tenths they count as about one and a
# half.

# %%
def people_worth(shares: np.ndarray) -> float:
    """Shares that sum to one -> number of people of equal weight."""
    return 1 / (shares**2).sum()


print(f"equal: {people_worth(np.array([1/3, 1/3, 1/3])):.2f}, uneven: "
      f"{people_worth(np.array([0.8, 0.1, 0.1])):.2f}")
shares = images / images.sum()
worth = effective_subjects(table.counts, accuracy)
assert np.isclose(people_worth(shares), worth)
print(f"{len(images)} people are worth {worth:.1f}")

# %% [markdown]
# So the accuracy rests on 5.6<!--= worth --> people of equal weight. UAR rests on fewer still, because a rare class is
# shown by few people, and they carry the whole recall of that class.

# %%
worth_uar = effective_subjects(table.counts, mean_recall)
print(f"UAR: {worth_uar:.1f} people of equal weight")

# %% [markdown]
# It is 4.7<!--= worth_uar --> for UAR.
#
# ## 2. Wider tails for few people
#
# A bootstrap of few people is too narrow for two reasons. It takes the spread of the people around their *own* mean,
# which is smaller than around the true one by the factor $\sqrt{(n-1)/n}$. And its tails are those of a normal
# distribution, where the t distribution has heavier ones. Hesterberg (2015) keeps the bootstrap and cuts off less at
# each end: in place of 2.5<!--= 100 * 0.025 --> % the share
#
# $$\Phi\left(-t_{n-1}\sqrt{\tfrac{n}{n-1}}\right),$$
#
# where $t_{n-1}$ is the t distribution's quantile and $\Phi$ the normal distribution function.

# %%
def cut(people: float) -> float:
    """The share of draws to cut off at each end for a 95 % interval."""
    t = stats.t.isf(0.025, people - 1)
    return stats.norm.cdf(-t * np.sqrt(people / (people - 1)))


assert np.isclose(cut(worth), tail(worth))
pd.Series({people: 100 * cut(people) for people in (3, 5, 10, 30, 100, 1000)}, name="cut off, %").round(3).to_frame()

# %% [markdown]
# With 1000<!--= 1000 --> people nothing changes, with ten the share is about a third of what it was. Here it is
# 0.18<!--= 100 * tail(worth) --> % for accuracy and 0.06<!--= 100 * tail(worth_uar) --> % for UAR.

# %% alt="Accuracies of all bootstrap draws as a histogram, with the plain and the widened interval as lines."
plain, widened = interval(table, accuracy, widen=False), interval(table, accuracy)
rng = np.random.default_rng(seed)
times = rng.multinomial(len(images), np.full(len(images), 1 / len(images)), 40_000)
runs_drawn = rng.multinomial(len(table.hits), np.full(len(table.hits), 1 / len(table.hits)), 40_000) / len(table.hits)
draws = (times @ table.hits.sum(axis=2).T * runs_drawn).sum(axis=1) / (times @ images)
figure, axes = new_figure(size=(8, 3))
axes.hist(100 * draws, bins=60, color="#e6e6e6")
for found, color, name in ((plain, BLUE, "plain"), (widened, ORANGE, "widened")):
    axes.axvline(100 * found.low, color=color, linewidth=2, label=name)
    axes.axvline(100 * found.high, color=color, linewidth=2)
axes.set(xlabel="accuracy of a draw of people and seeds, %", yticks=[])
axes.legend()
figure

# %% [markdown]
# The plain interval goes from 16.1<!--= 100 * plain.low --> to 41.7<!--= 100 * plain.high --> %, the widened one from
# 10.9<!--= 100 * widened.low --> to 48.1<!--= 100 * widened.high --> %. Its ends lie where few draws lie, so the
# library takes 40,000<!--= len(draws) --> of them. The ends of UAR are rougher still: a draw without a person loses
# the classes that only this person shows. Read them to a point or two.
#
# ## 3. Does 95 % mean 95 %?
#
# Here the truth is unknown. So we invent results of a *known* accuracy for these very people, with as many images each
# and as unlike one another, and count how often the interval holds it. **Predict:** will the plain interval be above
# or below 95<!--= 95 -->?

# %%
rate = float(np.clip(plain.value, 0.05, 0.95))
spread = spread_of_subjects(table)
trials = 200 if profile == "smoke" else 2000
held = {widen: 100 * coverage(images, rate, spread, widen=widen, trials=trials, seed=seed) for widen in (False, True)}
print(f"people's own accuracies spread by {100 * spread:.1f} points around {100 * rate:.1f} %")
pd.DataFrame({"holds the truth, %": held.values(),
              "standard error": [(share * (100 - share) / trials) ** 0.5 for share in held.values()]},
             index=["plain", "widened"]).round(1)

# %% [markdown]
# Of 2000<!--= trials --> plain intervals 89.6<!--= held[False] --> in 100<!--= 100 --> hold the truth, of the widened
# ones 97.7<!--= held[True] -->. The plain one promises too much, the widened one errs on the safe side.<!--?
# held[False] < 95 < held[True] --> We tried this for accuracy only: UAR's intervals are rougher.
#
# ## 4. The difference of two independent scores
#
# Notebook 09, section 5, subtracts the scores of two splits, which report different people. There are no pairs, so the
# two intervals are combined (Zou and Donner 2008). Each end of the difference takes the sides of the two intervals that
# oppose each other. For two symmetric intervals this is the usual sum of squares.

# %%
first, second = Interval(0.30, 0.27, 0.33), Interval(0.50, 0.46, 0.54)
found = difference_of(first, second)
print(f"difference {found.value:.2f}, {found.low:.2f} to {found.high:.2f}")
assert np.isclose(found.value - found.low, np.hypot(0.03, 0.04))  # 3 and 4 give 5

# %% [markdown]
# ## 5. What a design could have found
#
# The smallest difference that is found in four repetitions out of five follows from the spread $s$ of the bootstrap's
# differences and the effective number of people (Bloom 1995). It is proportional to $s$: half the noise, half the
# difference. It falls as people are added, at first fast.

# %%
assert np.isclose(detectable(0.5, 10), detectable(1.0, 10) / 2)
pd.Series({people: detectable(1.0, people) for people in (3, 5, 10, 30, 100)},
          name="detectable difference, in spreads").round(2).to_frame()

# %% [markdown]
# With three people a difference must be 6.6<!--= detectable(1.0, 3) --> times the spread, with ten 3.3<!--=
# detectable(1.0, 10) --> times, and with very many it ends near 2.8<!--= detectable(1.0, 10_000) --> times.
#
# ## What we showed
#
# * A score on 14<!--= len(images) --> people can rest on 5.6<!--= worth --> people of equal weight, and UAR on fewer
#   (section 1).
# * A plain bootstrap of so few people is too narrow: it holds the truth 89.6<!--= held[False] --> times in 100<!--=
#   100 -->.<!--? held[False] < 93 --> Cutting off less at the ends brings it to 97.7<!--= held[True] -->
#   (sections 2 and 3).
# * Independent scores are subtracted by combining their intervals, and every comparison can say beforehand what it
#   could find at all (sections 4 and 5).
#
# ## Further reading
#
# * Kish 1965, *Survey sampling*, on effective sample size.
# * Hesterberg 2015, *What teachers should know about the bootstrap*, The American Statistician.
# * Owen 2007, *The pigeonhole bootstrap*, on drawing people and seeds together.
# * Zou and Donner 2008, *Construction of confidence limits about effect measures*, Statistics in Medicine.
#
# Back to notebook 09, section 5.
