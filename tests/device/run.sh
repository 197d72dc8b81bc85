#!/usr/bin/env bash
# All checks of --device where there is one GPU, in less than five minutes: the same bits on 1, 2 and 3 ranks that share
# it, after another start and a resume, for any chunks and for simulated ranks; the CPU's values, to 1e-12 in float64
# and to 1e-5 in float32; how long an iteration takes, beside JAX and PyTorch.
#
#     tests/device/run.sh                   needs distnn[gpu,test] and mpirun; for PyTorch distnn[peers]
#     DEVICE=xla-cpu tests/device/run.sh    the same on the CPU, as a rehearsal
#
# On a machine that has JAX, but no network: fetch the rest first, for the Pythons that may be there, where there is a
# network and distnn is compiled, and take it along. It goes to an environment of its own, on top of that of PYTHON.
#
#     WHEELS=wheels tests/device/run.sh fetch 3.12 3.13
#     WHEELS=wheels PYTHON=python3 tests/device/run.sh
#
# Ends with 'All is as it should be.' and exit code 0, or with 'WRONG: …' and exit code 1, after all steps. What tells
# most comes first; a step that takes too long is ended, so that the others have their turn.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
LIMIT=${LIMIT:-285} # seconds for all
name=${PYTHON:-python}
PYTHON=$(command -v "$name") || { echo "WRONG: there is no $name." && exit 1; }
export DEVICE=${DEVICE:-gpu} DISTNN_SHARE_DEVICES=1 OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1
export DISTNN_TEST_DEVICE=$DEVICE DISTNN_COMPLETE=1 PATH=${PYTHON%/*}:$PATH PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}

LIBRARY=distnn/kernels/_library.so
sources() { # a hash of what it is made of
    cat distnn/kernels/csrc/*.[ch] distnn/kernels/build.py | sha1sum | cut -c1-12
}
NEEDED=(attrs cyclopts docstring-parser rich rich-rst docutils pygments markdown-it-py mdurl tomli-w threadpoolctl
    safetensors setuptools wheel mpich mpi4py hypothesis sortedcontainers pytest pytest-timeout pytest-mpi pluggy iniconfig
    packaging pip)
if [[ ${1:-} == fetch ]]; then
    for version in "${@:2}"; do
        "$PYTHON" -m pip download --quiet --no-deps --only-binary=:all: --python-version "$version" -d "$WHEELS" "${NEEDED[@]}"
    done
    exec cp "$LIBRARY" "$WHEELS/library-$(sources).so"
fi

failed=()
step() { # COMMAND...: run it, for half of the time that is left, say how long it took, and note where it fails
    local start=$SECONDS
    printf '\n== %s\n' "$*"
    timeout --kill-after=5 $(((LIMIT - SECONDS) / 2 + 1)) "$@" || failed+=("$* (exit code $?)")
    printf '== %s s\n' $((SECONDS - start))
}

environment() { # an environment of its own, which sees the packages of PYTHON's, and has its own mpirun
    "$PYTHON" - "$1" <<'END'
import sys
import venv
from pathlib import Path

venv.create(sys.argv[1], with_pip=False, symlinks=True)
beneath = [place for place in sys.path if place.endswith(("site-packages", "dist-packages"))]
(own,) = Path(sys.argv[1]).glob("lib/python*/site-packages")
(own / "beneath.pth").write_text("import site; " + "; ".join(f"site.addsitedir({place!r})" for place in beneath))
END
}

if [[ ${WHEELS:-} ]]; then
    own=$(mktemp -d)
    trap 'rm -rf "$own"' EXIT
    environment "$own"
    PYTHON=$own/bin/python PATH=$own/bin:$PATH
    install=(env "PYTHONPATH=$(printf '%s:' "$WHEELS"/pip-*.whl)" "$PYTHON" -m pip install --quiet --no-index --no-deps
        --find-links "$WHEELS" --ignore-installed --no-compile)
    step "${install[@]}" "${NEEDED[@]}"
    if ! cp --remove-destination "$WHEELS/library-$(sources).so" "$LIBRARY"; then
        step "${install[@]}" --no-build-isolation -e . # where there is a C compiler
    fi
fi

look() { # what there is, and what is missing
    "$PYTHON" - <<'END'
import importlib.util
import os
import platform
import shutil
import sys

packages = ("mpi4py", "cyclopts", "pytest", "pytest_mpi", "pytest_timeout", "hypothesis")
lacking = [name for name in packages if not importlib.util.find_spec(name)]
lacking += [] if shutil.which("mpirun") else ["mpirun"]
print("Python", platform.python_version(), *platform.libc_ver(), os.cpu_count(), "CPUs")
from distnn.accelerator import devices
from distnn.errors import UserError
from distnn.kernels import library
from distnn.parallel.ranks import OneRank

try:
    print(*devices.describe(devices.take(os.environ["DEVICE"], OneRank())).values(), sep="\n")
except UserError as error:
    print(f"WRONG: {error}")
    sys.exit(3)  # there is nothing to check
if lacking:
    sys.exit(f"WRONG: {', '.join(lacking)} missing: pip install 'distnn[gpu,test]' mpich, or see the top of this script.")
if not library.built():
    sys.exit("WRONG: distnn's library is not compiled: pip install -e . in the checkout.")
END
}

pytest=("$PYTHON" -m pytest -q -p no:cacheprovider --tb=short)
bench=("$PYTHON" -m distnn.bench --device "$DEVICE")

printf '\n== what there is\n'
look || { (($? < 3)) && failed+=("what there is"); } || exit 1
step "$PYTHON" -m distnn.verify --examples 20000 --optimizer truncated-newton --device "$DEVICE" --simulate 2 7
if [[ $DEVICE == gpu ]]; then
    step "${bench[@]}" --turns 2 --workload wide-f32 digits-f32
else
    step "${bench[@]}" --quick --workload narrow-f64
fi
step "${pytest[@]}" tests/accelerator/test_jobs.py
step "${pytest[@]}" tests/accelerator/test_terms.py -k 'values or hash_for_any or twice or lost or nan'
if [[ $DEVICE == gpu ]]; then
    step "${bench[@]}" --turns 1 --workload narrow-f64 --rows 4000000
fi

echo
if ((${#failed[@]})); then
    printf 'WRONG: %s\n' "${failed[@]}"
    exit 1
fi
echo "All is as it should be. ($SECONDS s)"
