"""TensorBoard: event files in the folder tensorboard/ of a run's directory; tensorboard --logdir runs shows all runs.

They are written here, an event for each iteration with all of its numbers. What comes after the iteration where a run
goes on is hidden by the start of a session, as TensorBoard's own writers do it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from socket import gethostname
from typing import IO, Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
from tensorboard.plugins.text import metadata as text
from tensorboard.summary.writer.record_writer import RecordWriter

from distnn.runs.contents import EVENTS, TENSORBOARD
from distnn.runs.trackers.tracker import Course, Numbers, Outcome, Tracker, known, plain

VERSION = "brain.Event:2"


class TensorBoard(Tracker):
    """One event file after another: a new one each time that the run goes on, and after one that failed.

    What is there is written down: more may be, if the process was killed, and is hidden then and written again.
    """

    folder: Path

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._next = 0  # the iteration from which on nothing is there
        self._step = 0

    def begin(self, course: Course) -> int:
        self.folder = course.folder / TENSORBOARD
        self.folder.mkdir(exist_ok=True)
        self._memory = course.memory
        last = min(course.t, int(self._memory.get("t", -1)))
        self._next = last + 1
        self._write(
            [
                _event(0, Summary(value=[_options(course)])),
                _event(0, Summary(value=[_text("options", course.options)])),
                _event(0, Summary(value=[_text("environment", course.environment)])),
            ]
        )
        return last

    def log(self, rows: Sequence[Numbers]) -> None:
        self._write([_record(row) for row in rows])
        self._next = int(rows[-1]["t"] or 0) + 1
        self._memory["t"] = self._next - 1

    def end(self, outcome: Outcome) -> None:
        """Say where the model lies: TensorBoard keeps no files."""
        told = {name: value for name, value in outcome.result.items() if value is not None}
        if outcome.model is not None:
            told["model"] = outcome.model.resolve()
        self._write([_event(max(0, self._next - 1), Summary(value=[_text("result", told)]))])
        self._close()

    def _write(self, events: Sequence[Any]) -> None:
        """All of them; where that fails, the next one begins a new file, which hides what is half there."""
        try:
            if self._file is None:
                self._file = self._open()
            writer = RecordWriter(self._file)
            for event in events:
                writer.write(event.SerializeToString())
            writer.flush()
        except BaseException:
            self._close()
            raise

    def _open(self) -> IO[bytes]:
        """A file with a name after all that are there, in the order in which they are read."""
        there = sorted(self.folder.glob(EVENTS))
        second = int(time.time())
        if there and (found := there[-1].name.split(".")[3]).isdecimal():
            second = max(second, int(found) + 1)
        file = (self.folder / f"{EVENTS[:-1]}{second:010d}.{gethostname()}").open("xb")
        writer = RecordWriter(file)
        writer.write(Event(wall_time=time.time(), file_version=VERSION).SerializeToString())
        session = SessionLog(status=SessionLog.START)
        writer.write(Event(wall_time=time.time(), step=self._next, session_log=session).SerializeToString())
        return file

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _event(step: int, summary: Any) -> Any:
    return Event(wall_time=time.time(), step=step, summary=summary)


def _record(row: Numbers) -> Any:
    values = [Summary.Value(tag=name, simple_value=value) for name, value in known(row).items()]
    return _event(int(row["t"] or 0), Summary(value=values))


def _options(course: Course) -> Any:
    """The options, for the tab of hyperparameters."""
    start = SessionStartInfo(start_time_secs=time.time())
    for name, value in plain(course.options).items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, str):
            start.hparams[name].string_value = value
        else:
            start.hparams[name].number_value = value
    data = HParamsPluginData(session_start_info=start)
    return Summary.Value(tag=hparams.SESSION_START_INFO_TAG, metadata=hparams.create_summary_metadata(data))


def _text(name: str, values: Any) -> Any:
    """Names and values as a table."""
    lines = ["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in plain(values).items())]
    tensor = TensorProto(
        dtype=DT_STRING, string_val=["\n".join(lines).encode()], tensor_shape=TensorShapeProto(dim=[{"size": 1}])
    )
    return Summary.Value(tag=name, tensor=tensor, metadata=text.create_summary_metadata(name, ""))


def tracker() -> Tracker:
    """One that writes events."""
    return TensorBoard()
