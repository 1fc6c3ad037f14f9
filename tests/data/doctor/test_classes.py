def test_splits_without_images_are_an_error(write_photos, doctor):
    folder = write_photos({"train/a/1.png": 0, "test/b/2.png": 1})
    (finding,) = [one for one in doctor(folder, validation_dir=folder / "test").findings if one.code == "empty_split"]
    assert [(item.split, item.message) for item in finding.items] == [
        ("train", "1 images in the train split (allowed: at least 2)")
    ]


def test_class_that_a_split_lacks_is_named(write_photos, find):
    names = [f"train/{label}/{i}.png" for label in "abc" for i in range(3)] + ["valid/a/1.png", "test/b/1.png"]
    finding = find(write_photos({name: i for i, name in enumerate(names)}), "class_missing_in_split")
    assert finding.severity == "warning"
    assert [(item.split, item.label) for item in finding.items] == [
        ("valid", "b"),
        ("valid", "c"),
        ("test", "a"),
        ("test", "c"),
    ]
    assert finding.items[0].message == "no image of class 'b' in valid"


def test_class_with_a_tenth_of_the_images_is_rare(make_files, find):
    names = [
        f"{split}/{label}/{i}.png"
        for split in ("train", "valid")
        for label, n in (("a", 30), ("b", 3))
        for i in range(n)
    ]
    folder = make_files(*names)
    finding = find(folder, "imbalance")
    assert [(item.label, item.message) for item in finding.items] == [("b", "3 images of 'b'; 'a' has 30")]
