"""The command that trains and reports every fold."""

from __future__ import annotations

from dataclasses import dataclass

from mgutils.cli.training import Recipe
from mgutils.config import Protocol, SplitName
from mgutils.errors import ConfigError


@dataclass(frozen=True)
class CrossVal(Recipe):
    """Train one run for each fold, or for each group left out; print the folds, their mean and an interval."""

    split: SplitName = "subject"
    """What is kept whole: a fold is made of whole subjects, videos or clips."""
    folds: int = 0
    """Number of folds."""
    leave_one_out: bool = False
    """As many folds as there are groups, each named after its group."""
    split_seed: int = 42
    """Of the folds."""
    jobs: int = 2
    """Runs at a time."""

    def run(self) -> None:
        if self.leave_one_out == bool(self.folds):
            found = f"{self.folds} and --leave-one-out" if self.folds else "neither folds nor --leave-one-out"
            raise ConfigError(f"folds: found {found}; wanted --folds with a number of at least 2, or --leave-one-out.")
        config = self.settings(Protocol(self.folds, 1 if self.folds else 0, split_seed=self.split_seed))

        from mgutils.evaluation.crossval import cross_validate
        from mgutils.report.markdown import markdown_table

        found = cross_validate(config, self.data_root, self.out_dir, jobs=self.jobs, resume=self.resume,
                               log_with=self.log_with)
        shown = found.shown()
        table = markdown_table(list(shown), shown.to_numpy().tolist(), "l" + "r" * (shown.shape[1] - 1))
        text = f"{table}\n\n{found.sentence()}\n"
        for path in found.write(text):
            print(path)
        print(f"\n{text}", end="")
