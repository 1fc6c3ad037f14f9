"""Annotated boxes as the network learns them: shares of the image, a padded tensor for a batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from auto_train.data import Samples
from auto_train.data.augment.boxes import NO_BOX
from auto_train.data.targets import Boxes, of_kind

# Boxes around many are not trained on; an evaluation neither counts them as missed nor what lies in them as wrong.
CROWD = -2


class BoxRows:
    """The boxes of a split by position; see :meth:`__getitem__`.

    Args:
        samples: with Boxes as targets.
        labels: class names in the model's order.
    """

    def __init__(self, samples: Samples, labels: Sequence[str]):
        sizes = np.array([samples.images.size(row) for row in range(len(samples))]).reshape(-1, 2)
        boxes = of_kind(samples.targets, Boxes).clean(sizes)
        order = np.array([labels.index(name) for name in boxes.names], dtype=np.float32)
        codes = order[boxes.codes]
        codes = np.where(boxes.is_crowd, CROWD - codes, codes)
        shares = boxes.corners / np.tile(np.repeat(sizes, boxes.counts, axis=0), 2)
        self._rows = np.concatenate([codes[:, None], shares], axis=1).astype(np.float32)
        self._ends, self._counts = boxes.ends, boxes.counts

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, positions: Any, /) -> torch.Tensor:
        """Return (B, K, 5) code, left, top, right, bottom as shares of the image; rows without a box have NO_BOX.

        K is the same for all batches. Codes of crowds are CROWD - code.
        """
        chosen = np.atleast_1d(np.arange(len(self))[positions])
        found = np.zeros((len(chosen), max(int(self._counts.max(initial=0)), 1), 5), dtype=np.float32)
        found[..., 0] = NO_BOX
        for row, position in enumerate(chosen.tolist()):
            end, count = self._ends[position], self._counts[position]
            found[row, :count] = self._rows[end - count : end]
        return torch.from_numpy(found)
