"""Tables that packages bring with them, or that a documented function makes: what defaults are judged by.

To add one: a function in TABLES that returns (inputs, targets), rows × d^(0) numbers without gaps, and rows × d^(L)
numbers, or a column of words, which are classes. Nothing is downloaded, and no table was chosen by its result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from distnn.errors import missing_package

Table = tuple[np.ndarray, np.ndarray]


def _scikit_learn(name: str) -> Table:
    """One of scikit-learn's, classes as words."""
    import sklearn.datasets

    found = getattr(sklearn.datasets, f"load_{name}")()
    y = np.asarray(found.target)
    if hasattr(found, "target_names") and name != "linnerud":
        y = np.array([str(found.target_names[i]) for i in y])
    return np.asarray(found.data, float), y


def _made(name: str, **noise: Any) -> Table:
    """200 rows of one of Friedman's functions, by scikit-learn."""
    import sklearn.datasets

    return getattr(sklearn.datasets, f"make_{name}")(n_samples=200, random_state=0, **noise)


def _statsmodels(name: str, target: str, leave_out: tuple[str, ...] = (), classes: bool = False) -> Table:
    import statsmodels.api

    frame = getattr(statsmodels.api.datasets, name).load_pandas().data
    return _table(frame.drop(columns=list(leave_out)), target, classes)


def _cars() -> Table:
    from vega_datasets import local_data

    frame = local_data.cars().drop(columns="Name")
    return _table(frame.assign(Year=frame.Year.dt.year), "Miles_per_Gallon")


def _weather() -> Table:
    from vega_datasets import local_data

    frame = local_data.seattle_weather()
    angle = 2 * np.pi * frame.date.dt.day_of_year / 365.25
    frame = frame.assign(sine=np.sin(angle), cosine=np.cos(angle)).drop(columns="date")
    return _table(frame, "weather", classes=True)


def _penguins(target: str, classes: bool) -> Table:
    from palmerpenguins import load_penguins

    return _table(load_penguins(), target, classes)


def _table(frame: Any, target: str, classes: bool = False) -> Table:
    """A pandas frame without the rows that have gaps, an input for each word."""
    import pandas

    frame = frame.dropna()
    X = pandas.get_dummies(frame.drop(columns=target)).to_numpy(float)
    y = frame[target]
    return X, np.array([str(value) for value in y]) if classes else y.to_numpy(float)


TABLES: dict[str, Callable[[], Table]] = {
    "diabetes": partial(_scikit_learn, "diabetes"),
    "linnerud": partial(_scikit_learn, "linnerud"),
    "friedman1": partial(_made, "friedman1", noise=1.0),
    "friedman2": partial(_made, "friedman2", noise=125.0),
    "friedman3": partial(_made, "friedman3", noise=0.1),
    "cars": _cars,
    "penguins' mass": partial(_penguins, "body_mass_g", False),
    "star98": partial(_statsmodels, "star98", "NABOVE", ("NBELOW",)),
    "credit card": partial(_statsmodels, "ccard", "AVGEXP"),
    "state crime": partial(_statsmodels, "statecrime", "murder"),
    "engel": partial(_statsmodels, "engel", "foodexp"),
    "longley": partial(_statsmodels, "longley", "TOTEMP"),
    "macrodata": partial(_statsmodels, "macrodata", "infl", ("year", "quarter")),
    "affairs": partial(_statsmodels, "fair", "affairs"),
    "breast cancer": partial(_scikit_learn, "breast_cancer"),
    "iris": partial(_scikit_learn, "iris"),
    "wine": partial(_scikit_learn, "wine"),
    "digits": partial(_scikit_learn, "digits"),
    "penguins": partial(_penguins, "species", True),
    "election 96": partial(_statsmodels, "anes96", "vote", classes=True),
    "spector": partial(_statsmodels, "spector", "GRADE", classes=True),
    "weather": _weather,
}


def read(name: str) -> Table:
    """The table of this name in TABLES. UserError if its package is not installed."""
    try:
        X, y = TABLES[name]()
    except ImportError as error:
        package = str(error.name).partition(".")[0]
        package = {"sklearn": "scikit-learn"}.get(package, package)
        raise missing_package(package, "bench", f"The table {name}") from None
    return X, y
