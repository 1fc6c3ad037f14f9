import pytest

from auto_train.errors import UsageError
from auto_train.training.workers.rank_info import RENDEZVOUS, RankInfo

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "1234",
}
SRUN = {
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_STEP_TASKS_PER_NODE": "2(x3)",
    "SLURM_STEP_NODELIST": "gpu[03-05]",
    "SLURM_JOB_ID": "40001",
}


def test_place_of_a_process_started_alone_is_none():
    assert RankInfo.from_environment({"OMP_NUM_THREADS": "1"}) is None


def test_place_as_torchrun_says_it():
    expected = RankInfo(rank=3, world=4, local_rank=1, local_world=2, meeting="env://")
    assert RankInfo.from_environment(TORCHRUN) == expected


def test_place_beside_a_main_host_of_the_default_port():
    place = RankInfo.from_environment({name: value for name, value in TORCHRUN.items() if name != "MASTER_PORT"})
    assert place and place.meeting == "tcp://10.0.0.1:29500"


def test_place_where_only_rank_and_world_are_known_is_one_machine():
    expected = RankInfo(rank=1, world=2, local_rank=1, local_world=2, meeting="tcp://127.0.0.1:29500")
    assert RankInfo.from_environment({"RANK": "1", "WORLD_SIZE": "2"}) == expected


def test_place_of_one_worker_alone_is_none():
    assert RankInfo.from_environment(TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"}) is None


def test_place_in_a_launchers_file_beats_addresses_left_in_the_environment():
    place = RankInfo.from_environment(TORCHRUN | {RENDEZVOUS: "/run/meet"})
    assert place and place.meeting == "file:///run/meet"


def test_place_as_srun_says_it():
    expected = RankInfo(rank=5, world=6, local_rank=1, local_world=2, meeting="tcp://gpu03:20001")
    assert RankInfo.from_environment(SRUN) == expected


@pytest.mark.parametrize(("nodes", "host"), [("gpu1", "gpu1"), ("a-b[7,9],c", "a-b7"), ("n1,n2", "n1")])
def test_place_in_slurm_meets_on_the_first_machine(nodes: str, host: str):
    place = RankInfo.from_environment(SRUN | {"SLURM_STEP_NODELIST": nodes})
    assert place and place.meeting == f"tcp://{host}:20001"


def test_place_in_slurms_batch_script_is_none():
    batch = {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}
    assert RankInfo.from_environment(batch) is None


@pytest.mark.parametrize("change", [{"RANK": "one"}, {"WORLD_SIZE": ""}, {"LOCAL_RANK": "-1"}, {"MASTER_PORT": "x"}])
def test_place_with_a_variable_that_is_no_number_names_it(change: dict[str, str]):
    with pytest.raises(UsageError, match=f"environment variable {next(iter(change))}: '.*a whole number"):
        RankInfo.from_environment(TORCHRUN | change)


def test_place_without_a_world_size_says_what_is_missing():
    with pytest.raises(UsageError, match="environment variable WORLD_SIZE: missing"):
        RankInfo.from_environment({"RANK": "0"})


def test_place_with_a_rank_beyond_the_world_is_refused():
    with pytest.raises(UsageError, match=r"rank 4 of 4 workers \(allowed: 0 to 3"):
        RankInfo.from_environment(TORCHRUN | {"RANK": "4"})
