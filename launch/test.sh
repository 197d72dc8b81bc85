#!/usr/bin/env bash
# Runs the whole test suite: serially, then the parallel tests with 2, 3 and 4 processes. Sets up the environment
# first, if there is none.
#
#     launch/test.sh                  everything; ends with a table and 'N passed, N failed'
#     launch/test.sh -k checkpoint    options of pytest choose tests; a run in which none is left is in order then
#
# An exit code of 0 means that every run had tests that passed and that no parallel test was left out: see summary.py.

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SERIAL_LIMIT=2700 # seconds for a whole run
PARALLEL_LIMIT=600

case ${1:-} in
-h | --help)
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
    ;;
esac

EXTRAS=(test lint examples)
source "$HERE/environment.sh"
cd "$CHECKOUT"

# More processes than cores; no binding, since two of these jobs would be bound to the same cores. Read by Open MPI only.
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

report=$(mktemp -d)
trap 'rm -rf "$report"' EXIT

# run NAME LIMIT COMMAND...: run a pytest with a time limit, note its exit code and seconds. Fails only on Ctrl-C.
run() {
    local name=$1 limit=$2 code=0 start=$SECONDS
    shift 2
    mkdir "$report/$name"
    printf '\n== %s: %s\n' "$name" "$*"
    DISTNN_TEST_REPORT=$report/$name timeout --foreground -k 10 "$limit" "$@" </dev/null || code=$?
    echo $((SECONDS - start)) >"$report/$name/seconds"
    echo "$code" >"$report/$name/exit-code"
    if ((code == 130)); then
        exit 130
    fi
}

run serial "$SERIAL_LIMIT" python -m pytest -m "not mpi" "$@"
for ranks in 2 3 4; do
    run "ranks-$ranks" "$PARALLEL_LIMIT" \
        mpirun -n "$ranks" python -m pytest --with-mpi -m mpi -p no:cacheprovider "$@"
done
python "$HERE/summary.py" "$report" ${1:+selected}
