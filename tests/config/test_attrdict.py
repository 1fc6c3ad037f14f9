import copy
import pickle

import pytest

from auto_train.config.attrdict import AttrDict, ReadOnlyAttrDict


@pytest.fixture
def nested() -> AttrDict:
    return AttrDict({"a": {"b": {"c": 1}}, "d": [1, 2], "get": 3})


def test_attrdict_reads_attributes_items_and_dotted_paths(nested: AttrDict):
    assert nested.a.b.c == nested["a"]["b"]["c"] == nested["a.b.c"] == nested.get("a.b.c") == 1


def test_attrdict_in_asks_for_dotted_paths(nested: AttrDict):
    assert "a.b.c" in nested
    assert "b.c" in nested.a
    assert "a.b.x" not in nested
    assert "d.x" not in nested
    assert 5 not in nested


def test_attrdict_dir_lists_its_keys(nested: AttrDict):
    assert {"a", "d"} <= set(dir(nested))
    assert "c" in dir(nested.a.b)


def test_attrdict_missing_key_names_the_nearest(nested: AttrDict):
    epochs = AttrDict({"epochs": 1, "batch_size": 2})
    with pytest.raises(AttributeError, match="no key 'epohcs'; did you mean 'epochs'"):
        _ = epochs.epohcs
    with pytest.raises(AttributeError, match=r"no key 'x' \(there is: epochs, batch_size\)"):
        _ = epochs.x
    with pytest.raises(KeyError, match="no key 'x'"):
        epochs["x"]
    with pytest.raises(KeyError, match="'d' is a value, not a section"):
        nested["d.x"]
    assert nested.get("a.x", 7) == 7


def test_attrdict_to_dict_is_plain_and_shares_nothing(nested: AttrDict):
    plain = nested.to_dict()
    assert type(plain["a"]["b"]) is dict
    plain["d"].append(3)
    assert nested.d == [1, 2]


def test_attrdict_can_be_set_and_wraps_what_is_set(nested: AttrDict):
    nested.e = {"f": 1}
    nested["g"] = {"h": 2}
    assert nested.e.f + nested.g.h == 3


def test_readonly_attrdict_refuses_every_change():
    found = ReadOnlyAttrDict({"a": {"b": 1}})
    for change in (
        lambda: setattr(found.a, "b", 2),
        lambda: found.a.__setitem__("b", 2),
        lambda: found.update(a=1),
        lambda: found.pop("a"),
        lambda: found.clear(),
        lambda: delattr(found, "a"),
    ):
        with pytest.raises(TypeError, match="config values are read-only; pass an override"):
            change()
    assert found.a.b == 1


@pytest.mark.parametrize("kind", [AttrDict, ReadOnlyAttrDict])
def test_attrdict_is_copied_and_pickled_whole(kind: type[AttrDict]):
    found = kind({"a": {"b": [1]}})
    for twin in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert twin == found
        assert type(twin) is type(twin.a) is kind
