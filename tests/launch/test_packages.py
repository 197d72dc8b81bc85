"""The recipes of launch/packages/: each says of distnn what pyproject.toml says."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import Any

import pytest
import yaml
from checkout import CHECKOUT, LAUNCH

import distnn

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
DEPENDENCIES = dict(text.split(">=") for text in PROJECT["project"]["dependencies"])
PYTHON = PROJECT["project"]["requires-python"].removeprefix(">=")
(SETUPTOOLS,) = (text.removeprefix("setuptools>=") for text in PROJECT["build-system"]["requires"])


def test_conda() -> None:
    recipe = yaml.safe_load((LAUNCH / "packages/recipe.yaml").read_text())
    needs = recipe["requirements"]
    assert recipe["context"] == {"version": distnn.__version__, "python_min": PYTHON}
    assert {"python", *(f"{name} >={oldest}" for name, oldest in DEPENDENCIES.items())} == set(needs["run"])
    assert f"setuptools >={SETUPTOOLS}" in needs["host"]
    assert recipe["build"]["python"]["entry_points"] == [
        f"{name} = {function}" for name, function in PROJECT["project"]["scripts"].items()
    ]
    assert recipe["about"]["summary"] == PROJECT["project"]["description"]


def test_spack() -> None:
    text = (LAUNCH / "packages/spack/package.py").read_text()
    ast.parse(text)
    needs = dict(re.findall(r'depends_on\("(?:py-)?([\w-]+)@([\d.]+):"', text))
    extras = {"pyarrow": "tables", "h5py": "hdf5"}
    for name, extra in extras.items():
        assert f"{name}>={needs.pop(name)}" in PROJECT["project"]["optional-dependencies"][extra]
    assert needs == {"python": PYTHON, "setuptools": SETUPTOOLS, **DEPENDENCIES}
    assert f'version("{distnn.__version__}"' in text and PROJECT["project"]["description"] in text


def variables(text: str) -> dict[str, Any]:
    """What a file of assignments assigns, where that is a constant or holds constants and names that came before."""
    found: dict[str, Any] = {}
    exec(compile(ast.parse(text), "easyconfig", "exec"), {}, found)
    return found


def test_easybuild() -> None:
    (path,) = (LAUNCH / "packages").glob("*.eb")
    found = variables(path.read_text())
    chain = found["toolchain"]
    assert path.name == f"{found['name']}-{found['version']}-{chain['name']}-{chain['version']}.eb"
    assert found["version"] == distnn.__version__
    given = {name.lower(): version for name, version, *_ in [*found["dependencies"], *found["exts_list"]]}
    bundles = {"numpy": "scipy-bundle", **dict.fromkeys(("threadpoolctl", "rich", "tomli-w"), "python-bundle-pypi")}
    for name, oldest in DEPENDENCIES.items():
        assert bundles.get(name, name) in given
        if name in given:
            assert number(given[name]) >= number(oldest), name
    assert number(given["python"]) >= number(PYTHON)


def number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("platform", ["linux", "macos"])
def test_cibuildwheel_makes_its_wheel_with_the_oldest_python_and_tries_all(platform: str) -> None:
    wheels = PROJECT["tool"]["cibuildwheel"]
    prefix = "Programming Language :: Python :: 3."
    said = [name.removeprefix(prefix) for name in PROJECT["project"]["classifiers"] if name.startswith(prefix)]
    assert wheels["build"].split() == [f"cp3{minor}-*" for minor in said]
    assert len(wheels[platform]["archs"]) == 2
