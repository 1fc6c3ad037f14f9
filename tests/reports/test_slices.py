import numpy as np
import pandas as pd

from auto_train.reports.slices import slices


def table(n: int = 400, **columns) -> pd.DataFrame:
    """Return rows of a model that is right in nine of ten cases, everywhere the same."""
    score = (np.arange(n) % 10 != 0).astype(float)
    rows = {"path": [f"cat/{i}.png" for i in range(n)], "label": "cat", "width": 28, "height": 28, "brightness": 100.0}
    return pd.DataFrame({**rows, "score": score, **columns})


def by(found: list[dict], kind: str) -> dict[str, dict]:
    return {row["name"]: row for row in found if row["by"] == kind}


def test_images_that_are_alike_make_no_slices():
    assert slices(table()) == []


def test_dark_images_that_are_worse_are_flagged():
    dark = np.arange(400) % 4 == 0
    score = np.where(dark, np.arange(400) % 8 == 0, 1).astype(float)
    found = slices(
        table(brightness=np.where(dark, 10.0 + np.arange(400) % 7, 120.0 + np.arange(400) % 50), score=score)
    )
    worst = [row for row in found if row["is_worse"]]
    assert [row["by"] for row in worst] == ["brightness"] and worst[0]["name"] == "10 – 16 of 255"
    assert worst[0]["images"] == 100 and worst[0]["value"] == 0.5 and worst[0]["rest"] == 1.0


def test_model_that_is_the_same_everywhere_has_no_flags():
    generator = np.random.default_rng(0)
    found = slices(table(brightness=generator.uniform(0, 255, 400), width=generator.integers(20, 90, 400)))
    assert len(found) == 8 and not any(row["is_worse"] for row in found)
    assert sum(row["images"] for row in by(found, "brightness").values()) == 400
    assert all(row["low"] <= row["value"] <= row["high"] for row in found)


def test_few_sizes_are_slices_by_themselves():
    found = by(slices(table(width=np.where(np.arange(400) < 100, 28, 640))), "image size")
    assert {name: row["images"] for name, row in found.items()} == {"28 × 28 px": 100, "640 × 28 px": 300}


def test_folders_are_taken_without_the_class():
    paths = [f"camera {i % 2}/{'cat' if i % 4 < 2 else 'dog'}/{i}.png" for i in range(400)]
    labels = ["cat" if i % 4 < 2 else "dog" for i in range(400)]
    found = by(slices(table(path=paths, label=labels)), "folder")
    assert {name: row["images"] for name, row in found.items()} == {"camera 0": 200, "camera 1": 200}


def test_many_folders_are_the_largest_and_the_rest():
    paths = [f"day {min(i // 4, 60):02d}/cat/{i}.png" for i in range(400)]
    found = by(slices(table(path=paths)), "folder")
    assert len(found) == 21 and found["41 smaller folders"]["images"] == 164
    assert found["day 60"]["images"] == 160


def test_few_images_are_never_called_worse():
    score = np.ones(400)
    score[:10] = 0
    found = slices(table(width=np.where(np.arange(400) < 10, 5, 28), score=score))
    assert found[0]["images"] == 10 and found[0]["value"] == 0 and not found[0]["is_worse"]


def test_interval_of_a_score_stays_within_its_range():
    is_small = np.arange(40) < 4
    score = np.where(is_small, [0.0, 0.0, 0.01, 0.4] * 10, 0.99)
    for values in (score, 1 - score):
        small = slices(table(40, width=np.where(is_small, 20, 90), score=values))[0]
        assert small["images"] == 4 and 0 <= small["low"] < small["value"] < small["high"] <= 1
        assert small["high"] - small["low"] > 0.25


def test_errors_are_worse_where_they_are_larger():
    error = np.where(np.arange(400) < 100, 5.0, 1.0) + np.arange(400) % 3 / 10
    found = slices(table(width=np.where(np.arange(400) < 100, 5, 28), score=error), lower_is_better=True)
    assert [row["is_worse"] for row in found] == [True, False]


def test_hundred_thousand_rows_are_sliced():
    generator = np.random.default_rng(0)
    paths = [f"camera {i % 30}/cat/{i}.png" for i in range(100_000)]
    found = slices(table(100_000, path=paths, brightness=generator.uniform(0, 255, 100_000)))
    assert len(found) == 25


def test_chance_alone_rarely_flags_a_slice():
    # 200 models of 150 images, right with a chance of 0.8 whatever the image: at most one in twenty may have a flag.
    generator, flagged = np.random.default_rng(0), 0
    for _ in range(200):
        score = (generator.random(150) < 0.8).astype(float)
        images = table(150, brightness=generator.uniform(0, 255, 150), width=generator.integers(20, 90, 150))
        flagged += any(row["is_worse"] for row in slices(images.assign(score=score)))
    assert flagged <= 10
