import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from auto_train.data.doctor import KINDS, write_data_report
from auto_train.data.doctor.finding import MAX_ITEMS

EVIL = "<script>alert('x')</script>&"


class Page(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def odd(write_photos, photo, tmp_path: Path) -> Path:
    """Return a folder whose labels look like HTML, numbers and paths, with findings of many kinds."""
    folder = write_photos({f"{EVIL.replace('/', '∕')}/1.png": 0, "007/2.png": 1, "C:\\a/3.png": 2, "007/4.png": 3})
    photo(0).save(folder / "007/again.jpg")
    Image.new("RGB", (40, 40)).save(folder / "007/black.png")
    (folder / "007/<b>zero.png").touch()
    return folder


def test_report_for_programs_has_the_agreed_form(odd, doctor, tmp_path: Path):
    examination = doctor(odd)
    write_data_report(examination, tmp_path / "report")
    found = json.loads((tmp_path / "report/data_report.json").read_text())
    assert found["schema_version"] == 1 and found["images"] == 7
    assert sorted(found["classes"]) == sorted(examination.samples.labels)
    assert [finding["code"] for finding in found["findings"]] == [finding.code for finding in examination.findings]
    for finding in found["findings"]:
        assert finding["severity"] in ("error", "warning", "info") and len(finding["items"]) <= MAX_ITEMS
        assert all(set(item) == {"path", "split", "label", "message", "group"} for item in finding["items"])
    severities = [finding["severity"] for finding in found["findings"]]
    assert severities == sorted(severities, key=("error", "warning", "info").index)


def test_page_is_escaped_self_contained_and_has_pictures(odd, doctor, tmp_path: Path):
    page = Page(write_data_report(doctor(odd), tmp_path))
    assert "script" not in page.tags and "b" not in page.tags and "<script>" in page.text
    assert page.tags.count("img") >= 3
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    assert "color-scheme: light dark" in (tmp_path / "data_report.html").read_text()


def test_page_of_thousands_of_findings_stays_small(write_photos, doctor, tmp_path: Path):
    folder = write_photos({"a/0.png": 0, "b/1.png": 1})
    for i in range(500):
        Image.new("L", (64, 64), i % 256).save(folder / f"a/{i}.bmp")
    page = write_data_report(doctor(folder), tmp_path)
    assert page.stat().st_size < 500_000
    assert len(json.loads((tmp_path / "data_report.json").read_text())["findings"][-1]["items"]) <= MAX_ITEMS


def test_sound_data_has_a_page_that_says_so(write_photos, doctor, tmp_path: Path):
    folder = write_photos({f"{'ab'[i % 2]}/{i}.png": i for i in range(20)})
    assert "Nothing was found" in Page(write_data_report(doctor(folder), tmp_path)).text


def test_names_that_are_no_unicode_do_not_stop_the_report(make_files, doctor, tmp_path: Path):
    folder = make_files("a/1.png", "b/2.png")
    (folder / os.fsdecode(b"a/\xff.png")).touch()
    page = write_data_report(doctor(folder), tmp_path)
    assert "a/?.png" in page.read_text(encoding="utf-8")
    found = json.loads((tmp_path / "data_report.json").read_text())
    assert os.fsencode(found["findings"][0]["items"][0]["path"]) == b"a/\xff.png"


def test_data_in_memory_is_examined(doctor, tmp_path: Path):
    examination = doctor("builtin:digits")
    assert not examination.errors and sum(examination.splits.values()) == 1797
    assert "in memory" in " ".join(examination.notes)
    assert "data_report" in write_data_report(examination, tmp_path).name


def test_docs_list_every_code_with_its_severity(root: Path):
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", (root / "docs/data.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(code, kind.severity) for code, kind in KINDS.items()]


def test_kinds_are_ordered_by_severity():
    severities = [kind.severity for kind in KINDS.values()]
    assert severities == sorted(severities, key=("error", "warning", "info").index)


def test_real_photos_have_one_pair_at_most_that_looks_alike(mirror: Path, doctor, tmp_path: Path):
    from auto_train.data import acquire

    folder = acquire(str(mirror / "flowers_240/flowers_240.tgz"), tmp_path / "flowers_240").folder
    examination = doctor(folder)
    assert examination.splits == {"train": 450, "valid": 150} and not examination.errors
    assert sum(finding.count for finding in examination.findings if finding.code.startswith("near_")) <= 4
