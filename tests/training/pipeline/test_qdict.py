"""F3.5."""

import copy
import pickle
from argparse import Namespace

import numpy as np
import pytest

from auto_train.config import AttrDict
from auto_train.training.pipeline.qdict import qDict


@pytest.fixture
def nested() -> qDict:
    return qDict({"a": {"b": {"c": 1}}, "d": [1, 2]})


def test_qdict_is_an_attrdict_whose_missing_keys_are_none(nested: qDict):
    assert isinstance(nested, AttrDict) and isinstance(nested, dict)
    assert nested.a.b.c == nested["a"]["b"]["c"] == nested["a.b.c"] == 1
    assert nested.x is nested["x"] is nested.a.x is nested["a.x"] is nested["x.y"] is None
    assert "x" not in nested and "a.x" not in nested and "a.b.c" in nested
    assert nested.get("x", 7) == nested.get("a.x", 7) == nested.a.get("x", 7) == 7


def test_qdict_not_allowing_what_does_not_exist_raises_at_every_depth():
    strict = qDict({"a": {"epochs": 1}}, allow_notexist=False)
    with pytest.raises(KeyError, match="no key 'epohs'; did you mean 'epochs'"):
        strict.a["epohs"]
    with pytest.raises(AttributeError, match="no key 'epohs'; did you mean 'epochs'"):
        _ = strict.a.epohs


def test_qdict_default_function_wins_and_its_value_stays():
    for allowed in (True, False):
        lists = qDict({"a": {}}, default_function=list, allow_notexist=allowed)
        lists.x.append(1)
        lists.a["y"].append(2)
        assert lists == {"a": {"y": [2]}, "x": [1]}


def test_qdict_takes_mappings_pairs_and_namespaces():
    expected = {"a": 1, "b": {"c": 2}}
    for source in (expected, expected.items(), Namespace(**expected), AttrDict(expected)):
        made = qDict(source)
        assert made == expected and type(made.b) is qDict
    assert qDict() == {}


def test_qdict_converts_what_is_set_later():
    made = qDict()
    made.a = {"b": 1}
    made["c"] = {"d": 2}
    made.update({"e": {"f": 3}}, g={"h": 4})
    made |= {"i": {"j": 5}}
    assert made.setdefault("k", {"l": 6}).l == 6
    assert [made.a.b, made.c.d, made.e.f, made.g.h, made.i.j, made.k.l] == [1, 2, 3, 4, 5, 6]
    assert made.setdefault("a", 0) == {"b": 1}


def test_qdict_recursive_update_merges_mappings_and_replaces_the_rest(nested: qDict):
    same = nested.recursive_update({"a": {"b": {"d": 2}, "e": 3}, "d": [9], "f": {"g": 4}})
    assert same is nested
    assert nested.to_dict() == {"a": {"b": {"c": 1, "d": 2}, "e": 3}, "d": [9], "f": {"g": 4}}
    assert nested.recursive_update({"a": 5}).a == 5 and nested.recursive_update({"a": {"b": 6}}).a.b == 6


def test_qdict_lazy_update_takes_new_keys_only(nested: qDict):
    assert nested.lazy_update({"a": 0, "n": {"m": 1}}) is nested
    assert nested.a.b.c == 1 and nested.n.m == 1


def test_qdict_to_dict_is_plain_and_shares_nothing(nested: qDict):
    plain = nested.to_dict()
    assert type(plain) is type(plain["a"]["b"]) is dict
    plain["d"].append(3)
    assert nested.d == [1, 2]


def test_qdict_copy_is_shallow_and_deepcopy_deep(nested: qDict):
    shallow, deep = nested.copy(), copy.deepcopy(nested)
    shallow.new = 1
    assert "new" not in nested
    assert shallow.a is nested.a and shallow.d is nested.d
    deep.a.b.c = 2
    deep.d.append(3)
    assert nested == {"a": {"b": {"c": 1}}, "d": [1, 2]}


def test_qdict_copies_and_pickles_keep_their_defaults():
    strict, lists = qDict({"a": {}}, allow_notexist=False), qDict({"a": {}}, default_function=list)
    for twin in (strict.copy(), copy.deepcopy(strict), pickle.loads(pickle.dumps(strict))):
        assert type(twin.a) is qDict
        with pytest.raises(KeyError, match="no key 'x'"):
            twin.a["x"]
    for twin in (lists.copy(), copy.deepcopy(lists), pickle.loads(pickle.dumps(lists))):
        assert twin.x == []


def test_qdict_has_no_special_methods_it_does_not_define(nested: qDict):
    with pytest.raises(AttributeError, match="__array_interface__"):
        _ = nested.__array_interface__
    assert np.array(nested, dtype=object).item() is nested
