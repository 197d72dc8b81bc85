"""Who takes part in a comparison: distnn itself, and its peers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

DISTRIBUTIONS = {  # by the name imported
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
        return self.package is None or find_spec(self.package) is not None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed, by the names that are imported. Local."""
    here = sorted(package for package in packages if find_spec(package) is not None)
    return {package: version(DISTRIBUTIONS[package]) for package in here}
