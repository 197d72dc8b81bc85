"""From the options of the command to what the report is about: what there is, and sentences for what there is not."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from distnn.command_line.fields import check_fields
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.model import Model
from distnn.inference.options import ApplyOptions
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank
from distnn.report.compared import compare
from distnn.report.history import History, read_history
from distnn.report.influence import influence
from distnn.report.intervals import intervals
from distnn.report.predictions import Predictions, predict
from distnn.report.subject import Subject
from distnn.runs import contents
from distnn.storage.checkpoint import Checkpoints
from distnn.words import many

TABLE = ("data", "examples", "seed")  # options of a training that say which table it is


def gather(options: ApplyOptions, compare: tuple[str, ...], most: int) -> Subject:
    """All that a report is about. Local. UserError where there is neither a model nor a run, and for bad tables.

    options: the model, and the table if one is given. compare: directories of other runs. most: rows that are shown.
    """
    paths = [Path(path) for path in dict.fromkeys((*([options.model] if options.model else []), *compare))]
    if not paths:
        raise UserError("--model is missing: the directory of a run, or a model file; or --compare, several of them.")
    for path in paths:
        if not os.path.exists(path):
            raise UserError(f"{path} is not there: give the directory of a run, or a model file.")
    histories = [read_history(path) for path in paths]
    subject = Subject(", ".join(map(str, paths[:3])) + ", …" * (len(paths) > 3), histories)
    subject.lacking = [sentence for history in histories for sentence in history.lacking]
    if options.model:
        _add_model(subject, options, histories[0], most)
    if len(paths) > 1:
        _add_comparison(subject, paths, histories, options, most)
    if len(histories) == 1 and histories[0].members:
        _show_members(subject, histories[0])
    if subject.model is None and not any(history.options or history.records for history in subject.histories):
        raise UserError(f"{paths[0]} holds neither a run nor a model.")
    _add_commands(subject, options, compare)
    return subject


def _show_members(subject: Subject, history: History) -> None:
    """Several runs take the place of the directory that they are in, which has no course of its own."""
    kind = history.members[0].path.name.partition("-")[0]
    whose = {"fold": "", "member": ", and the model of their ensemble"}.get(kind, ", and the best one's model")
    subject.lacking.append(f"{history.path} holds {many(len(history.members), kind)}{whose}.")
    for own in history.members:
        subject.lacking += own.lacking
    subject.histories = [replace(own, environment={}) for own in history.members]
    subject.histories[0].environment = history.environment


def _add_model(subject: Subject, options: ApplyOptions, history: History, most: int) -> None:
    """The model, what it says of the table, and what its inputs do."""
    found = _model(Path(options.model), subject.lacking)
    if found is None:
        return
    path, subject.model = found
    subject.model_path = str(path)
    remembered = options.data is None
    if remembered:
        known = _remembered(history)
        if known is None:
            subject.lacking.append("No table is known: give one by --data to see predictions, residuals and inputs.")
            return
        options = replace(options, **known)
    try:
        subject.predictions = _predictions(replace(options, model=str(path)), most, remembered)
    except UserError as error:
        if not remembered:
            raise
        subject.lacking.append(f"The table of the training cannot be used: {error} Give one by --data.")
        return
    if subject.predictions is None:
        subject.lacking.append(
            f"{options.data or 'The built-in table'} is not the table that the model was trained on, or has changed "
            "since: predictions are left out. Give it by --data to have them all the same."
        )
        return
    subject.lacking += subject.predictions.lacking
    subject.intervals = intervals(subject.model, subject.predictions)
    if subject.model.certainty is None and history.options.get("optimizer") == "bayesian":
        subject.lacking.append(
            "The model does not hold how sure it is: --resume with --intervals all, and there are error bars."
        )
    if len(subject.predictions.inputs) > 1:
        subject.influence = influence(subject.model, subject.predictions)


def _model(path: Path, lacking: list[str]) -> tuple[Path, Model] | None:
    """The model and its file; the newest checkpoint's, where the run has not come to its end. None without one."""
    if not os.path.isdir(path) or (path / contents.MODEL).exists():
        return path, load_model(path)
    for checkpoint in reversed(Checkpoints(path / contents.CHECKPOINTS, keep=2).paths()):
        try:
            model = load_model(checkpoint)
        except UserError as error:
            lacking.append(str(error))
            continue
        lacking.append(f"There is no {path / contents.MODEL} yet: the model is that of {checkpoint}.")
        return checkpoint, model
    lacking.append(f"There is no model in {path} yet: predictions and inputs are left out.")
    return None


def _remembered(history: History) -> dict[str, Any] | None:
    """What the run's options say of the table, as options to apply a model; None where there are no options."""
    if not history.options:
        return None
    return {name: history.options[name] for name in TABLE if name in history.options}


def _predictions(options: ApplyOptions, most: int, only_same: bool) -> Predictions | None:
    check_fields(options)  # as the run's file says it, which anybody may have changed
    application = Application(options, OneRank(), with_targets=True)
    return predict(application, options.data is not None, most, only_same)


def _add_comparison(
    subject: Subject, paths: list[Path], histories: list[History], options: ApplyOptions, most: int
) -> None:
    """The errors of all models on one table: the one that is given, or that all were trained on."""
    remembered = options.data is None
    if remembered:
        known = [_remembered(history) for history in histories]
        which = [own and (own.get("data") or own) for own in known]  # the seed is of the built-in table alone
        if known[0] is None or any(own != which[0] for own in which):
            subject.lacking.append("The runs are not known to have one table: --data compares their errors on it.")
            return
        options = replace(options, **known[0])
    said: list[str] = []  # once more
    models = {str(path): found[0] for path in paths if (found := _model(path, said)) is not None}
    subject.compared = compare(models, options, most, remembered, subject.lacking)


def _add_commands(subject: Subject, options: ApplyOptions, compare: tuple[str, ...]) -> None:
    """How to repeat what the report tells."""
    if options.model and (Path(options.model) / contents.OPTIONS).exists():
        again = ["--config", str(Path(options.model) / contents.OPTIONS), "--out", f"{options.model.rstrip('/')}-again"]
        subject.commands.append(
            (
                "Train it again. The weights have the same bits on any number of processes, where the environment is "
                "the same:",
                shlex.join(["mpirun", "-n", "2", "python", "-m", "distnn.train", *again]),
            )
        )
    data = ["--data", subject.predictions.path] if subject.predictions and subject.predictions.named else []
    for kind in subject.predictions.evaluations if subject.predictions else ():
        rows = ["--rows", kind] if kind != "all" else []
        line = shlex.join(["python", "-m", "distnn.evaluate", "--model", options.model, *data, *rows])
        words = {
            "all": "all rows", "trained": "the rows that were trained on", "held-out": "those that were held out",
            "test": "those kept for the test",
        }  # fmt: skip
        subject.commands.append((f"Its errors on {words.get(kind, kind)}:", line))
    chosen = [*(["--model", options.model] if options.model else []), *data, *(["--compare", *compare] * bool(compare))]
    subject.commands.append(("This report:", shlex.join(["python", "-m", "distnn.report", *chosen])))
