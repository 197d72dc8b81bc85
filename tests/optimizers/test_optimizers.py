"""Every optimizer: on functions with known minima, beside scipy's, on a small network; resume, ranks, bad settings."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from functions import ROSENBROCK_START, Squares, quadratic, rosenbrock
from scipy.optimize import least_squares, minimize
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn.errors import UserError
from distnn.optimizers import OPTIMIZERS, State, choose
from distnn.optimizers.adam import Adam
from distnn.optimizers.adaptive_gradient_descent import AdaptiveGradientDescent
from distnn.optimizers.gradient_descent import GradientDescent
from distnn.optimizers.lbfgs import LBFGS, inverse_hessian_product
from distnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from distnn.optimizers.stochastic import StochasticGradientDescent
from distnn.optimizers.truncated_newton import TruncatedNewton, solve
from distnn.parallel.ranks import OneRank, Ranks
from distnn.training.observation import norm

FULL = [name for name, optimizer in OPTIMIZERS.items() if not optimizer.stochastic]
SAFE = [name for name in FULL if name != "gradient-descent"]  # E falls in every step, from anywhere
SECOND_ORDER = ["lbfgs", "levenberg-marquardt", "truncated-newton"]


def run(optimizer: Any, function: Any, w: np.ndarray, steps: int) -> State:
    """The state after `steps`, or before, when the optimizer is stuck."""
    state = optimizer.start(function, w)
    for t in range(steps):
        if state.stuck:
            break
        state = optimizer.step(function, state, t)
    return state


# ---- functions with known minima


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_quadratic(name: str) -> None:
    settings = {"sgd": {"eta": 0.01}, "gradient-descent": {"eta": 0.01}, "adam": {"eta": 0.05}}.get(name, {})
    state = run(OPTIMIZERS[name](**settings), quadratic(10), np.zeros(6), 2000)
    np.testing.assert_allclose(state.w, 1, atol=1e-3 if name == "adam" else 1e-6)


@pytest.mark.parametrize("name", SECOND_ORDER)
@pytest.mark.parametrize("size", [2, 10])
def test_rosenbrock(name: str, size: int) -> None:
    state = run(OPTIMIZERS[name](), rosenbrock(size), np.resize(ROSENBROCK_START, size), 200)
    np.testing.assert_allclose(state.w, 1, atol=1e-6)


def test_rosenbrock_down_the_gradient() -> None:
    state = run(AdaptiveGradientDescent(), rosenbrock(), ROSENBROCK_START, 5000)
    np.testing.assert_allclose(state.w, 1, atol=0.05)


def test_lbfgs_needs_no_more_evaluations_than_scipy() -> None:
    ours = theirs = 0
    for size in (2, 4, 8, 16):
        for seed in range(4):
            w = np.random.default_rng(seed).normal(size=size)
            goal, function = 1e-10, rosenbrock(size)
            optimizer = LBFGS()
            state = optimizer.start(function, w)
            while state.tensors()["E"] > goal:
                state = optimizer.step(function, state, 0)
            ours += function.evaluations
            best: list[float] = []

            def counted(w: np.ndarray, best: list[float] = best, size: int = size) -> tuple[float, np.ndarray]:
                E, G = rosenbrock(size)(w)
                best.append(E)
                return E, G

            minimize(counted, w, jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-12, "maxiter": 10_000})
            theirs += int(np.argmax(np.array(best) <= goal)) + 1
    assert ours <= theirs


def test_levenberg_marquardt_finds_what_scipy_finds() -> None:
    """A fit with a residual that stays: y = a exp(b x) + c."""
    x = np.linspace(0, 2, 30)
    y = 2 * np.exp(-1.5 * x) + 0.5 + 0.05 * np.random.default_rng(0).normal(size=30)

    def residuals(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        power = np.exp(w[1] * x)
        return w[0] * power + w[2] - y, np.column_stack([power, w[0] * x * power, np.ones_like(x)])

    start = np.array([1.0, 0.0, 0.0])
    theirs = least_squares(
        lambda w: residuals(w)[0], start, lambda w: residuals(w)[1], method="lm", xtol=1e-14, ftol=1e-14
    )
    state = run(LevenbergMarquardt(), Squares(residuals), start, 50)
    np.testing.assert_allclose(state.w, theirs.x, rtol=1e-6)
    np.testing.assert_allclose(state.E, 2 * theirs.cost, rtol=1e-12)


def test_levenberg_marquardt_step_is_gauss_newtons_where_damping_is_small() -> None:
    state = run(LevenbergMarquardt(damping=1e-12), quadratic(), np.zeros(6), 1)
    np.testing.assert_allclose(state.w, 1, atol=1e-8)


def test_damping_follows_the_gain_ratio() -> None:
    """A tenth after a step as promised; twice, then four times as much after trials that fail."""
    function, optimizer = quadratic(), LevenbergMarquardt(damping=0.5)
    first = optimizer.step(function, optimizer.start(function, np.zeros(6)), 0)
    second = optimizer.step(function, first, 1)
    assert first.mu < 0.5 * 200 and second.mu == pytest.approx(first.mu / 10)

    def kink(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope = np.where(w > 0, 1.0, -100.0)
        return slope * w + 1, np.diag(slope)

    function, w, A, mu, nu = Squares(kink), np.ones(1), 2.0, 1e-3 * 2.0, 2.0
    E, G = function(w)
    while True:
        h = -G / (A + mu)
        gain = (E - function(w + h)[0]) / -(G @ h + A * h @ h / 2)
        if gain > 0:
            break
        mu, nu = mu * nu, nu * 2
    assert nu > 8
    state = LevenbergMarquardt().step(function, LevenbergMarquardt().start(function, w), 0)
    assert state.nu == 2 and state.mu == pytest.approx(mu * max(0.1, 1 - (2 * gain - 1) ** 3))


def test_damping_follows_the_bend() -> None:
    """Twice as much while the accelerated step bends too much; afterwards at least what the bend allows."""
    function, w = rosenbrock(), ROSENBROCK_START
    A, (E, G) = function.gauss_newton(w), function(w)
    mu = first = 1e-6 * A.diagonal().max()
    while True:
        damped = A + mu * np.eye(2)
        h = np.linalg.solve(damped, -G)
        a = np.linalg.solve(damped, -function.acceleration(w, h))
        bend, gain = 2 * norm(a) / norm(h), (E - function(w + h + a / 2)[0]) / -(G @ h + h @ A @ h / 2)
        if bend <= 0.75:
            break
        mu *= 2
    assert mu > first and gain > 0
    optimizer = LevenbergMarquardt(damping=1e-6)
    state = optimizer.step(function, optimizer.start(function, w), 0)
    np.testing.assert_allclose(state.w, w + h + a / 2, rtol=1e-6)
    assert state.nu == 2 and state.mu == pytest.approx(mu * max(0.1, 1 - (2 * gain - 1) ** 3, bend / 0.75))


def test_acceleration_of_the_stand_in_is_exact() -> None:
    """R²{10 (w_2 - w_1²)} = -20 v_1²."""
    w, v = np.array([0.5, 2.0]), np.array([0.3, -1.0])
    J = rosenbrock().residuals(w)[1]
    np.testing.assert_allclose(rosenbrock().acceleration(w, v), 2 * J.T @ [-20 * 0.09, 0], rtol=1e-6)


def test_truncated_newton_finds_what_scipy_finds() -> None:
    function = rosenbrock(6)
    start = np.resize(ROSENBROCK_START, 6)
    theirs = minimize(function, start, jac=True, hessp=function.hessian_product, method="trust-ncg", tol=1e-10)
    np.testing.assert_allclose(run(TruncatedNewton(), function, start, 100).w, theirs.x, atol=1e-6)


def test_newton_equations() -> None:
    """In the region: H p = -G. At its edge: the length is the radius. With negative curvature: to the edge and down."""
    generator = np.random.default_rng(0)
    basis, _ = np.linalg.qr(generator.normal(size=(5, 5)))
    H, G = basis * [1, 2, 3, 4, 5.0] @ basis.T, 1e-9 * generator.normal(size=5)
    p, Hp = solve(lambda v: H @ v, G, 1.0, 100)
    np.testing.assert_allclose(Hp, H @ p, atol=1e-20)
    assert np.linalg.norm(Hp + G) <= 1e-4 * np.linalg.norm(G)
    for bent in (H, H - 4.5 * np.eye(5)):
        products = []
        p, Hp = solve(lambda v, bent=bent, products=products: products.append(v) or bent @ v, G, 1e-12, 100)
        assert len(products) == 1
        assert np.linalg.norm(p) == pytest.approx(1e-12)
        assert G @ p + p @ Hp / 2 < 0


def test_truncated_newton_leaves_a_saddle() -> None:
    """E = x² + (y² - 1)²: from near the saddle (0, 0), where the Hessian has a negative eigenvalue."""
    function = Squares(
        lambda w: (np.array([w[0], w[1] ** 2 - 1]), np.array([[1.0, 0.0], [0.0, 2 * w[1]]])),
        lambda w, v: np.array([0.0, 2 * (w[1] ** 2 - 1) * v[1]]),
    )
    state = run(TruncatedNewton(), function, np.array([0.5, 1e-3]), 30)
    np.testing.assert_allclose(state.w, [0, 1], atol=1e-7)


def test_inverse_hessian_product_is_the_bfgs_matrix() -> None:
    """The two-loop recursion against the update formula H⁺ = (I - ρ s yᵀ) H (I - ρ y sᵀ) + ρ s sᵀ."""
    generator = np.random.default_rng(0)
    A = np.diag(np.arange(1.0, 6.0))
    S = generator.normal(size=(3, 5))
    Y = S @ A
    H = np.eye(5) * (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
    for s, y in zip(S, Y, strict=True):
        rho = 1 / (s @ y)
        H = (np.eye(5) - rho * np.outer(s, y)) @ H @ (np.eye(5) - rho * np.outer(y, s)) + rho * np.outer(s, s)
    v = generator.normal(size=5)
    np.testing.assert_allclose(inverse_hessian_product(S, Y, np.linalg.inv(np.triu(S @ Y.T)), v), H @ v, rtol=1e-12)
    np.testing.assert_array_equal(inverse_hessian_product(S[:0], Y[:0], np.empty((0, 0)), v), v)


def test_lbfgs_remembers_the_last_pairs() -> None:
    """T stays the inverse of the products of S and Y, also when old pairs are forgotten and steps become tiny."""
    for steps, pairs in ((2, 3), (12, 3), (40, 10)):
        state = run(LBFGS(pairs=pairs), rosenbrock(8), np.resize(ROSENBROCK_START, 8), steps)
        S, Y, T = (state.tensors()[name] for name in "SYT")
        assert len(S) == len(Y) == min(steps, pairs)
        np.testing.assert_array_equal(T, np.triu(T))
        np.testing.assert_allclose(T @ np.triu(S @ Y.T), np.eye(len(S)), atol=1e-9)


# ---- what goes wrong


@pytest.mark.parametrize("name", SAFE)
def test_no_step_raises_the_error(name: str) -> None:
    """Whatever the settings: with these the first trials of all but one rise."""
    settings = {"levenberg-marquardt": {"damping": 1e-9}, "truncated-newton": {"radius": 1e3}}
    settings |= {"adaptive-gradient-descent": {"eta": 1e3}}
    function, optimizer = rosenbrock(4), OPTIMIZERS[name](**settings.get(name, {}))
    state = optimizer.start(function, np.array([-1.2, 1.0, 3.0, -2.0]))
    for t in range(100):
        after = optimizer.step(function, state, t)
        assert after.E <= state.E * (1 + 1e-14)
        np.testing.assert_allclose((after.E, *after.G), (function(after.w)[0], *function(after.w)[1]))
        state = after


@pytest.mark.parametrize("name", SAFE)
def test_stuck_at_a_minimum(name: str) -> None:
    """At the minimum itself, and where rounding hides the fall: a sentence, not an endless search."""
    for w in (np.ones(6), np.zeros(6)):
        function = quadratic()
        offset = Squares(lambda w, of=function: of.residuals(w))  # type: ignore[misc]
        state = run(OPTIMIZERS[name](), offset, w, 20_000)
        assert "no step lowers E_in" in state.stuck
        assert offset.evaluations < 20_000
        assert state.E < 1e-12
        again = OPTIMIZERS[name]().step(offset, dataclasses.replace(state, stuck=""), 0)
        assert again.E <= state.E


@pytest.mark.parametrize("name", SAFE)
def test_trials_that_are_not_finite_are_answered_by_shorter_steps(name: str) -> None:
    """r = ln w is not a number for w < 0, where a full step from w = 20 leads."""

    def residuals(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.log(w), np.diag(1 / w)

    function = Squares(residuals, lambda w, v: -np.log(w) / w**2 * v)
    settings = {"eta": 1e4} if "gradient" in name else {"radius": 1e4} if "newton" in name else {}
    state = run(OPTIMIZERS[name](**settings), function, np.array([20.0, 15.0]), 500)
    np.testing.assert_allclose(state.w, 1, atol=1e-4)


def test_lbfgs_starts_again_down_the_gradient_where_its_search_fails() -> None:
    """With pairs of another function, whose direction leads nowhere."""
    function, w = quadratic(), np.zeros(6)
    state = LBFGS().start(function, w)
    S, Y = np.eye(6)[:2], -np.eye(6)[:2]  # negative curvature: p points uphill
    after = LBFGS().step(function, dataclasses.replace(state, S=S, Y=Y, T=np.linalg.inv(np.triu(S @ Y.T))), 1)
    assert not after.stuck and after.E < state.E
    assert len(after.S) == 1


def test_lbfgs_keeps_the_last_pairs() -> None:
    function, optimizer = rosenbrock(8), LBFGS(pairs=3)
    before = state = run(optimizer, function, np.zeros(8), 7)
    state = optimizer.step(function, state, 7)
    assert state.S.shape == state.Y.shape == (3, 8)
    np.testing.assert_array_equal(state.S[:2], before.S[1:])
    np.testing.assert_array_equal(state.S[-1], state.w - before.w)
    np.testing.assert_array_equal(state.Y[-1], state.G - before.G)


def test_levenberg_marquardt_refuses_what_does_not_fit() -> None:
    with pytest.raises(UserError, match=r"about [\d,]+ MB a rank .* 6 × 6 .*--max-megabytes"):
        LevenbergMarquardt(max_megabytes=1e-4).start(quadratic(), np.zeros(6))  # type: ignore[arg-type]


def test_levenberg_marquardt_refuses_cross_entropy() -> None:
    X, _ = regression(20)
    objective = assembled(OneRank(), X, np.array(["a", "b"] * 10), error="cross-entropy").objective
    with pytest.raises(UserError, match="sum of squares"):
        LevenbergMarquardt().start(objective, np.zeros(len(objective.decayed)))


BAD = [
    (GradientDescent, {"eta": 0.0}, "--eta 0.0: give a finite number above 0"),
    (AdaptiveGradientDescent, {"eta": -1.0}, "--eta"),
    (LBFGS, {"pairs": 0}, "--pairs 0: give a finite number at least 1"),
    (LBFGS, {"c1": 0.5, "c2": 0.4}, "c1 must be below c2"),
    (LBFGS, {"c2": 1.0}, "--c2 1.0: give a finite number above 0 and below 1"),
    (LevenbergMarquardt, {"damping": math.nan}, "--damping"),
    (LevenbergMarquardt, {"max_megabytes": 0.0}, "--max-megabytes"),
    (TruncatedNewton, {"radius": math.inf}, "--radius"),
    (TruncatedNewton, {"max_products": 0}, "--max-products"),
    (StochasticGradientDescent, {"momentum": 1.0}, "--momentum"),
    (StochasticGradientDescent, {"clip": -1.0}, "--clip"),
    (StochasticGradientDescent, {"decay_steps": 0}, "--decay-steps"),
    (StochasticGradientDescent, {"schedule": "linear"}, "--schedule linear"),
    (Adam, {"beta1": 1.0}, "--beta1"),
    (Adam, {"beta2": -0.1}, "--beta2"),
    (Adam, {"epsilon": 0.0}, "--epsilon"),
    (Adam, {"eta": math.inf}, "--eta"),
    (Adam, {"warm_up": -1}, "--warm-up"),
    (Adam, {"decoupled_decay": -1.0}, "--decoupled-decay"),
]


@pytest.mark.parametrize("kind, settings, words", BAD)
def test_bad_settings(kind: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        kind(**settings)
    assert words in str(caught.value)


def test_every_number_that_can_be_set_is_checked() -> None:
    for kind in OPTIMIZERS.values():
        for setting in dataclasses.fields(kind):  # type: ignore[arg-type]
            if type(setting.default) is not bool and not isinstance(setting.default, str):
                with pytest.raises(UserError):
                    kind(**{setting.name: math.nan})


def test_choice() -> None:
    for weights, error, outputs, name in (
        (100, "squared", 1, "levenberg-marquardt"),
        (1000, "squared", 1, "levenberg-marquardt"),
        (1001, "squared", 1, "lbfgs"),
        (100, "squared", 10, "levenberg-marquardt"),
        (101, "squared", 10, "lbfgs"),
        (100, "cross-entropy", 1, "lbfgs"),
        (10**6, "squared", 1, "lbfgs"),
    ):
        chosen, reason = choose(weights, error, outputs)
        assert chosen == name and chosen in OPTIMIZERS
        assert reason.startswith(name + ", since ") and reason.endswith(".")


# ---- stochastic optimizers, against scikit-learn's


def gradients(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(size=(count, 4)))


class Given:
    """An objective whose samples have the gradients given."""

    decayed = np.array([0.0, 1.0, 1.0, 1.0])

    def __init__(self, G: list[np.ndarray]):
        self.G = G

    def sample(self, w: np.ndarray, t: int) -> tuple[float, np.ndarray]:
        return 1.0, self.G[t]


@pytest.mark.parametrize("momentum, nesterov", [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd_is_scikit_learns(momentum: float, nesterov: bool) -> None:
    G, theirs = gradients(20), [np.ones(4)]
    reference = SGDOptimizer(theirs, learning_rate_init=0.1, momentum=momentum, nesterov=nesterov)
    for g in G:
        reference.update_params(theirs, [g])
    state = run(StochasticGradientDescent(eta=0.1, momentum=momentum, nesterov=nesterov), Given(G), np.ones(4), 20)
    np.testing.assert_allclose(state.w, theirs[0], rtol=1e-12)


def test_adam_is_scikit_learns() -> None:
    G, theirs = gradients(20), [np.ones(4)]
    reference = AdamOptimizer(theirs, learning_rate_init=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-300)
    for g in G:
        reference.update_params(theirs, [g])
    state = run(Adam(eta=0.1, beta1=0.8, beta2=0.95, epsilon=1e-300), Given(G), np.ones(4), 20)
    np.testing.assert_allclose(state.w, theirs[0], rtol=1e-12)


def test_adamw_takes_a_share_off_the_weights_but_not_off_the_biases() -> None:
    settings = {"eta": 0.1, "schedule": "step", "decay_steps": 1, "decay_factor": 0.5}
    G = gradients(1)
    plain = run(Adam(**settings), Given(G), np.full(4, 2.0), 1)
    decayed = run(Adam(**settings, decoupled_decay=0.25), Given(G), np.full(4, 2.0), 1)
    np.testing.assert_allclose(plain.w - decayed.w, np.array([0, 1, 1, 1]) * 0.1 * 0.25 * 2.0)


def test_schedules() -> None:
    def rates(steps: list[int], **settings: Any) -> list[float]:
        return [StochasticGradientDescent(eta=1.0, **settings).rate(t) for t in steps]

    assert rates([0, 10, 10**6]) == [1, 1, 1]
    step = rates([0, 9, 10, 19, 20], schedule="step", decay_steps=10, decay_factor=0.5)
    assert step == [1, 1, 0.5, 0.5, 0.25]
    cosine = rates([0, 5, 10, 99], schedule="cosine", decay_steps=10, decay_factor=0.2)
    assert cosine == pytest.approx([1, 0.6, 0.2, 0.2])
    warm = rates([0, 1, 2, 3, 12, 13], warm_up=3, schedule="step", decay_steps=10, decay_factor=0.5)
    assert warm == pytest.approx([0.25, 0.5, 0.75, 1, 1, 0.5])


def test_clipping() -> None:
    optimizer = StochasticGradientDescent(clip=1.0)
    np.testing.assert_allclose(optimizer.clipped(np.array([3.0, 4.0])), [0.6, 0.8])
    np.testing.assert_array_equal(optimizer.clipped(np.array([0.3, 0.4])), [0.3, 0.4])
    first = run(StochasticGradientDescent(eta=1.0, clip=0.1), Given([np.full(4, 5.0)]), np.zeros(4), 1)
    assert np.linalg.norm(first.w) == pytest.approx(0.1)


# ---- networks


def network(ranks: Ranks, **options: Any) -> tuple[Any, np.ndarray]:
    """An objective and the initial weights."""
    X, Y = regression(50)
    weights = np.random.default_rng(2).uniform(0.5, 2, 50)
    assembly = assembled(ranks, X, Y, weights, hidden=(4,), batch_size=8, weight_decay=1e-4, **options)
    return assembly.objective, assembly.model.network.w.copy()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_descends_on_a_network(name: str) -> None:
    objective, w = network(OneRank())
    state = run(OPTIMIZERS[name](), objective, w, 300)
    assert objective.error(state.w) < 0.9 * objective.error(w)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resume_to_the_bit(name: str, small_blocks: None) -> None:
    """At every step: the state becomes arrays, those become bytes, and a new state goes on in a new objective."""
    optimizer = OPTIMIZERS[name]()
    objective, w = network(OneRank())
    given = w.copy()
    state = optimizer.start(objective, w)
    resumed = state
    for t in range(12):
        state = optimizer.step(objective, state, t)
        stored = {key: (value.tobytes(), value.dtype, value.shape) for key, value in resumed.tensors().items()}
        arrays = {key: np.frombuffer(*value[:2]).reshape(value[2]) for key, value in stored.items()}
        resumed = optimizer.step(network(OneRank())[0], type(resumed).restore(arrays), t)
        assert bits(resumed) == bits(state)
    np.testing.assert_array_equal(w, given)


def bits(state: State) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in state.tensors().items()}


def hashes(ranks: Ranks, name: str) -> list[dict[str, bytes]]:
    """The states of the first few steps."""
    objective, w = network(ranks)
    optimizer = OPTIMIZERS[name]()
    state = optimizer.start(objective, w)
    states = [bits(state)]
    for t in range(8):
        state = optimizer.step(objective, state, t)
        states.append(bits(state))
    return states


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_bits_for_every_P(name: str, small_blocks: None) -> None:
    alone = hashes(OneRank(), name)
    for P in (2, 3):
        assert on_ranks(P, lambda ranks: hashes(ranks, name)) == [alone] * P


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_bits_under_mpi(name: str, small_blocks: None, ranks: Ranks) -> None:
    assert hashes(ranks, name) == hashes(OneRank(), name)
