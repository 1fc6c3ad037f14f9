"""Every file of tests/inis/broken gives its own message, at its own line."""

from pathlib import Path

import pytest

from auto_train.config import lint_config, load_config
from auto_train.errors import ConfigError

BROKEN = Path(__file__).parents[1] / "inis/broken"

# file → what each problem of it says after the path: line, [section] key, message
EXPECTED: dict[str, list[str]] = {
    "base_empty": [":2 [META] base: this names no file; write 'base = FILE.ini'"],
    "base_is_itself": [":2 [META] base: Loop Inherit: base_is_itself.ini → base_is_itself.ini"],
    "base_is_number": [":2 [META] base: '3' is no base; allowed: a file name"],
    "base_missing": [":2 [META] base: the base 'no_such_base' does not exist; looked for: /"],
    "base_without_key": [":1 [META]: this section has no key 'base'"],
    "binary": [":3: this is a binary file, not text: byte 19 is 0x00"],
    "bool_is_number": [":2 [architecture.backbone] pretrained: '3' is neither true nor false (allowed: bool)"],
    "choice_unknown": [":2 [training.scheme] balance: 'wieghts' is not one of them (allowed: one of none, weights,"],
    "duplicate_key": [":4 [training.scheme] epochs: this key is already set in line 2"],
    "duplicate_section": [":7 [training.scheme]: this section is already opened in line 1"],
    "empty": [":1: this file is empty"],
    "float_not_finite": [":2 [training.scheme] weight_decay: 'inf' is no finite number"],
    "float_not_positive": [":2 [training.scheme] learning_rate: '0' is out of range (allowed: float >= 1e-8 or none)"],
    "float_out_of_range": [":2 [training.scheme] label_smoothing: '0.9' is out of range (allowed: float 0..0.5)"],
    "function_argument_missing": [
        ":2 [architecture.head] @head: head 'custom_head' needs the argument 'head_input_size'"
    ],
    "function_argument_surplus": [
        ":4 [training.preprocess] imagesize: preprocess_function 'my_preprocess' takes no argument 'imagesize'; "
        "did you mean 'image_size'?"
    ],
    "function_argument_wrong_type": [":3 [training.preprocess] image_size: 'large' is no number (allowed: int)"],
    "function_kind_unknown": [
        ":2 [architecture.head] @heads: there is no kind of function '@heads'; did you mean 'head'?"
    ],
    "function_name_unknown": [
        ":2 [architecture.head] @head: no head is registered as 'custom_haed'; did you mean 'custom_head'?"
    ],
    "function_twice": [":2 [architecture.head] @head: a section holds one function, this one names 2: @head, @pre"],
    "function_of_another_kind": [
        ":5 [training.preprocess] @head: this section is for @preprocess_function or @augmentations, a head has no",
        ":9 [architecture.head] @preprocess_function: this section is for @head, a preprocess_function has no effect",
    ],
    "function_where_none_fits": [":2 [training.scheme] @head: this section holds no function (allowed in: proj"],
    "functions_file_missing": [":3 [project] custom_functions: '/"],
    "header_default": [":1: '[DEFAULT]' is no section name"],
    "header_empty": [":4: '[]' is no section name"],
    "header_not_closed": [":4 [training.scheme]: the section header '[training.scheme' has no closing ']'"],
    "header_with_text_after": [":1 [project]: 'name = mnist' stands after the section header"],
    "header_with_two_dots": [":1: '[training..scheme]' is no section name"],
    "int_below_minimum": [":2 [training.scheme] batch_size: '0' is out of range (allowed: int >= 1)"],
    "int_is_fraction": [":2 [training.scheme] epochs: '2.5' is no whole number (allowed: int >= 0)"],
    "int_is_word": [":2 [training.scheme] epochs: 'many' is no number (allowed: int >= 0)"],
    "int_out_of_range": [":2 [architecture] image_size: '4' is out of range (allowed: int 8..2048)"],
    "key_before_section": [":1 name: this key comes before any [section]"],
    "key_in_quotes": [":2 [training.scheme]: '\"epochs\"' is no key name; did you mean 'epochs'?"],
    "key_with_blank": [":2 [training.scheme]: 'batch size' is no key name; did you mean 'batch_size'?"],
    "key_with_dot": [":2 [training]: 'scheme.epochs' is no key name; did you mean 'epochs' in [training.scheme]?"],
    "latin1": [":2: byte 0xf6 is not UTF-8 text; save the file as UTF-8"],
    "line_without_equals": [":5 [training.scheme]: 'epochs 3' is no 'key = value', no [section] and no # comment"],
    "list_item_wrong_type": [":2 [architecture] mean: 'half' is no number (allowed: float)"],
    "list_not_closed": [":2 [project] classes: the '[' of this value is never closed"],
    "list_wrong_bracket": [":2 [project] classes: '(cat, dog]' opens with '(' but does not end with ')'"],
    "only_comments": [":1: this file is empty"],
    "path_missing": [":2 [training] dir: the value is missing (allowed: path)"],
    "quote_not_closed": [":2 [project] name: '\"mnist' is no complete text: close the quote"],
    "section_where_key_is_known": [":1 [project.name]: 'name' is a key of [project], so it cannot be a section"],
    "type_unknown": [
        ":3 [project] type: 'clasification' is no task that is available here; did you mean 'classification'?"
    ],
    "type_variable": [":3 [project] type: '${project.name}' is no task that is available here; allowed: "],
    "typo_in_key": [":5 [training.scheme] epohcs: unknown key; did you mean 'epochs'?"],
    "typo_in_key_case": [":3 [training.scheme] Epochs: unknown key; did you mean 'epochs'?"],
    "typo_in_meta": [":2 [META] bse: unknown key; the only one here is 'base'"],
    "typo_in_section": [":1 [trainning.scheme]: unknown section; did you mean [training.scheme]?"],
    "utf16": [":1: this file is UTF-16 text; save it as UTF-8"],
    "value_and_section": [":2 [training] scheme: 'scheme' is the section [training.scheme], so it cannot be a key"],
    "value_is_comment": [":2 [training.scheme] epochs: the value is missing (allowed: int >= 0)"],
    "value_missing": [":2 [training.scheme] epochs: the value is missing (allowed: int >= 0)"],
    "value_where_section_is_known": [":2 [architecture] head: 'head' is the section [architecture.head]"],
    "variable_cycle": [
        ":2 [project] name: its value depends on itself: project.name → training.dir → project.location → project.name"
    ],
    "variable_empty": [":2 [training] dir: '${}' is no reference"],
    "variable_lone_dollar": [":2 [training] dir: a '$' must begin ${section.key}; write '$$' for a dollar sign"],
    "variable_not_closed": [":2 [training] dir: a '$' must begin ${section.key}"],
    "variable_section_inside_text": [":2 [project] name: '${training.scheme}' is a whole section and cannot stand"],
    "variable_self": [":2 [training] dir: its value depends on itself: training.dir → training.dir"],
    "variable_undefined": [":2 [training] dir: '${project.nmae}' is not defined; did you mean '${project.name}'?"],
    "variable_undefined_beside": [
        ":2 [training.scheme] output_path: '${ouptut}' is not defined; did you mean '${training.scheme.output}'?"
    ],
    "variable_wrong_type": [
        ":2 [training.scheme] epochs: 'project' is no number (allowed: int >= 0); it comes from '${project.name}'"
    ],
}


def test_broken_inis_are_all_listed():
    assert {path.stem for path in BROKEN.glob("*.ini")} == set(EXPECTED)
    assert len(EXPECTED) >= 40


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_broken_ini_gives_its_own_message_and_line(name: str):
    file = BROKEN / f"{name}.ini"
    problems = [str(problem) for problem in lint_config(file) if problem.level == "error"]
    assert len(problems) == len(EXPECTED[name]), problems
    for problem, expected in zip(problems, EXPECTED[name]):
        assert problem.startswith(f"{file}{expected}")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_broken_ini_is_refused_by_load(name: str):
    with pytest.raises(ConfigError) as caught:
        load_config(BROKEN / f"{name}.ini")
    assert caught.value.exit_code == 2
    assert EXPECTED[name][0] in str(caught.value)


def test_broken_messages_differ_between_files():
    said = [EXPECTED[name][0] for name in EXPECTED]
    assert len(set(said)) >= len(said) - 3  # empty and comments only; missing and commented out; unclosed and lone $
