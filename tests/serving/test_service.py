import asyncio
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from auto_train.answers.draw import Picture
from auto_train.bundle.find import find_at
from auto_train.config import default_config
from auto_train.errors import RequestError
from auto_train.serving.predictor import open_predictor
from auto_train.serving.service import Service, as_prefix
from tests.api.pictures import picture


def test_pictures_are_let_go_one_after_another(colours: Path) -> None:
    seen: list[weakref.ref[np.ndarray]] = []

    def show(shown: Picture) -> str:
        assert all(earlier() is None for earlier in seen)
        seen.append(weakref.ref(shown.pixels))
        return f"{shown.answer['prediction']} {shown.pixels.shape[1]}"

    service = Service(default_config(), partial(open_predictor, find_at(colours)))
    service.load()
    uploads = [picture(size=(200 + number, 100)) for number in range(5)]
    lost = RequestError("lost", status=422, type="bad_field")
    found = asyncio.run(service.pictures([*uploads, lost], show))
    assert found == [*(f"red {200 + number}" for number in range(5)), lost]
    assert service.close() and service.slots.taken == 0


@pytest.mark.parametrize(
    ("root_path", "prefix"), [(None, ""), ("", ""), ("/", ""), ("a", "/a"), ("/a/b/", "/a/b"), ("/a", "/a")]
)
def test_prefix_has_a_slash_in_front_and_none_behind(root_path: str | None, prefix: str) -> None:
    assert as_prefix(root_path) == prefix
