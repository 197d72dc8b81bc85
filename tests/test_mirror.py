"""The tests mirror the package: distnn/x/y.py is tested by tests/x/test_y.py."""

from __future__ import annotations

from pathlib import Path

from checkout import CHECKOUT

PACKAGE, TESTS = CHECKOUT / "distnn", CHECKOUT / "tests"
OPTIONS = "declares options and checks them: runs/options/test_options.py and test_checks.py walk through all of these"
FARM = ("finished", "members", "outcome", "out_of_fold", "report")
TRIALS = "is at work in test_search.py"
FARMS = "is at work in runs/farm/test_farm.py, which looks at all that a farm says and writes"
PEERS = "is run by bench/peers/test_peers.py, as all peers are"
SIMULATED = "is at work in bench/scaling/test_trial.py, under SimGrid"
RACERS = "is run by bench/convergence/test_race.py, as all contenders are"
FIGURES = "is drawn and looked at by report/figures/test_figures.py, as all figures are"
DRAWN = (
    "bars",
    "communication",
    "confusion",
    "dependence",
    "errors",
    "evidence",
    "gradient",
    "importance",
    "predicted",
    "residuals",
    "speed",
)
ELSEWHERE = {
    "kernels/build.py": "is at work in kernels/test_library.py, which installs distnn",
    "keywords.py": "is made by docs/keywords.py, and compared with what that makes by test_public_api.py",
    **dict.fromkeys((f"report/figures/{name}.py" for name in DRAWN), FIGURES),
    "report/history.py": "is read by report/test_gathering.py, whole and with parts missing",
    "report/subject.py": "holds what report/test_gathering.py looks at",
    "report/style_sheet.py": "is looked at by report/test_style.py",
    "inference/options.py": "declares options: inference/test_application.py walks through them",
    "inference/export/c_columns.py": "is compiled and called by inference/export/test_c.py",
    "inference/export/c_source.py": "is compiled and called by inference/export/test_c.py",
    "inference/export/fortran_columns.py": "is compiled and called by inference/export/test_fortran.py",
    "inference/export/fortran_source.py": "is compiled and called by inference/export/test_fortran.py",
    **dict.fromkeys(
        (f"runs/options/{name}.py" for name in ("actions", "data", "network", "run", "several", "training")), OPTIONS
    ),
    "runs/trials.py": "is at work in runs/test_network_search.py and runs/test_decay_search.py",
    **dict.fromkeys((f"runs/farm/{name}.py" for name in FARM), FARMS),
    **dict.fromkeys((f"runs/farm/{name}.py" for name in ("sampled", "search", "study", "trials")), TRIALS),
    **dict.fromkeys((f"bench/peers/{name}.py" for name in ("pytorch", "scikit_learn", "worker", "xla")), PEERS),
    **dict.fromkeys((f"bench/scaling/{name}.py" for name in ("ranks", "simgrid")), SIMULATED),
    "bench/scaling/figure.py": "is drawn by bench/scaling/test_main.py",
    **dict.fromkeys(
        (f"bench/convergence/{name}.py" for name in ("optimistix", "ours", "pytorch", "scikit_learn")), RACERS
    ),
}


def modules() -> list[Path]:
    """All modules but the packages' own files, relative to the package."""
    found = [path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py"))]
    return [path for path in found if path.name not in ("__init__.py", "__main__.py")]


def test_every_module_has_a_test_of_its_name() -> None:
    missing = [
        f"distnn/{module} has no tests/{module.with_name(f'test_{module.name}')}"
        for module in modules()
        if str(module) not in ELSEWHERE and not (TESTS / module.with_name(f"test_{module.name}")).exists()
    ]
    assert not missing, "\n".join(missing)


def test_the_exceptions_are_modules_without_a_test() -> None:
    known = set(map(str, modules()))
    for module in map(Path, ELSEWHERE):
        assert str(module) in known, f"there is no distnn/{module} any more"
        assert not (TESTS / module.with_name(f"test_{module.name}")).exists(), f"{module} has a test of its name now"
