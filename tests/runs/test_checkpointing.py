"""When a checkpoint is due, what it holds, and what is said when one is gone on with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.inference.stored import load_model
from distnn.parallel import environment
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.checkpointing import Checkpointing, restore
from distnn.runs.directory import Description, RunDirectory
from distnn.runs.options import stored
from distnn.runs.reports import Report
from distnn.storage import files
from distnn.training.progress import Progress
from distnn.training.record import Record

X, Y = regression(30)


class Heard(Report):
    """A report that keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)


def checkpointing(folder: Path, **options: object) -> Checkpointing:
    assembly = assembled(OneRank(), X, Y, **options)
    record = environment.record(assembly.examples.cut.rows)
    return Checkpointing(assembly, RunDirectory(folder), Description(stored(assembly.options), record), Heard())


def heard(writer: Checkpointing) -> Heard:
    assert isinstance(writer.report, Heard)
    return writer.report


def trained(writer: Checkpointing) -> Progress:
    """All of its iterations."""
    progress = writer.assembly.begin()
    for _ in writer.assembly.iterations(progress):
        pass
    return progress


def test_when_one_is_due(tmp_path: Path) -> None:
    def due(t: int, seconds: float, **options: object) -> bool:
        return checkpointing(tmp_path, **options).due(Record(t, 0.5, seconds=seconds))

    assert due(0, 0)
    assert not due(0, 0, resume=True)
    assert due(3, 300)
    assert not due(3, 299)
    assert due(1, 300, checkpoint_every=2)
    assert due(3, 2, checkpoint_seconds=1)
    assert not due(3, 2000, checkpoint_seconds=0)
    assert [t for t in range(1, 10) if due(t, 0, checkpoint_every=3)] == [3, 6, 9]


def test_a_checkpoint_is_a_model_file_with_the_best_weights_and_more(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, validation=0.4, eta=0.5, max_iterations=40, hidden=(20,), window=3)
    progress = trained(writer)
    assert 0 < progress.best_t < 40  # so that the best weights are neither the first nor the last
    assert writer.write(progress) is None
    (path,) = writer.directory.checkpoints.paths()
    np.testing.assert_array_equal(load_model(path).network.w, progress.best_w)
    tensors, _ = files.read(path)
    same = [name for name, value in tensors.items() if np.array_equal(value, progress.best_w)]
    assert same == ["w"]
    back = writer.resume(OneRank())
    np.testing.assert_array_equal(back.state.w, progress.state.w)
    np.testing.assert_array_equal(back.best_w, progress.best_w)
    assert repr(back.record) == repr(progress.record)  # gamma and evidence are NaN


def test_of_other_blocks_names_and_the_number_of_rows_are_enough(tmp_path: Path) -> None:
    """As after another version of distnn, whose bits then are not promised, which is said."""
    writer = checkpointing(tmp_path, max_iterations=2)
    progress = trained(writer)
    writer.write(progress)
    found = writer.directory.checkpoints.newest()
    size, (n, _, names) = len(progress.state.w), found.metadata["fingerprint"].split("-")
    rows = found.metadata["environment"]["block_rows"]
    assert restore(found, f"{n}-0-{names}", size, 3, rows + 1).record.t == 2
    for other, now in ((f"{n}-0-{names}", rows), (f"{n}1-0-{names}", rows + 1), (f"{n}-0-0", rows + 1)):
        with pytest.raises(UserError, match=r"^The data is not what"):
            restore(found, other, size, 3, now)


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=2)
    progress = trained(writer)
    writer.write(progress)
    found = writer.directory.checkpoints.newest()
    size, fingerprint, rows = len(progress.state.w), found.metadata["fingerprint"], writer.assembly.examples.cut.fewest
    advice = "Give the same --data, or begin a new run with another --out."
    with pytest.raises(UserError, match=rf"^The data is not what {found.path} was trained on: .*{advice}$"):
        restore(found, "30-0", size, 3, rows)
    with pytest.raises(UserError, match=r"^The data is not what"):
        restore(found._replace(metadata={**found.metadata, "fingerprint": None}), fingerprint, size, 3, rows)
    with pytest.raises(UserError, match=f"is of a network with {size} weights; this one has 5"):
        restore(found, fingerprint, 5, 3, rows)
    for name, value in (("progress", {}), ("progress", None)):
        with pytest.raises(UserError, match=rf"^{found.path} does not hold the state of a training\.$"):
            restore(found._replace(metadata={**found.metadata, name: value}), fingerprint, size, 3, rows)
    for part in ({"metadata": {}}, {"metadata": None}, {"model": {}}):
        with pytest.raises(UserError, match=rf"^{found.path} does not hold the state of a training\.$"):
            restore(found._replace(**part), fingerprint, size, 3, rows)  # type: ignore[arg-type]


def test_the_time_to_the_next_is_from_the_last(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, checkpoint_seconds=10)
    progress = writer.assembly.begin()
    next(writer.assembly.iterations(progress))
    assert progress.record is not None
    progress.record = replace(progress.record, seconds=100.0)
    writer.write(progress)
    assert writer.due(Record(1, 0.5, seconds=110))
    assert not writer.due(Record(1, 0.5, seconds=109))
    again = checkpointing(tmp_path, checkpoint_seconds=10)
    again.resume(OneRank())
    assert again.due(Record(1, 0.5, seconds=110))
    assert not again.due(Record(1, 0.5, seconds=109))


def test_what_a_checkpoint_tells(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=1)
    progress = trained(writer)
    writer.write(progress)
    found = writer.directory.checkpoints.newest()
    assert found.path.name == "checkpoint-0000000001.safetensors"
    expected = {
        "model": writer.assembly.model.metadata(),
        "progress": progress.metadata(),
        "options": stored(writer.options),
        "fingerprint": writer.assembly.examples.fingerprint,
        "environment": writer.description.environment,
    }
    assert json.dumps(found.metadata) == json.dumps(expected)  # as text, since NaN is not NaN


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError("no memory for it"), "no memory for it"),
        (UserError("it is too long"), "it is too long"),
    ],
)
def test_one_that_cannot_be_written_is_no_reason_to_stop(
    error: Exception, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = checkpointing(tmp_path)
    writer.directory.begin(writer.description)
    progress = writer.assembly.begin()
    next(writer.assembly.iterations(progress))

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(files, "write", fail)
    wrong = writer.write(progress)
    assert wrong == f"the checkpoint of t = 0 cannot be written: {why}."
    assert heard(writer).warned == [f"{wrong} Older checkpoints are untouched."]


def test_a_directory_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path / "run", max_iterations=1)
    progress = trained(writer)
    assert writer.write(progress) is None
    assert heard(writer).warned == [f"{tmp_path / 'run'} was deleted, and is made anew; older checkpoints are lost."]
    assert writer.directory.options.read_text() == writer.description.options
    assert writer.write(progress) is None
    assert len(heard(writer).warned) == 1


def test_metrics_are_on_disk_before_it(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=1)
    writer.directory.begin(writer.description)
    progress = trained(writer)
    assert progress.record is not None
    metrics = writer.directory.metrics
    metrics.append(progress.record, at_once=False)
    assert writer.write(progress) is None
    assert len(metrics.path.read_text().splitlines()) == 1
    metrics.path.unlink()
    metrics.append(progress.record, at_once=False)
    assert writer.write(progress) is None
    assert heard(writer).warned == [f"{metrics.path} was deleted, and is begun anew; its older records are lost."]


def test_what_is_said_when_it_is_gone_on_with(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=2, eta=0.5)
    progress = trained(writer)
    writer.write(progress)
    before = writer.directory.checkpoints.newest().path
    assert progress.record is not None
    progress.record = replace(progress.record, t=3)
    writer.write(progress)
    newest = writer.directory.checkpoints.newest().path
    newest.write_bytes(b"")

    again = checkpointing(tmp_path, max_iterations=5, eta=0.25)
    again.description.environment["arithmetic"] = "0"
    again.resume(OneRank())
    damage, other, eta = heard(again).warned
    assert damage == f"{newest} is damaged, or was not written by distnn. Going back to {before.name}."
    assert other.startswith("The environments when this run began and now differ in arithmetic (")
    assert eta == "--eta is 0.25 from now on; it was 0.5."
    assert heard(again).said == [
        "--max-iterations is 5 from now on; it was 2.",
        f"resumed at t = 2 from {before}",
    ]


def test_nothing_is_warned_of_where_nothing_changed(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=2)
    writer.write(trained(writer))
    again = checkpointing(tmp_path, max_iterations=2)
    again.resume(OneRank())
    assert (heard(again).warned, len(heard(again).said)) == ([], 1)


def test_an_option_that_must_not_change(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=2)
    writer.write(trained(writer))
    again = checkpointing(tmp_path, max_iterations=2, seed=1)
    with pytest.raises(UserError, match=rf"^{again.directory.options} says --seed 1, but .* was trained with 0"):
        again.resume(OneRank())


def test_the_window_may_change(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=5, window=2)
    writer.write(trained(writer))
    assert len(writer.resume(OneRank()).window) == 3
    again = checkpointing(tmp_path, max_iterations=5, window=1)
    assert len(again.resume(OneRank()).window) == 2


def test_rank_0_alone_reads(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path / "0", max_iterations=2)
    progress = trained(writer)
    writer.write(progress)

    def work(ranks: Ranks) -> Progress:
        assembly = assembled(ranks, X, Y, max_iterations=2)
        directory = RunDirectory(tmp_path / str(ranks.rank))
        return Checkpointing(assembly, directory, writer.description, Heard()).resume(ranks)

    for found in on_ranks(2, work):
        np.testing.assert_array_equal(found.state.w, progress.state.w)
