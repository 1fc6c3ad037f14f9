"""Checks of single images: files that cannot be used, odd modes and sizes, turned and blank pictures."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from auto_train.data.doctor.finding import Finding, of_rows
from auto_train.data.doctor.looks import Looks
from auto_train.data.doctor.near import contrasts
from auto_train.data.samples import Samples

# Pixels; 8 is the side of the smallest images people train on (scikit-learn's digits).
MIN_SIDE = 8
MAX_ASPECT = 5
# Deviation of the grey pixels, of 0 to 255; JPEG's own noise on a plain picture is about 0.5.
MIN_CONTRAST = 1.0
# Of the range of 16 bits, values up to a fourth are those of 14 bits, up to a sixteenth those of 12.
NARROW = 4
_DEEP, _DEPTH = ";16", "16 bits, scaled to 8"
_ODD_MODES = {
    "CMYK": "CMYK, converted without a colour profile",
    "I;16": _DEPTH,
    "LAB": "Lab, converted without a colour profile",
    "HSV": "HSV",
}
_TURNED = {
    2: "mirrored",
    3: "turned by 180°",
    4: "mirrored upside down",
    5: "mirrored and turned",
    6: "turned right",
    7: "mirrored and turned",
    8: "turned left",
}


def check_problems(samples: Samples, looks: Looks) -> list[Finding]:
    """Find the files that cannot be used."""
    found = sorted(looks.problems.items())
    codes = dict.fromkeys(problem.code for _, problem in found)
    return [
        finding
        for code in codes
        for finding in of_rows(
            code,
            samples,
            [(row, what.message) for row, what in found if what.code == code],
            leaves_out=True,
            has_pictures=False,
        )
    ]


def check_modes(samples: Samples, looks: Looks) -> list[Finding]:
    """Find modes that lose on the way to RGB, that differ from those of most images, and transparency."""
    modes = {row: looks.modes[row] for row in looks.whole.tolist() if looks.modes[row]}
    odd = [(row, why) for row, mode in modes.items() if (why := _why_odd(mode))]
    clear = [(row, f"mode {mode}") for row, mode in modes.items() if mode.removesuffix(_DEEP).endswith("A")]
    apart = {row for row, _ in (*odd, *clear)}
    usual = Counter(modes.values()).most_common(1)[0][0] if modes else ""
    other = [
        (row, f"mode {mode}, most are {usual}") for row, mode in modes.items() if mode != usual and row not in apart
    ]
    return [
        *of_rows("odd_mode", samples, odd),
        *of_rows("narrow_range", samples, _with_range(looks)),
        *of_rows("transparent", samples, clear),
        *of_rows("mixed_modes", samples, other),
    ]


def _why_odd(mode: str) -> str | None:
    return _DEPTH if mode.endswith(_DEEP) else _ODD_MODES.get(mode[:4])


def _with_range(looks: Looks) -> Iterator[tuple[int, str]]:
    """Yield the images of 16 bits whose values stay in a part of the range, as those of cameras of 10 to 14 bits do."""
    for row in looks.whole[looks.peaks[looks.whole] <= 255 // NARROW].tolist():
        share = looks.peaks[row].item() / 255
        yield row, f"its largest value is {share:.1%} of the range, about {round(share * 65_535):,} of 65,535"


def check_orientation(samples: Samples, looks: Looks) -> list[Finding]:
    """Find images that lie otherwise in the file than they are meant to be seen."""
    rows = np.flatnonzero(looks.orientations != 1).tolist()
    found = [(row, f"EXIF {tag}: {_TURNED[tag]}") for row in rows if (tag := int(looks.orientations[row])) in _TURNED]
    return of_rows("exif_rotated", samples, found)


def check_sizes(samples: Samples, looks: Looks) -> list[Finding]:
    """Find images that are tiny or much longer than wide."""
    whole = looks.whole
    short, long = looks.sizes[whole].min(axis=1), looks.sizes[whole].max(axis=1)
    return [
        *of_rows("tiny", samples, _with_sizes(looks, whole[short < MIN_SIDE])),
        *of_rows("extreme_aspect", samples, _with_sizes(looks, whole[long > MAX_ASPECT * short])),
    ]


def check_blank(samples: Samples, looks: Looks) -> list[Finding]:
    """Find images of one colour."""
    whole = looks.whole
    blank = whole[(contrasts(looks.thumbs[whole]) < MIN_CONTRAST) & (looks.sizes[whole].min(axis=1) >= MIN_SIDE)]
    return of_rows("blank", samples, ((row, f"grey {looks.thumbs[row].mean():.0f} of 255") for row in blank.tolist()))


def _with_sizes(looks: Looks, rows: np.ndarray) -> Iterator[tuple[int, str]]:
    for row in rows.tolist():
        width, height = looks.sizes[row].tolist()
        yield row, f"{width} x {height} pixels"
