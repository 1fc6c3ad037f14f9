"""F2.2's references; where confection answers, ours is the same answer."""

import pytest

from auto_train.config import lint_config, load_config


def errors(path) -> list[str]:
    return [str(problem).removeprefix(f"{path}:") for problem in lint_config(path) if problem.level == "error"]


def test_variable_alone_keeps_its_type(write_ini):
    config = load_config(
        write_ini("""
            [project]
            num_classes = 2
            [my]
            number = ${project.num_classes}
            same = ${project:num_classes}
            float = ${training.scheme.weight_decay}
            none = ${training.train_ratio}
            list = ${project.classes}
            flag = ${architecture.backbone.pretrained}
            [project.more]
            x = 1
            """),
        {"project.classes": ["a", "b"]},
    )
    assert config.my == {"number": 2, "same": 2, "float": 0.01, "none": None, "list": ["a", "b"], "flag": True}
    assert type(config.my.number) is int


def test_variable_inside_text_is_text_as_written(write_ini):
    config = load_config(
        write_ini("""
            [v]
            number = 1.10
            unit = px
            quote = say "hi" \\now
            flag = True
            [my]
            version = v${v.number}
            spaced = 10 ${v.unit} ${v.flag}
            quoted = "${v.quote} # no comment"
            list = ["${v.quote}", "${v.unit}"]
            joined = ${v.unit}${v.unit}
            digits = ${v.flag}${v.flag}
            dollar = $$${v.unit} $${v.unit}
            """)
    )
    assert config.my == {
        "version": "v1.10",
        "spaced": "10 px true",
        "quoted": 'say "hi" \\now # no comment',
        "list": ['say "hi" \\now', "px"],
        "joined": "pxpx",
        "digits": "truetrue",
        "dollar": "$px ${v.unit}",
    }


def test_variable_takes_the_declared_type_of_its_key(write_ini):
    config = load_config(
        write_ini("""
            [my]
            count = 5
            names = a, b
            number = 1.50
            [project]
            name = ${my.number}
            classes = ${my.names}
            [training.scheme]
            epochs = ${my.count}
            learning_rate = ${my.count}e-3
            """)
    )
    assert config.project.name == "1.50"
    assert config.project.classes == ["a", "b"]
    assert (config.training.scheme.epochs, config.training.scheme.learning_rate) == (5, 0.005)


def test_variable_of_one_word_is_the_key_beside_it_then_a_section(write_ini):
    config = load_config(
        write_ini("""
            [my]
            a = 1
            b = ${a}
            whole = ${other}
            part = ${my.inner}
            [my.inner]
            c = ${d}
            d = 2
            [other]
            a = ${my.inner.c}
            """)
    )
    assert config.my.b == 1
    assert config.my.whole == {"a": 2}
    assert config.my.part == {"c": 2, "d": 2}


def test_variable_in_its_own_value_is_the_enclosing_section_s(write_ini):
    config = load_config(
        write_ini("""
            [project]
            root = /home
            [project.data.images.left]
            root = ${root}/data/
            """)
    )
    assert config.project.data.images.left.root == "/home/data/"


def test_variable_section_is_a_copy_of_its_own(write_ini):
    config = load_config(
        write_ini("""
            [my]
            a = [1]
            [twin]
            whole = ${my}
            """)
    )
    config.twin.whole.a.append(2)
    assert config.my.a == [1]


def test_variable_chain_may_be_long_where_values_stand_in_order(write_ini):
    lines = [f"k{number} = ${{k{number - 1}}}" for number in range(1, 500)]
    config = load_config(write_ini("[my]\nk0 = 7\n" + "\n".join(lines)))
    assert config.my.k499 == 7


def test_variable_chain_that_is_endless_is_an_error_without_a_traceback(write_ini):
    lines = [f"k{number} = ${{k{number + 1}}}" for number in range(5000)]
    found = errors(write_ini("[my]\n" + "\n".join([*lines, "k5000 = 1"])))
    assert "chained more than 100 deep" in found[0]


def test_variable_cycle_is_reported_once(write_ini):
    found = errors(write_ini("[my]\na = ${b}\nb = ${c}\nc = x${a}\nd = ${a}\n"))
    assert found == ["2 [my] a: its value depends on itself: my.a → my.b → my.c → my.a"]


def test_variable_problems_are_all_reported(write_ini):
    found = errors(write_ini("[my]\na = ${no.such} ${nor.this}\nb = $x ${my}\nc = ${a b}\n"))
    assert found == [
        "2 [my] a: '${no.such}' is not defined",
        "2 [my] a: '${nor.this}' is not defined",
        "3 [my] b: a '$' must begin ${section.key}; write '$$' for a dollar sign",
        "3 [my] b: '${my}' is a whole section and cannot stand inside a longer value",
        "4 [my] c: '${a b}' is no reference (allowed: ${section.key}, ${key}, ${section})",
    ]


def test_variable_value_is_never_evaluated(write_ini):
    config = load_config(write_ini("[my]\na = __import__('os').getcwd()\nb = ${a} + 1\nc = 1 + 1\n"))
    assert config.my == {"a": "__import__('os').getcwd()", "b": "__import__('os').getcwd() + 1", "c": "1 + 1"}


@pytest.mark.parametrize(
    "text",
    [
        "[a]\nx = 1\ny = ${a.x}\nz = v${a:x}/w\n",
        "[a]\nx = resnet\n[a.b]\ny = ${a.x}18\nz = [1, 2.5, true, null]\n",
        '[a]\nx = {"k": [1]}\ny = ${x}\nq = "quoted"\np = "$$ ${q}"\n',
        "[a]\nx = 0.0.1\ny = https://host/${x}\nn = 10\nm = ${n}${n}\n[b]\nwhole = ${a}\n",
    ],
)
def test_variables_give_confection_s_answer_where_it_has_one(write_ini, text: str):
    from confection import Config

    theirs = Config().from_str(text)
    ours = load_config(write_ini(text)).to_dict()
    assert {name: ours[name] for name in theirs} == dict(theirs)
