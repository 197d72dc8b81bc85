"""scikit-learn is an extra: who does not use it, does not import it; who lacks it, learns how to install it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
import distnn, distnn.api, distnn.train
assert "sklearn" not in sys.modules
sys.modules["sklearn"] = None
try:
    import distnn.sklearn
except ImportError as error:
    print(error)
"""


@pytest.mark.job
def test_without_scikit_learn() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout == (
        "distnn.sklearn needs the package scikit-learn (1.6 or newer). Install it with: pip install 'distnn[sklearn]'\n"
    ), done.stderr
