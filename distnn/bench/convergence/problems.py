"""Problems whose answer is known, with a network and initial weights for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from distnn.data.tables.exclusive_or import ExclusiveOr
from distnn.errors import missing_package
from distnn.network.network import Network
from distnn.network.weights import weight_count

NOISE = 0.1  # deviation of the noise of noisy teachers
UNIFORM = 12**0.5  # what makes the deviation of numbers that are uniform in an interval of length 1 one


@dataclass(frozen=True)
class Instance:
    """A problem for one seed. X: n × d^(0), Y: n × d^(L), w: the initial weights, (|W|,); all float64."""

    X: np.ndarray
    Y: np.ndarray
    d: tuple[int, ...]
    output_theta: str
    error: str
    w: np.ndarray


@dataclass(frozen=True)
class Problem:
    """What all contenders are given.

    data(seed, rows): X and Y. goals: values of E_in to reach, falling. seconds: CPU time a contender has; to_the_end:
    it is used up, also when all goals are reached, to compare E_in after equal times.
    """

    name: str
    answer: str
    data: Callable[[int, int], tuple[np.ndarray, np.ndarray]]
    rows: int
    d: tuple[int, ...]
    goals: tuple[float, ...]
    seconds: float
    output_theta: str = "identity"
    error: str = "squared"
    package: str | None = None
    to_the_end: bool = False

    @property
    def weights(self) -> int:
        """|W|."""
        return weight_count(self.d)

    def instance(self, seed: int) -> Instance:
        """The problem for this seed: other data where they are random, and other initial weights."""
        X, Y = self.data(seed, self.rows)
        w = Network(self.d, output_theta=self.output_theta).initialise(seed).w
        return Instance(X, Y, self.d, self.output_theta, self.error, w)


def exclusive_or(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the plane, and 0 or 1."""
    table, _ = ExclusiveOr(rows, seed).read(0, rows, (0, 1, 2))
    return table[:, :2].copy(), (table[:, 2:] + 1) / 2


def teacher(*d: int, noise: float = 0.0) -> Callable[[int, int], tuple[np.ndarray, np.ndarray]]:
    """Outputs of a random network of the same architecture, with weights twice as large as initial ones."""

    def data(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(seed)
        network = Network(d, output_theta="identity")
        for W in network.W:
            W[...] = generator.standard_normal(W.shape) * 2 * W.shape[0] ** -0.5
        X = generator.standard_normal((rows, d[0]))
        return X, network(X) + noise * generator.standard_normal((rows, d[-1]))

    return data


def smooth(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A sum of three functions of one direction each, of 8 variables in [-1, 1), with mean 0 and deviation 1.

    Ten hidden units come near it.
    """
    X = np.random.default_rng(seed).uniform(-1, 1, (rows, 8))
    y = np.exp(-0.5 * (X @ np.linspace(-1, 1, 8)) ** 2) + np.sin(X[:, 2] - X[:, 3] + X[:, 4])
    y += np.tanh(2 * X[:, 0] + X[:, 1])
    return X, ((y - y.mean()) / y.std())[:, None]


def products(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A function of 8 variables with products of them, which ten hidden units cannot come near; scaled as `smooth`."""
    X = np.random.default_rng(seed).uniform(-1, 1, (rows, 8))
    y = np.sin(np.pi * X[:, 0] * X[:, 1]) + np.exp(-(X[:, 2] ** 2)) + X[:, 3] * X[:, 4] + np.cos(2 * X[:, 5])
    y += 0.5 * X[:, 6] - 0.3 * X[:, 7] ** 2
    return X, ((y - y.mean()) / y.std())[:, None]


def franke(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Franke's function of the unit square, two hills and a dip, a test of interpolation; scaled."""
    X = np.random.default_rng(seed).uniform(0, 1, (rows, 2))
    x, y = 9 * X.T
    z = 0.75 * np.exp(-((x - 2) ** 2 + (y - 2) ** 2) / 4) + 0.75 * np.exp(-((x + 1) ** 2) / 49 - (y + 1) / 10)
    z += 0.5 * np.exp(-((x - 7) ** 2 + (y - 3) ** 2) / 4) - 0.2 * np.exp(-((x - 4) ** 2) - (y - 7) ** 2)
    return (X - 0.5) * UNIFORM, ((z - z.mean()) / z.std())[:, None]


def borehole(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The flow of water through a borehole, a test of surrogates: Morris, Mitchell and Ylvisaker (1993); scaled."""
    X = np.random.default_rng(seed).uniform(0, 1, (rows, 8))
    lowest = np.array([0.05, 100, 63070, 990, 63.1, 700, 1120, 9855])
    highest = np.array([0.15, 50000, 115600, 1110, 116, 820, 1680, 12045])
    r_w, r, T_u, H_u, T_l, H_l, L, K_w = (lowest + (highest - lowest) * X).T
    far = np.log(r / r_w)
    z = T_u * (H_u - H_l) / (far * (1 + 2 * L * T_u / (far * r_w**2 * K_w) + T_u / T_l))
    return (X - 0.5) * UNIFORM, ((z - z.mean()) / z.std())[:, None]


def robot_arm(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the hand of an arm of four links in a plane is, by the angles between them: two outputs; scaled."""
    X = np.random.default_rng(seed).uniform(-1, 1, (rows, 4))
    angles, lengths = np.cumsum(X * np.pi / 2, axis=1), np.array([1, 0.7, 0.5, 0.3])
    Y = np.stack([np.cos(angles) @ lengths, np.sin(angles) @ lengths], axis=1)
    return X * 3**0.5, (Y - Y.mean(axis=0)) / Y.std(axis=0)


def digits(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The handwritten digits that scikit-learn carries: pixels between 0 and 1, and ten outputs."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise missing_package("scikit-learn", "examples", "The problem digits") from None
    X, classes = load_digits(return_X_y=True)
    return X[:rows] / 16, np.eye(10)[classes[:rows]]


def logistic(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """50 strongly correlated inputs, of deviation 1, and classes with the odds that logistic regression assumes.

    The same for all seeds, so the lowest E_in is known.
    """
    generator = np.random.default_rng(0)
    causes = generator.standard_normal((rows, 5))
    X = causes @ generator.standard_normal((5, 50)) + 0.1 * generator.standard_normal((rows, 50))
    X /= X.std(axis=0)
    odds = np.exp(X @ generator.standard_normal(50))
    return X, (generator.uniform(size=(rows, 1)) < (odds / (1 + odds))[:, None]).astype(np.float64)


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem(
            "xor",
            "0, the classes can be separated",
            exclusive_or,
            2000,
            (2, 4, 1),
            (0.1, 0.03, 0.01),
            1,
            "logistic",
            "cross-entropy",
        ),
        Problem(
            "logistic",
            "0.18336893965388, in one minimum",
            logistic,
            5000,
            (50, 1),
            (0.184, 0.18337, 0.183368940),
            3,
            "logistic",
            "cross-entropy",
        ),
        Problem("xor-squared", "above 0", exclusive_or, 2000, (2, 4, 1), (0.2, 0.1, 0.07), 1),
        Problem("teacher", "0", teacher(8, 10, 1), 5000, (8, 10, 1), (1e-2, 1e-4, 1e-6), 3, to_the_end=True),
        Problem("deep-teacher", "0", teacher(4, 6, 6, 1), 5000, (4, 6, 6, 1), (1e-2, 1e-3, 1e-4), 3),
        Problem(
            "noisy-teacher",
            "0.01, the noise, less what 57 weights of 2,000 rows fit of it",
            teacher(5, 8, 1, noise=NOISE),
            2000,
            (5, 8, 1),
            (0.03, 0.012, 0.01),
            1,
        ),
        Problem("smooth", "0, not reached", smooth, 50_000, (8, 10, 1), (1e-2, 1e-3, 1e-4), 6, to_the_end=True),
        Problem("products", "above 0.01", products, 50_000, (8, 10, 1), (0.1, 0.03, 0.01), 6, to_the_end=True),
        Problem("franke", "above 0", franke, 2000, (2, 16, 1), (1e-2, 1e-3, 3e-4), 3),
        Problem("borehole", "above 0", borehole, 5000, (8, 10, 1), (1e-2, 1e-4, 1e-5), 3),
        Problem("robot-arm", "above 0", robot_arm, 3000, (4, 16, 2), (3e-2, 3e-3, 1e-3), 3),
        Problem("products-large", "0, not reached", products, 50_000, (8, 20, 20, 1), (0.03, 3e-3, 1e-3), 8),
        Problem(
            "digits",
            "0, the classes can be separated",
            digits,
            1797,
            (64, 30, 10),
            (0.1, 0.01, 0.001),
            3,
            "softmax",
            "cross-entropy",
            "sklearn",
        ),
    )
}
