#!/usr/bin/env bash
# Runs the whole test suite: every test serially, those of MPI with 2, 3 and 4 processes, and the linters (lint.sh).
# Sets up the environment first, if there is none.
#
#     launch/test.sh                  everything; ends with a table and 'N passed, N failed'
#     launch/test.sh --quick          no test that starts jobs (mpirun, Slurm, scripts), those of MPI with 3 processes;
#                                     says what was left out
#     launch/test.sh --coverage       everything, and which lines and branches no test reached, in a table; processes
#                                     that tests start are measured for the first parameters of a test only, and
#                                     of the tests of MPI those with 3 processes
#     launch/test.sh -k checkpoint    options of pytest choose tests; a run in which none is left is in order then
#
# Tests that start jobs mostly wait, so several sessions of pytest share them, beside two that run the others. Whoever
# is done helps (tests/support/sharing.py).
# An exit code of 0 means that every run had tests that passed and that no parallel test was left out: see summary.py.

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LIMIT=7200 # seconds for a run of pytest; only one that hangs takes so long

quick='' coverage=''
while :; do
    case ${1:-} in
    -h | --help)
        sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit
        ;;
    --quick) quick=yes ;;
    --coverage) coverage=yes ;;
    *) break ;;
    esac
    shift
done

EXTRAS=(test lint examples docs)
export PIP_NO_COMPILE=no # which pip takes for yes; of all that it installs a fifth is ever imported, and compiled then
source "$HERE/environment.sh"
cd "$CHECKOUT"

# More processes than cores: a rank that waits leaves its core to others (MPICH reads this). No binding, since two of
# these jobs would be bound to the same cores (only Open MPI reads these).
export MPIR_CVAR_ENABLE_HEAVY_YIELD=1
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

# Or each of hundreds of processes would compile all modules anew, and each pytest all tests.
unset PYTHONDONTWRITEBYTECODE

report=$(mktemp -d)
trap 'rm -rf "$report"' EXIT
trap 'end 130' INT
trap 'end 143' TERM HUP

# Ask the tests that run to end what they have started, and wait for that. A second Ctrl-C goes to them as well.
end() {
    trap 'kill -INT $(cat "$report"/*/pid) 2>/dev/null || true' INT
    touch "$report/end"
    # shellcheck disable=SC2046 # several numbers
    kill -INT $(cat "$report"/*/pid) 2>/dev/null || true
    while ! wait; do :; done
    exit "$1"
}

# run NAME COMMAND...: run a pytest with a time limit, note its exit code and seconds. Never fails.
run() {
    local name=$1 code=0 start=$SECONDS
    shift
    [[ ! -e $report/end ]] || return 0
    mkdir "$report/$name"
    printf '\n== %s: %s\n' "$name" "$*"
    DISTNN_TEST_REPORT=$report/$name bash -c 'echo $$ >"$0"; exec timeout --foreground -k 60 "$@"' \
        "$report/$name/pid" "$LIMIT" "$@" </dev/null || code=$?
    rm "$report/$name/pid"
    echo $((SECONDS - start)) >"$report/$name/seconds"
    echo "$code" >"$report/$name/exit-code"
}

# later NAME COMMAND...: run it, and show its output when it has ended.
later() {
    run "$@" >"$report/$1.output" 2>&1
    cat "$report/$1.output"
}

lint() {
    [[ -e $report/end ]] || env -u COVERAGE_PROCESS_START "$HERE/lint.sh" </dev/null || touch "$report/lint-failed"
}

on_ranks() { # NUMBERS MARKERS OPTIONS...
    local ranks command
    for ranks in $1; do
        command=(mpirun -n "$ranks" python -m pytest --with-mpi -p no:cacheprovider -m "${@:2}")
        [[ $ranks == 3 ]] || command=(env -u COVERAGE_PROCESS_START "${command[@]}") # 3 ranks run all of these tests
        later "ranks-$ranks" "${command[@]}"
    done
}

if [[ $coverage ]]; then # every Python of this environment reads these variables as it starts
    export COVERAGE_PROCESS_START=$CHECKOUT/pyproject.toml COVERAGE_FILE=$report/coverage
fi

mkdir "$report/shared"
shared() { # NAME later|run MARKERS OPTIONS...: a session that shares the tests with the others
    DISTNN_TEST_SHARED=$report/shared "$2" "$1" python -m pytest -p no:cacheprovider -m "${@:3}"
}

# Side by side. In process groups of their own (set -m), or else they would ignore SIGINT, as would what they start.
set -m
if [[ $quick ]]; then
    shared units-1 run "not mpi and not job" "$@" &
    shared units-2 later "not mpi and not job" "$@" &
    on_ranks 3 "mpi and not job" "$@" &
else # three of four that run jobs begin with batch systems, which take longest, and wait most of the time
    shared units-1 run "not mpi" "$@" &
    for number in 1 2 3 4; do
        shared "jobs-$number" later "job and not mpi" "$@" &
    done
    {
        [[ $# -gt 0 ]] || lint
        on_ranks "2 3 4" mpi "$@"
        shared units-2 later "not mpi" "$@"
    } &
fi
set +m
wait
unset COVERAGE_PROCESS_START
if [[ $coverage ]]; then
    printf '\n== coverage: lines and branches that no test reached\n'
    python -m coverage combine --quiet "$report" && python -m coverage report || true
fi
python "$HERE/summary.py" "$report" ${quick:+quick} ${1:+selected}
