#!/usr/bin/env bash
# All checks of --device where there is one GPU, in some five minutes: the same bits on 1, 2 and 3 ranks that share it,
# after another start and a resume, for any chunks and for simulated ranks; the CPU's values, to 1e-12 in float64 and to
# 1e-5 in float32; how long an iteration takes, beside JAX and PyTorch.
#
#     tests/device/run.sh                   needs distnn[gpu,test] and mpirun; for PyTorch distnn[peers]
#     DEVICE=xla-cpu tests/device/run.sh    the same on the CPU, as a rehearsal
#
# On a machine that has JAX and a C compiler, but no network: fetch the rest first, for the Python there, where there is
# one, and take it along. It is installed into the environment of that python.
#
#     WHEELS=wheels tests/device/run.sh fetch 3.12
#     WHEELS=wheels PYTHON=python3 tests/device/run.sh
#
# Ends with 'All is as it should be.' and exit code 0, or with 'WRONG: …' and exit code 1, after all steps.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
name=${PYTHON:-python}
PYTHON=$(command -v "$name") || { echo "WRONG: there is no $name." && exit 1; }
export DEVICE=${DEVICE:-gpu} DISTNN_SHARE_DEVICES=1 OMP_NUM_THREADS=1
export DISTNN_TEST_DEVICE=$DEVICE DISTNN_COMPLETE=1 PATH=${PYTHON%/*}:$PATH

NEEDED=(attrs cyclopts docstring-parser rich rich-rst docutils pygments markdown-it-py mdurl tomli-w threadpoolctl
    safetensors setuptools wheel mpich mpi4py hypothesis sortedcontainers pytest pytest-timeout pytest-mpi pluggy iniconfig
    packaging)
if [[ ${1:-} == fetch ]]; then
    exec "$PYTHON" -m pip download --quiet --no-deps --only-binary=:all: --python-version "$2" -d "$WHEELS" "${NEEDED[@]}"
fi
if [[ ${WHEELS:-} ]]; then
    install=("$PYTHON" -m pip install --quiet --no-index --find-links "$WHEELS" --no-build-isolation)
    for what in "--upgrade setuptools wheel" "-e . mpich pytest pytest-timeout pytest-mpi hypothesis"; do
        read -ra packages <<<"$what"
        "${install[@]}" "${packages[@]}" || { echo "WRONG: $WHEELS lacks something, or no C compiler." && exit 1; }
    done
fi

"$PYTHON" - <<'END' || exit 1
import importlib.util
import os
import shutil
import sys

packages = ("jax", "mpi4py", "cyclopts", "pytest", "pytest_mpi", "hypothesis")
lacking = [name for name in packages if not importlib.util.find_spec(name)]
lacking += [] if shutil.which("mpirun") else ["mpirun"]
if lacking:
    sys.exit(f"WRONG: {', '.join(lacking)} missing: pip install 'distnn[gpu,test]' mpich, or see the top of this script.")
from distnn.kernels import library

if not library.built():
    sys.exit("WRONG: distnn's library is not compiled: pip install -e . in the checkout.")
from distnn.accelerator import devices
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank

try:
    print(*devices.describe(devices.take(os.environ["DEVICE"], OneRank())).values(), sep="\n")
except UserError as error:
    sys.exit(f"WRONG: {error}")
END

failed=()
step() { # COMMAND...: run it, say how long it took, and note where it fails
    local start=$SECONDS
    printf '\n== %s\n' "$*"
    "$@" || failed+=("$*")
    printf '== %s s\n' $((SECONDS - start))
}

pytest() {
    "$PYTHON" -m pytest -q -p no:cacheprovider "$@"
}

step pytest tests/accelerator/test_jobs.py
step pytest tests/accelerator/test_terms.py -k 'values or hash_for_any or twice or lost or nan'
step "$PYTHON" -m distnn.verify --examples 20000 --optimizer truncated-newton --device "$DEVICE" --simulate 2 7
if [[ $DEVICE == gpu ]]; then
    step "$PYTHON" -m distnn.bench --device gpu --turns 2 --workload wide-f32 digits-f32
    step "$PYTHON" -m distnn.bench --device gpu --turns 1 --workload narrow-f64 --rows 10000000
else
    step "$PYTHON" -m distnn.bench --device "$DEVICE" --quick --workload narrow-f64
fi

echo
if ((${#failed[@]})); then
    printf 'WRONG: %s\n' "${failed[@]}"
    exit 1
fi
echo "All is as it should be. ($SECONDS s)"
