"""Every block of README.md runs, in order, as a reader would type it."""

import re
from pathlib import Path

import pytest

from tests.pages import ROOT, blocks_of, run_page

README = ROOT / "README.md"


def test_readme_blocks_are_all_of_a_language_that_is_run():
    blocks = blocks_of(README)
    assert {block.language for block in blocks} == {"bash", "python", "ini", "console"}
    assert all(block.file for block in blocks if block.language == "ini")


def test_readme_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]


@pytest.mark.timeout(600)
def test_readme_every_block_runs_with_a_smaller_network(tmp_path: Path):
    run_page(README, tmp_path, is_fast=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_readme_every_block_runs_as_written(tmp_path: Path):
    run_page(README, tmp_path, is_fast=False)
