"""A training that was submitted to a batch system, in a folder of its own, and how a test waits for what it does.

Conditions are events: what is written, what the batch system says. The training is slow, so that there is time to act,
without being work: see inject.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkout import LAUNCH
from patience import PATIENCE
from safetensors.numpy import load_file
from trainings import INJECT, newest, trained

TRAINING = {"examples": 4000, "hidden": [8], "optimizer": "gradient-descent", "checkpoint_every": 5, "keep": 2}
LONG = 10**6  # iterations: the training does not end by itself

# A launcher of the launcher's processes: `… slowly env … python -m distnn.train …` trains slowly.
SLOWLY = f"""\
#!/usr/bin/env bash
words=()
for word; do
    case $word in
    -m) words+=({INJECT} slow all) ;;
    distnn.train) ;;
    *) words+=("$word") ;;
    esac
done
exec "${{words[@]}}"
"""


class Submitted:
    """A batch job that trains; the options of the training stand in options.toml."""

    number: str  # the job's, once it is submitted

    def __init__(self, folder: Path, iterations: int):
        self.folder, self.out = folder, folder / "runs/first"
        (folder / "launch").symlink_to(LAUNCH)
        (folder / "slowly").write_text(SLOWLY)
        (folder / "slowly").chmod(0o755)
        self.iterate_to(iterations)

    def iterate_to(self, iterations: int) -> None:
        """Let the training end at this iteration, from the next start on."""
        values = TRAINING | {"max_iterations": iterations}
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        (self.folder / "options.toml").write_text(text)

    def script(self, name: str, edits: dict[str, str]) -> str:
        """The text of a script of launch/ after these edits, old text to new."""
        text = (LAUNCH / name).read_text()
        for old, new in {"(--hidden 30 30 --max-iterations 100000)": "(--config options.toml)", **edits}.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text

    def log(self) -> str:
        """What the job has written, all tasks of an array."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("distnn*")))

    def iteration(self) -> int:
        """The newest checkpoint's iteration, or -1."""
        return newest(self.out)

    def state_of_all(self) -> str:
        """What the batch system says, for the message of a test that fails."""
        raise NotImplementedError

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"{what}: not within {PATIENCE:g} s.\n{self.state_of_all()}\n{self.log()}")
            self.look()
            time.sleep(0.1)

    def look(self) -> None:
        """Called again and again while a test waits."""

    def wait_for_checkpoint(self) -> None:
        self.wait_until(lambda: self.iteration() > 0, "a checkpoint of the training")

    def assert_as_undisturbed(self, out: Path | None = None, *options: str) -> None:
        """The model has the bits that the same training on one process, without interruption, gives."""
        alone: Any = self.folder / "alone"
        trained(alone, "--config", self.folder / "options.toml", "--checkpoint-every", str(LONG), *options)
        expected, found = (load_file(path / "model.safetensors") for path in (alone, out or self.out))
        assert expected.keys() == found.keys()
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=f"{name}\n{self.log()}")
