"""Who takes part in a comparison: distnn itself, and its peers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

DISTRIBUTIONS = {  # by the name imported, where that is another or to be said
    "jax": "jax",
    "optimistix": "optimistix",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
}


@dataclass(frozen=True)
class Contender:
    """name: as printed. package: what it needs, as it is imported; None: distnn alone."""

    name: str
    package: str | None = None

    @property
    def installed(self) -> bool:
        """Whether it can take part here. Local."""
        return self.package is None or bool(versions([self.package]))


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed, by the names that are imported. Local.

    A folder of a package's name, which Python would import as well, has no version.
    """
    found = {}
    for package in sorted(package for package in packages if find_spec(package) is not None):
        with suppress(PackageNotFoundError):
            found[package] = version(DISTRIBUTIONS.get(package, package))
    return found
