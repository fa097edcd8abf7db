"""Results are plain JSON that says what made it; races come back as they went."""

import json

import pytest
import torch

from gatewise.base.errors import DataError, GatewiseError
from gatewise.lab.gradients import Flow
from gatewise.lab.races import Run
from gatewise.lab.results import read_runs, write, write_runs

RUN = Run("latch", 20, "gru", 0.01, 1, 600, 4589, True, 33, 0.0, 1.25)
OTHER = Run("adding", 50, "irnn", 0.003, 2, 2000, 4687, False, 2000, None, 9.0)


def test_lab_results_races_come_back_and_others_are_kept(tmp_path):
    path = tmp_path / "memory.json"
    assert read_runs(path) == []
    write_runs(path, [RUN], [], "so")
    write_runs(path, [OTHER], read_runs(path), "thus")
    assert read_runs(path) == [OTHER, RUN]
    write_runs(path, [RUN, OTHER], read_runs(path), "thus")
    assert read_runs(path) == [RUN, OTHER]


def test_lab_results_say_what_made_them(tmp_path):
    write(tmp_path / "g.json", [Flow("gru", 1, False, False, (1.0, 0.5))], "It falls.", length=2)
    content = json.loads((tmp_path / "g.json").read_text())
    assert content["conclusion"] == "It falls." and content["length"] == 2
    assert content["versions"]["torch"] == torch.__version__
    assert content["found"] == [{"network": "gru", "seed": 1, "trained": False, "solved": False, "ratios": [1.0, 0.5]}]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"found": [{"task": "latch"}]}', '{"found": 3}',
     json.dumps({"found": [{name: getattr(RUN, name) for name in Run.__slots__} | {"task": "copy"}]})],
)  # fmt: skip
def test_lab_results_other_files_are_refused_and_stay(tmp_path, content):
    path = tmp_path / "memory.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"memory\.json holds no races to go on with .*; choose another --out\.$"):
        read_runs(path)
    assert path.read_text() == content


def test_lab_results_that_cannot_be_written_are_an_error(tmp_path):
    with pytest.raises(GatewiseError, match="could not be written"):
        write(tmp_path / "nowhere" / "g.json", [], "")
