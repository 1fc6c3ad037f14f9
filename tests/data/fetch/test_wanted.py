from pathlib import Path

import pytest

from auto_train.data.fetch.wanted import WantedFile


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/a/data.tgz", "data.tgz"),
        ("https://host/ds/YpzkdUsjK1?key=m/x.zip#y", "YpzkdUsjK1"),
        ("https://host", "download"),
        ("https://host/a/..", "download"),
        ("https://host/%2e%2e%2fevil.zip", "evil.zip"),
        ("https://host/a%00b", "a_b"),
        ("https://[bad/a.zip", "a.zip"),
        ("file:///data/a%20b.zip", "a b.zip"),
        ("file:/data/a.zip", "a.zip"),
        ("data/a%20b?.zip", "a%20b?.zip"),
    ],
)
def test_wanted_name_is_a_plain_file_name(url: str, name: str) -> None:
    assert WantedFile(url=url).name == name


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///data/a%20b.zip", Path("/data/a b.zip")),
        ("file:/data/a.zip", Path("/data/a.zip")),
        ("file://localhost/data/a.zip", Path("/data/a.zip")),
        ("~/a.zip", Path("~/a.zip").expanduser()),
        ("a.zip", Path.cwd() / "a.zip"),
        ("https://host/a.zip", None),
        ("s3://bucket/a.zip", None),
    ],
)
def test_wanted_local_is_the_file_that_is_meant(url: str, path: Path | None) -> None:
    assert WantedFile(url=url).local == path
