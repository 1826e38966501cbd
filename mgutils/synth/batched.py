"""Dataclasses of arrays or tensors that share their first dimension (frames or subjects)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Self

import numpy as np
import torch


class Batched:
    """Base of dataclasses in which every field has the batch as its first dimension."""

    def _map(self, change: Callable) -> Self:
        return type(self)(*(change(getattr(self, field.name)) for field in fields(self)))

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def __getitem__(self, rows: Any) -> Self:
        """Rows of a slice, of an index array or of a list (repetitions allowed)."""
        return self._map(lambda value: value[rows])

    def to(self, *args: Any) -> Self:
        """Move or cast every tensor, as ``Tensor.to`` does."""
        return self._map(lambda value: value.to(*args))

    @classmethod
    def join(cls, parts: Sequence[Self], dim: int = 0) -> Self:
        """Concatenate batches along a dimension."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*(_join(values, dim) for values in columns))


def _join(values: Sequence, dim: int) -> Any:
    first = values[0]
    if isinstance(first, Batched):
        return first.join(values, dim)
    return torch.cat(values, dim) if isinstance(first, torch.Tensor) else np.concatenate(values, dim)
