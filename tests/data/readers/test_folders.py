import unicodedata
from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.inspect.recognise import recognise
from auto_train.errors import DataError


def rows(folder: Path, **options) -> list[tuple[str, str, str]]:
    table = read_samples(folder, "folders", **options).table
    return list(table[["path", "split", "label"]].itertuples(index=False, name=None))


def test_folders_class_folders_have_no_split(make_files) -> None:
    assert rows(make_files("cat/2.png", "cat/10.png", "dog/1.png")) == [
        ("cat/10.png", "", "cat"),
        ("cat/2.png", "", "cat"),
        ("dog/1.png", "", "dog"),
    ]


@pytest.mark.parametrize(
    "names", [("train", "valid", "test"), ("Training", "val", "testing"), ("train", "validation", "Test")]
)
def test_folders_split_folders_by_their_usual_names(make_files, names: tuple[str, str, str]) -> None:
    folder = make_files(*(f"{name}/{label}/1.png" for name in names for label in ("a", "b")))

    assert [(split, label) for _, split, label in rows(folder)] == [
        (split, label) for split in ("train", "valid", "test") for label in ("a", "b")
    ]


def test_folders_train_and_test_only_leave_valid_open(make_files) -> None:
    assert {split for _, split, _ in rows(make_files("train/a/1.png", "train/b/1.png", "test/a/2.png"))} == {
        "train",
        "test",
    }


def test_folders_classes_beside_a_test_folder_are_for_training(make_files) -> None:
    assert rows(make_files("a/1.png", "b/1.png", "test/a/2.png")) == [
        ("a/1.png", "", "a"),
        ("b/1.png", "", "b"),
        ("test/a/2.png", "test", "a"),
    ]


def test_folders_named_dirs_win_and_are_read_once(make_files) -> None:
    folder = make_files("train/a/1.png", "train/b/1.png", "test/a/2.png")

    assert rows(folder, train_dir=folder / "train", validation_dir=folder / "test") == [
        ("train/a/1.png", "train", "a"),
        ("train/b/1.png", "train", "b"),
        ("test/a/2.png", "valid", "a"),
    ]


def test_folders_named_dirs_may_lie_elsewhere(make_files, tmp_path: Path) -> None:
    make_files("a/1.png", "b/1.png", folder=tmp_path / "one")
    make_files("a/2.png", folder=tmp_path / "two")

    found = rows(tmp_path / "one", train_dir=tmp_path / "one", validation_dir=tmp_path / "two")

    assert found[-1] == (str(tmp_path / "two/a/2.png"), "valid", "a")
    assert [split for _, split, _ in found] == ["train", "train", "valid"]


def test_folders_missing_named_dir_suggests_the_one_there(make_files) -> None:
    folder = make_files("train/a/1.png", "val/a/2.png")

    with pytest.raises(DataError, match=r"/validation: no such folder .*val"):
        read_samples(folder, train_dir=folder / "train", validation_dir=folder / "validation")


def test_folders_two_names_for_one_split_are_refused(make_files) -> None:
    with pytest.raises(DataError, match="several folders for the valid split: val, valid") as caught:
        read_samples(make_files("train/a/1.png", "val/a/1.png", "valid/a/1.png"))

    assert "[training.data] validation_dir" in caught.value.hint


def test_folders_deeper_folders_belong_to_their_class(make_files) -> None:
    assert rows(make_files("a/2020/05/1.png", "a/2.png", "b/x/train/1.png")) == [
        ("a/2.png", "", "a"),
        ("a/2020/05/1.png", "", "a"),
        ("b/x/train/1.png", "", "b"),
    ]


def test_folders_hidden_files_are_passed_over_and_others_counted(make_files) -> None:
    folder = make_files("a/1.PNG", "b/1.Jpeg", "a/._1.png", ".hidden/1.png", "__MACOSX/a/1.png", "a/.x/1.png")
    for name in ("a/Thumbs.db", "a/notes.txt", "b/more.txt", "b/README", "a/.DS_Store"):
        (folder / name).write_text("")

    samples = read_samples(folder)

    assert samples.table["path"].tolist() == ["a/1.PNG", "b/1.Jpeg"]
    assert samples.warnings == (f"{folder}: files that are no images are ignored: 2 .txt, 1 .db, 1 without suffix",)


def test_folders_loose_images_and_empty_classes_are_warned_about(make_files) -> None:
    folder = make_files("a/1.png", "b/1.png", "loose.png")
    (folder / "c").mkdir()

    assert read_samples(folder).warnings == (
        f"{folder}: 1 images lie in no class folder and are not used",
        f"{folder}/c: no image in this folder, so it is no class",
    )


def test_folders_beside_the_splits_are_warned_about(make_files) -> None:
    folder = make_files("train/a/1.png", "train/b/1.png", "extra/a/1.png")

    assert read_samples(folder).warnings == (f"{folder}: folders beside the splits are not used: extra",)


def test_folders_link_loops_end_and_linked_images_are_read_once(make_files, tmp_path: Path) -> None:
    folder = make_files("a/1.png", "b/1.png")
    elsewhere = make_files("2.png", folder=tmp_path / "elsewhere")
    (folder / "a/loop").symlink_to(folder / "a")
    (folder / "a/up").symlink_to(folder)
    (folder / "b/linked").symlink_to(elsewhere)
    (folder / "c").symlink_to(elsewhere)

    found = [path for path, _, label in rows(folder) if label in "bc"]

    assert found == ["b/1.png", "b/linked/2.png", "c/2.png"]


def test_folders_broken_link_is_kept_for_the_check_to_name(make_files) -> None:
    folder = make_files("a/1.png", "b/1.png")
    (folder / "b/gone.png").symlink_to(folder / "nowhere.png")

    assert ("b/gone.png", "", "b") in rows(folder)


def test_folders_names_of_any_script_and_bytes_are_read(make_files, tmp_path: Path) -> None:
    folder = make_files("кошка/фото №1.png", "犬/写真.png", 'it\'s, "quoted"/a b.png')
    (folder / "犬" / b"raw\xff.png".decode(errors="surrogateescape")).write_bytes((folder / "犬/写真.png").read_bytes())

    samples = read_samples(folder).fill_hashes()

    assert samples.labels == ['it\'s, "quoted"', "кошка", "犬"]
    assert len(samples) == 4 and samples.images[3].shape == (16, 20, 3)


def test_folders_one_class_in_two_unicode_forms_is_one(make_files) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))

    samples = read_samples(make_files(f"train/{composed}/1.png", "train/tea/1.png", f"valid/{decomposed}/1.png"))

    assert samples.labels == [composed, "tea"]


def test_folders_one_class_only_is_refused(make_files) -> None:
    with pytest.raises(DataError, match=r"one class only, 'cat' .allowed: at least two classes") as caught:
        read_samples(make_files("cat/1.png", "cat/2.png"))

    assert caught.value.exit_code == 3


def test_folders_one_folder_too_high_says_which_is_meant(make_files) -> None:
    folder = make_files("flowers/daisy/1.png", "flowers/rose/1.png")

    with pytest.raises(DataError, match="one class only, 'flowers'") as caught:
        read_samples(folder)

    assert caught.value.hint == f"set [training] dir = {folder}/flowers"


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train/a").mkdir(parents=True)

    with pytest.raises(DataError, match="no image lies in a class folder"):
        read_samples(tmp_path, "folders")


def test_folders_real_flowers(mirror: Path, tmp_path: Path) -> None:
    from auto_train.data import acquire

    samples = read_samples(acquire(str(mirror / "flowers_240/flowers_240.tgz"), tmp_path / "data/flowers_240"))

    # Counts as the data's own README gives them.
    assert samples.labels == ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    assert samples.table.groupby(["split", "label"]).size().tolist() == [90] * 5 + [30] * 5


def test_folders_class_named_like_a_split_is_told(make_files) -> None:
    folder = make_files("bus/1.png", "car/1.png", "train/1.png", "train/2.png")

    for read in (read_samples, recognise):
        with pytest.raises(DataError) as caught:
            read(folder)
        assert "train: 2 images" in caught.value.message and "bus, car" in caught.value.message
        assert "'train'" in caught.value.hint and "rename" in caught.value.hint


def test_folders_splits_without_class_folders_are_told(make_files) -> None:
    with pytest.raises(DataError, match="train: 1 images") as caught:
        read_samples(make_files("train/1.png", "val/1.png"))
    assert "table" in caught.value.hint
