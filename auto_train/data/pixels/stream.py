"""Pixel stream: images decoded and resized at every access, for data larger than the store may be."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice

import numpy as np

from auto_train.data.images import Images
from auto_train.data.parallel import create_pool, map_in_order
from auto_train.data.pixels.transform import PixelTransform, is_grey

# Batches in work or ready besides the one waited for: enough to bridge a step, little memory.
AHEAD = 2


class PixelStream:
    """Images in the pixels a store would hold; one batch after the other is decoded ahead in threads.

    Args:
        images: what to decode.
        transform: from a decoded image to pixels.
    """

    def __init__(self, images: Images, transform: PixelTransform):
        self.images, self.transform, self.side = images, transform, transform.side
        self._pool = create_pool("pixels")

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        return next(self.batches([np.asarray(positions)]))

    def batches(self, positions: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        places = (int(i) for batch in positions for i in batch)
        ahead = AHEAD * max(map(len, positions), default=0)
        with closing(map_in_order(self._pool, self._pixels, places, ahead=ahead)) as rows:
            for batch in positions:
                images = np.stack(list(islice(rows, len(batch))))
                yield images[..., :1].copy() if is_grey(images) else images

    def _pixels(self, position: int) -> np.ndarray:
        return self.transform(self.images[position])
