"""What hands type: other packages' names for an option, and answers where there is no such option.

To add one: a line in SYNONYMS, if it means the same, to the letter; else one in ANSWERS.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from distnn.errors import UserError

SYNONYMS = {
    "data": ("table", "file", "dataset"),
    "targets": ("target", "label", "labels", "y"),
    "inputs": ("features", "columns", "x"),
    "ignore": ("exclude", "drop", "skip"),
    "missing": ("na-values",),
    "weights": ("sample-weight", "sample-weights"),
    "delimiter": ("sep", "separator"),
    "validation": ("validation-split", "validation-fraction", "val"),
    "test": ("test-split", "test-fraction", "test-size"),
    "standardise": ("standardize", "normalise", "normalize"),
    "hidden": ("layers", "hidden-layers", "hidden-layer-sizes", "hidden-units"),
    "theta": ("activation",),
    "error": ("loss",),
    "seed": ("random-state", "random-seed"),
    "optimizer": ("optimiser", "solver", "algorithm"),
    "eta": ("lr", "learning-rate", "learning-rate-init"),
    "batch_size": ("batch", "minibatch", "mini-batch"),
    "max_iterations": ("max-iter", "maxiter", "iterations", "max-steps"),
    "max_seconds": ("max-time", "time-limit"),
    "to": ("format",),
    "tasks": ("ntasks", "np", "n", "nproc", "nprocs", "processes", "procs", "ranks", "cores", "cpus"),
    "time": ("walltime",),
    "queue": ("partition",),
    "out": ("o", "output", "output-dir", "outdir"),
}
ANSWERS = {
    ("epochs", "num-epochs", "n-epochs", "max-epochs"): (
        "an epoch is an iteration here, since each uses all of the data: see --max-iterations. With --optimizer sgd or "
        "adam an iteration is a step on --batch-size examples."
    ),
    ("np", "n", "nproc", "nprocs", "processes", "procs", "ranks", "cores", "jobs", "n-jobs", "workers", "cpus"): (
        "MPI's launcher says on how many processes it runs: mpirun -n 8 {program}."
    ),
    ("gpu", "gpus", "cuda"): "train --device gpu computes on GPUs, one a rank; all else computes on the CPU.",
    ("dropout",): "there is no dropout; what keeps networks from overfitting is --weight-decay and --validation.",
    ("early-stopping",): "hold rows out, --validation 0.1: the weights with the lowest E_val are kept; see --patience.",
    ("l2", "alpha", "l2-penalty", "regularisation", "regularization"): "--weight-decay λ adds λ Σ W² to E_in.",
    ("tol", "eps"): "say what is to end it: --min-improvement, --min-gradient, --goal or --stop.",
    ("continue", "restart", "resume-from", "checkpoint"): "go on with a run by --resume --out DIRECTORY.",
    ("verbose", "v", "progress"): "progress is shown anyway; --log-every says how often, --quiet is for silence.",
    ("log-dir", "logdir", "tensorboard"): "--out is the directory of a run; --track tensorboard writes for that, too.",
    ("cv", "kfold", "k-fold"): "--folds K trains on K parts of the table in turn.",
    ("classifier", "classification"): "targets that are words are classes, and numbers are with --classes.",
    ("regression", "regressor"): "targets that are numbers are taken as such, unless --classes is given.",
    ("bias", "no-bias"): "every layer has a bias.",
}
COUNTS = ("layers", "hidden-layers")  # a lone number after these may be how many there are
FLAG = re.compile("--?[a-z]")  # no -, and no number below 0


@dataclass(frozen=True)
class Language:
    """What is understood beside the options of a program. known: their names; program: how it is started."""

    known: Collection[str]
    program: str

    def translate(self, arguments: Sequence[str]) -> list[str]:
        """The arguments with the options' own flags for their synonyms. UserError for what has an answer instead."""
        for place, argument in enumerate(arguments):
            self._refuse_count(argument, arguments[place + 1 : place + 3])
        return [self._flag(argument) if FLAG.match(argument) else argument for argument in arguments]

    def explained(self, text: str, arguments: Sequence[str]) -> str:
        """An error's text, and what was typed for the option that it is about, where that has another name."""
        for argument in arguments:
            typed, flag = (each.partition("=")[0] for each in (argument, self._known_flag(argument)))
            if flag != typed and re.search(rf"{flag}(?![\w-])", text):
                return f"{text} ({typed} means {flag}.)"
        return text

    def refuse(self, names: Iterable[str], where: str) -> None:
        """UserError for the first of these names, of options in a file or a call, that is another word for one."""
        for name in names:
            if option := self._meant(name):
                raise UserError(f"{where}: {name} is called {option} here.")
            if answer := self._answer(name):
                raise UserError(f"{where}: there is no option {name}: {answer}")

    def _flag(self, argument: str) -> str:
        """An option's own flag. UserError where there is none, but an answer."""
        known, name = self._known_flag(argument), argument.lstrip("-").partition("=")[0]
        if known == argument and (answer := self._answer(name)):
            raise UserError(f"There is no option {argument.partition('=')[0]}: {answer}")
        return known

    def _known_flag(self, argument: str) -> str:
        """An option's own flag for a synonym; anything else as it is."""
        name, equals, value = argument.lstrip("-").partition("=")
        negative = "no-" if name.startswith("no-") and name[3:].replace("-", "_") not in self.known else ""
        option = self._meant(name.removeprefix(negative)) if FLAG.match(argument) else None
        return f"--{negative}{option.replace('_', '-')}{equals}{value}" if option else argument

    def _refuse_count(self, argument: str, following: Sequence[str]) -> None:
        """UserError for --layers 3, which may mean three layers, or one of three units."""
        flag, equals, value = argument.partition("=")
        first, second, *_ = [value, ""] if equals else [*following, "", ""]
        name = flag.lstrip("-").replace("_", "-")
        if name in COUNTS and self._meant(name) and first.isdigit() and not second[:1].isdigit():
            raise UserError(
                f"{flag} {first} may mean {first} layers, or one of {first} units. Say how wide each is: "
                f"--hidden 16 16 16 are three layers of 16 units, --hidden {first} is one of {first}."
            )

    def _meant(self, name: str) -> str | None:
        """The option that another word means."""
        found = (option for option, others in SYNONYMS.items() if name.replace("_", "-") in others)
        return None if self._is_known(name) else next((option for option in found if option in self.known), None)

    def _answer(self, name: str) -> str | None:
        """What to say of a word that is no option."""
        found = (answer for names, answer in ANSWERS.items() if name.replace("_", "-") in names)
        return None if self._is_known(name) else next((answer.format(program=self.program) for answer in found), None)

    def _is_known(self, name: str) -> bool:
        return name.replace("-", "_") in self.known
