"""Which images are held out for validation: the lowest hashes of each class up to the number (docs/adr/0006)."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Images that share a split: of one group, or of equal content.

    Attributes:
        place: in [0, 1), from the hash of the group's name or of the content; the lowest are held out first.
        images: how many there are.
        classes: how many of them show each class; "" counts those that show none.
        split: "train" or "valid" where that is settled, "" where it is to be drawn.
        is_kept: it is in train since an earlier run; it is held out only for a class that has no other image for it.
    """

    place: float
    images: int
    classes: Mapping[str, int]
    split: str = ""
    is_kept: bool = False


def hold_out(units: Sequence[Unit], fraction: float) -> set[int]:
    """Return the numbers of the units to hold out besides those that are settled.

    As many images are held out as ``fraction`` of all, to the nearest number; of each class as near to its share as
    that allows. Every class with two units or more has one in valid and one in train, so that of many small classes
    more images are held out.

    Args:
        units: all of them but for test.
        fraction: share of the images to hold out, 0 < fraction < 1.
    """
    draw = _Draw(units, fraction)
    for label in sorted(draw.total, key=lambda label: (draw.total[label], label)):
        draw.hold_out_one(label)
    draw.fill_up()
    return draw.chosen


class _Draw:
    """A draw under way.

    Attributes:
        total, valid: images of each class, in all and held out.
        trained: units of each class that are not held out.
        chosen: units that are held out, by number.
    """

    def __init__(self, units: Sequence[Unit], fraction: float):
        self.units, self.fraction = units, fraction
        self.chosen: set[int] = set()
        self.total: Counter[str] = Counter()
        self.valid: Counter[str] = Counter()
        self.trained: Counter[str] = Counter()
        self._open: dict[str, list[int]] = defaultdict(list)
        images = held_out = 0
        for number in sorted(range(len(units)), key=lambda number: units[number].place):
            unit = units[number]
            images += unit.images
            self.total.update(unit.classes)
            if unit.split == "valid":
                held_out += unit.images
                self.valid.update(unit.classes)
                continue
            self.trained.update(unit.classes.keys())
            for label in unit.classes if not unit.split or unit.is_kept else ():
                self._open[label].append(number)
        self._left = round(fraction * images) - held_out

    def hold_out_one(self, label: str) -> None:
        """Hold the lowest unit of a class out if none is: one of about the right size, and a new one, if there is."""
        if self.valid[label]:
            return
        most = 2 * max(1.0, self.fraction * self.total[label])
        found = [number for number in self._open[label] if self._may_take(number)]
        by_choice = sorted(
            found, key=lambda number: (self.units[number].is_kept, self.units[number].classes[label] >= most)
        )
        if by_choice:
            self._take(by_choice[0])

    def fill_up(self) -> None:
        """Hold out the lowest unit of the class that lacks most, again and again, until the number is reached."""
        candidates = {label: self._candidates(label) for label in self._open}
        lacking = [(-self._lack(label), label) for label in candidates]
        heapq.heapify(lacking)
        while lacking and self._left > 0:
            lack, label = heapq.heappop(lacking)
            if -lack != self._lack(label):  # an image of two classes was taken for the other one
                heapq.heappush(lacking, (-self._lack(label), label))
                continue
            if (number := next(candidates[label], None)) is not None:
                self._take(number)
                heapq.heappush(lacking, (-self._lack(label), label))

    def _candidates(self, label: str) -> Iterator[int]:
        """Yield the units of a class, lowest first, that bring the number held out nearer to what it has to be."""
        for number in self._open[label]:
            unit = self.units[number]
            if not unit.is_kept and self._may_take(number) and unit.images < 2 * self._left:
                yield number

    def _lack(self, label: str) -> float:
        return self.fraction * self.total[label] - self.valid[label]

    def _may_take(self, number: int) -> bool:
        """Tell whether every class of a unit has another one to be trained on."""
        return number not in self.chosen and all(self.trained[label] > 1 for label in self.units[number].classes)

    def _take(self, number: int) -> None:
        unit = self.units[number]
        self.chosen.add(number)
        self.valid.update(unit.classes)
        self.trained.subtract(unit.classes.keys())
        self._left -= unit.images
