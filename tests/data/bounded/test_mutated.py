"""Images with flipped bits, cut ends, enlarged numbers and repeated pieces: refused or decoded, within the limits."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pages import ROOT

PROGRAM = Path(__file__).parent / "mutate.py"
# A process that dies of one image names its share: so many images at most have to be looked through.
SHARE = 2_500


def decode_mutated(first: int, count: int) -> dict[str, dict[str, int] | list[str] | float]:
    command = [sys.executable, str(PROGRAM), str(first), str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"images {first} to {first + count} ended it with {done.returncode}\n{done.stderr[-2000:]}"
    )
    return json.loads(done.stdout)


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_some_hundred_mutated_images_are_decoded_or_refused_within_limits():
    found = decode_mutated(0, 600)
    assert not found["failed"]
    assert sum(found["results"].values()) == 600 and found["results"]["decoded"] > 50


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_100_000_mutated_images_are_decoded_or_refused_within_limits():
    with ThreadPoolExecutor(2) as pool:
        shares = list(pool.map(lambda first: decode_mutated(first, SHARE), range(0, 100_000, SHARE)))
    assert not [failure for share in shares for failure in share["failed"]]
    assert sum(sum(share["results"].values()) for share in shares) == 100_000
