"""Event files, read back by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams
from tracking import course, rows

from distnn.errors import DONE
from distnn.runs.trackers.tensorboard import tracker
from distnn.runs.trackers.tracker import Outcome


def read(folder: Path) -> Any:
    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    return found


def steps(folder: Path) -> list[int]:
    return [event.step for event in read(folder).Scalars("E_in")]


def text(found: Any, name: str) -> str:
    (event, *_) = found.Tensors(name)
    return str(event.tensor_proto.string_val[0].decode())


def test_tensorboard_reads_all_of_it(tmp_path: Path) -> None:
    board = tracker()
    assert board.begin(course(tmp_path)) == -1
    board.log(rows(0, 5))
    board.log(rows(5, 9))
    board.end(Outcome(DONE, tmp_path / "model.safetensors", {"E_in": 0.125, "E_val": None}))
    found = read(tmp_path)
    assert [event.step for event in found.Scalars("E_in")] == list(range(9))
    assert [event.value for event in found.Scalars("E_in")] == [float(np.float32(1 / (t + 1))) for t in range(9)]
    assert "E_val" not in found.Tags()["scalars"]
    assert "| hidden | 3 4 |" in text(found, "options")
    assert "| cpu_features | a b |" in text(found, "environment")
    assert f"| model | {tmp_path / 'model.safetensors'} |" in text(found, "result")
    assert "| E_in | 0.125 |" in text(found, "result")
    content = found.SummaryMetadata(hparams.SESSION_START_INFO_TAG).plugin_data.content
    start = hparams.parse_session_start_info_plugin_data(content)
    assert (start.hparams["eta"].number_value, start.hparams["hidden"].string_value) == (0.1, "3 4")


@pytest.mark.parametrize(("memory", "last"), [({}, -1), ({"t": 4}, 4), ({"t": 9}, 6)])
def test_a_run_that_goes_on_has_each_iteration_once(memory: dict[str, int], last: int, tmp_path: Path) -> None:
    """Both files are of one second, and the first is not closed: its process was killed, perhaps before it wrote down
    what is there."""
    board, begun = tracker(), course(tmp_path)
    board.begin(begun)
    board.log(rows(0, 10))
    assert begun.memory == {"t": 9}
    again = tracker()
    assert again.begin(course(tmp_path, 6, memory)) == last
    again.log(rows(last + 1, 12))
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2
    assert steps(tmp_path) == list(range(12))


def test_after_a_failure_another_file_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some events are there, and half of another one."""
    board = tracker()
    board.begin(course(tmp_path))
    board.log(rows(0, 4))
    file = board._file  # type: ignore[attr-defined]

    class Full:
        left = 2

        def write(self, data: bytes) -> None:
            self.left -= 1
            file.write(data if self.left else data[: len(data) // 2])
            if not self.left:
                raise OSError("no space")

        def close(self) -> None:
            file.close()

    monkeypatch.setattr(board, "_file", Full())
    with pytest.raises(OSError, match="no space"):
        board.log(rows(4, 8))
    board.log(rows(4, 9))
    assert steps(tmp_path) == list(range(9))
