"""What is public: it is all there, typed as it is checked, and says what it is."""

from __future__ import annotations

import importlib.util
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest
from checkout import CHECKOUT
from tables import regression, words

import distnn
from distnn.errors import deprecated


def test_a_users_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What launch/lint.sh checks by its types runs, too."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(CHECKOUT / "tests/typed/user.py"))
    assert "nowhere" in capsys.readouterr().out


@pytest.mark.job
def test_the_types_of_options_are_those_of_the_options() -> None:
    specification = importlib.util.spec_from_file_location("keywords", CHECKOUT / "docs/keywords.py")
    assert specification and specification.loader
    keywords = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(keywords)
    for file in keywords.FILES:
        assert file.read_text(encoding="utf-8") == keywords.formatted(file), "make it anew: python docs/keywords.py"


def test_all_that_is_public_is_there_and_on_its_page() -> None:
    page = (CHECKOUT / "docs/api.md").read_text(encoding="utf-8")
    for name in distnn.__all__:
        assert getattr(distnn, name) is not None
        assert f"`{name}" in page, name
    assert {name for name in dir(distnn) if not name.startswith("__")} | {"__version__"} == set(distnn.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nework'; did you mean Network"):
        distnn.Nework  # noqa: B018


def test_what_they_say_they_are() -> None:
    X, Y = regression(300)
    fit = distnn.fit(X, Y, hidden=4, max_iterations=1)
    assert repr(fit.model.network) == "Network([3, 4, 1], theta='tanh', output_theta='identity')"
    assert repr(fit.model) == (
        f"<Model of y from x1, x2, x3: {fit.model.network!r}, 21 weights, squared error, float64>"
    )
    assert repr(fit).startswith(f"<Fit: 1 iteration, E_in {fit.records[-1].E_in:.6g}; stopped because t >= 1; <Model")
    Xc, Z = words(300)
    assert " (apple, pear, plum) from " in repr(distnn.fit(Xc, Z, max_iterations=1).model)


def test_what_is_going_to_be_removed_is_said_where_it_is_used() -> None:
    def old() -> None:
        deprecated("distnn.old", "distnn.new", gone="0.3")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        old()
    assert [(str(w.message), w.category, w.filename) for w in caught] == [
        ("distnn.old is going to be removed in distnn 0.3: use distnn.new.", FutureWarning, __file__)
    ]


def test_verbose_says_what_the_command_says(capsys: pytest.CaptureFixture[str]) -> None:
    X, Y = regression(300)
    fit = distnn.fit(X, Y, hidden=4, max_iterations=10, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "the arrays: 300 examples; 1 block of 300 rows on 1 rank"
    assert [line.split()[1] for line in lines if line.startswith("t ")] == ["0", "1", "2", "5", "10"]
    assert lines[-1] == f"stopped because t >= 10. {fit.reason.advice}"
    assert "--" not in " ".join(lines)
    silent = distnn.fit(X, Y, hidden=4, max_iterations=10)
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(silent.model.network.w, fit.model.network.w)
