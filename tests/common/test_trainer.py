"""The trainer folder of a bundle trains the same experiment again."""

import pytest

from auto_train.common.trainer import Trainer
from auto_train.errors import BundleError, ConfigError


def test_trainer_of_a_bundle_trains_its_experiment_again(digits_run, tmp_path):
    trainer = Trainer.from_pretrained(digits_run.bundle)
    overrides = [f"project.location={tmp_path}", "training.scheme.epochs=0", "export.formats=[]"]
    result = trainer.train(overrides, offline=True)
    # Variables were kept, so everything has followed the location.
    assert result.run.is_relative_to(tmp_path) and result.weights.is_relative_to(tmp_path)
    assert (result.bundle / "trainer" / "config.json").is_file()


def test_trainer_with_a_wrong_override_names_it(tmp_path):
    with pytest.raises(ConfigError, match=r"override training.scheme.epohcs"):
        Trainer("[project]\nname = x\n").train(["training.scheme.epohcs=1"])


def test_trainer_altered_by_hand_is_refused(tmp_path):
    Trainer("[project]\nname = x\n").save_pretrained(tmp_path)
    file = tmp_path / "trainer" / "config.json"
    file.write_text(file.read_text().replace("name = x", "name = y"))
    with pytest.raises(BundleError, match=r"config.json was altered"):
        Trainer.from_pretrained(tmp_path)
