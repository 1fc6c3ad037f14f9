from auto_train.data import read_samples


def test_group_column_without_effect_is_told(make_files, write) -> None:
    folder = make_files("cat/1.png", "dog/2.png")
    warnings = read_samples(folder, "folders", group_column="patient").warnings
    assert "group_column = patient" in warnings[0] and "folders" in warnings[0]

    write("labels.csv", "path,label,patient", "cat/1.png,a,", "dog/2.png,b,")
    assert "empty" in read_samples(folder, "csv", group_column="patient").warnings[0]
    write("labels.csv", "path,label,patient", "cat/1.png,a,x", "dog/2.png,b,y")
    assert not read_samples(folder, "csv", group_column="patient").warnings
