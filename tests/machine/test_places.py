import os
from pathlib import Path

import pytest

from auto_train.machine.places import Place, look_at_places


def looked_at(*, offline: bool = True) -> dict[str, Place]:
    return {at.what: at for at in look_at_places(offline=offline)}


def test_places_say_where_they_are_and_how_much_room_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", os.pathsep.join([str(tmp_path), str(tmp_path / "none")]))
    places = list(look_at_places(offline=True))
    cache = places[0]
    assert (cache.what, cache.place, cache.is_usable) == ("cache", str(tmp_path / "cache"), True)
    assert cache.free_mb and cache.free_mb > 0
    mirrors = [(at.place, at.is_usable, at.note) for at in places if at.what == "mirror"]
    assert mirrors == [(str(tmp_path), True, ""), (str(tmp_path / "none"), False, "there is no such folder")]


def test_cache_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "file/cache"))
    cache = looked_at()["cache"]
    assert (cache.is_usable, cache.place) == (False, f"{tmp_path}/file/cache")
    assert "the cache cannot be made: Not a directory" in cache.note


def test_hub_is_not_asked_offline() -> None:
    assert (looked_at()["weights hub"].is_usable, looked_at()["weights hub"].note) == (None, "not asked: offline")


def test_hub_that_does_not_answer_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    hub = looked_at(offline=False)["weights hub"]
    assert hub.is_usable is False and "no connection to http://127.0.0.1:9" in hub.note
