import pytest

from auto_train.data.readers.metadata import is_metadata, words_of


@pytest.mark.parametrize(
    "name",
    ["", "id", "Unnamed: 0", "patient_id", "patientID", "annotation_id", "annotator", "created_at", "updated at",
     "lead_time", "scan date", "timestamp", "image_width", "fileSize", "file_size", "sha256", "image url"],
)  # fmt: skip
def test_columns_about_the_rows_are_told_by_their_names(name: str) -> None:
    assert is_metadata(name)


@pytest.mark.parametrize("name", ["age", "label", "class_id", "category id", "width", "weight [kg]", "valid", "candid"])
def test_columns_about_what_is_on_the_images_are_none(name: str) -> None:
    assert not is_metadata(name)


@pytest.mark.parametrize("cell", ["2024-05-02", "2024-05-02T10:00:00Z", "2.5.2024", "05/02/24"])
def test_dates_are_told_by_their_cells(cell: str) -> None:
    assert is_metadata("taken", ["", cell])
    assert not is_metadata("taken", [cell, "yesterday"])


def test_words_of_a_name_are_the_same_however_it_is_written() -> None:
    assert words_of("patientID") == words_of("patient_id") == words_of("Patient Id") == ["patient", "id"]
