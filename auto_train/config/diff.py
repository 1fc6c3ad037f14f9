"""What differs between two configs."""

from dataclasses import dataclass
from typing import Any

from auto_train.config.config import Config
from auto_train.config.values import dump


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One key whose final value differs.

    Args:
        key: dotted path.
        left: value in the first config; none also where it has no such key.
        right: value in the second.
        only_in: which config alone has the key.
    """

    key: str
    left: Any
    right: Any
    only_in: str = ""

    @property
    def shown_left(self) -> str:
        """The first value as an INI writes it."""
        return "(absent)" if self.only_in == "right" else dump(self.left)

    @property
    def shown_right(self) -> str:
        """The second value as an INI writes it."""
        return "(absent)" if self.only_in == "left" else dump(self.right)


def diff_configs(left: Config, right: Config) -> list[Difference]:
    """Return every key whose final value differs, in the order of the recipe."""
    found = []
    for key in dict.fromkeys([*left.keys(), *right.keys()]):
        only_in = "" if key in left and key in right else "left" if key in left else "right"
        a, b = left.get(key), right.get(key)
        if only_in or a != b or type(a) is not type(b):
            found.append(Difference(key=key, left=a, right=b, only_in=only_in))
    return found
