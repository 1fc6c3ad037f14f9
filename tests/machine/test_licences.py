from importlib.metadata import distribution

import pytest

from auto_train.machine.licences import find_licence, kind_of, package_licences
from tests.machine.conftest import Install

# NVIDIA's own, which holds nothing: the libraries it asks for say what they are under.
NOT_RECORDED = {"cuda-toolkit"}
MIT_TEXT = "Copyright (c) 2020 Somebody\n\nPermission is hereby granted, free of charge, to any person"


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("MIT", "permissive"),
        ("Apache-2.0", "permissive"),
        ("BSD-3-Clause AND 0BSD AND Zlib AND CC0-1.0", "permissive"),
        ("Apache Software License AND BSD License", "permissive"),
        ("ISC License (ISCL)", "permissive"),
        ("Historical Permission Notice and Disclaimer (HPND)", "permissive"),
        ("Python Software Foundation License", "permissive"),
        ("MIT-CMU", "permissive"),
        ("The Unlicense (Unlicense)", "permissive"),
        ("cc-by-4.0", "permissive"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "weak copyleft"),
        ("MPL-2.0 AND MIT", "weak copyleft"),
        ("LGPL-2.1-or-later", "weak copyleft"),
        ("GNU Lesser General Public License v3 (LGPLv3)", "weak copyleft"),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", "weak copyleft"),
        ("GPL-3.0-only", "copyleft"),
        ("GPLv2", "copyleft"),
        ("AGPL-3.0", "copyleft"),
        ("GNU General Public License v3 or later (GPLv3+)", "copyleft"),
        ("MIT AND GPL-2.0-only", "copyleft"),
        ("GPL-2.0-only OR MIT", "permissive"),
        ("(MIT OR GPL-2.0-only) AND (MPL-2.0 OR BSD-2-Clause)", "permissive"),
        ("(MIT AND (GPL-2.0-only OR AGPL-3.0)) OR LGPL-3.0", "weak copyleft"),
        ("MIT AND LicenseRef-Something", "unknown"),
        ("LicenseRef-NVIDIA-Proprietary", "restricted"),
        ("Other/Proprietary License", "restricted"),
        ("cc-by-nc-4.0", "restricted"),
        ("none: training started from random weights", "none"),
        ("that of weights.safetensors", "unknown"),
        ("not recorded by timm for resnet18", "unknown"),
        ("", "unknown"),
    ],
)
def test_licence_is_of_its_kind(licence: str, kind: str) -> None:
    assert kind_of(licence) == kind


@pytest.mark.parametrize(
    ("lines", "text", "found"),
    [
        (["License-Expression: MIT", "License: other"], "", ("MIT", "permissive")),
        (["License-Expression: LicenseRef-Own"], MIT_TEXT, ("LicenseRef-Own", "unknown")),
        (["Classifier: License :: OSI Approved :: MIT License"], "", ("MIT License", "permissive")),
        (
            ["Classifier: License :: OSI Approved", "Classifier: License :: OSI Approved :: BSD License"],
            "",
            ("BSD License", "permissive"),
        ),
        (["Classifier: License :: OSI Approved", "License: BSD"], "", ("BSD", "permissive")),
        (["License: GPL-3.0"], "", ("GPL-3.0", "copyleft")),
        (["License: UNKNOWN"], "", ("", "unknown")),
        (["License: see file"], MIT_TEXT, ("Copyright (c) 2020 Somebody", "permissive")),
        ([], "", ("", "unknown")),
        ([], "Apache License\n\nTERMS FOR USE, REPRODUCTION, AND DISTRIBUTION", ("Apache License", "permissive")),
    ],
)
def test_licence_is_read_where_a_package_records_it(
    install: Install, lines: list[str], text: str, found: tuple[str, str]
) -> None:
    install("thing", "1.0", *lines, licence=text)
    assert find_licence(distribution("thing")) == found


def test_licences_of_everything_installed_are_known_and_none_is_copyleft() -> None:
    found = package_licences()
    assert {item.name for item in found if item.kind in ("copyleft", "unknown")} <= NOT_RECORDED
    assert {item.name: item.kind for item in found}["torch"] == "permissive"
    assert all(item.version and item.used_by for item in found)
