#!/usr/bin/env bash
# Trains on all cores of this machine. Sets up the environment first, if there is none.
#
#     launch/local.sh                       the built-in data set, on all cores
#     launch/local.sh -n 8 --hidden 16      8 processes; the rest goes to python -m distnn.train
#
# Ctrl-C once: the run writes a checkpoint and ends (exit code 75). Again: it ends at once.

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'END'
launch/local.sh [-n N] [OPTION ...]

Trains a network on the cores of this machine: mpirun -n N python -m distnn.train OPTION ...
The first start sets up a Python environment in the checkout.

  -n N      the number of processes; without it, one for each core that this process may use
  --help    this text, and the options of python -m distnn.train

END
    if [[ -x ${DISTNN_VENV:-$HERE/../.venv}/bin/python ]]; then
        exec "${DISTNN_VENV:-$HERE/../.venv}/bin/python" -m distnn.train --help
    fi
}

# Cores that this process may use: its affinity, or the share that its container was given.
cores() {
    local count quota period
    count=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
    if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [[ $quota != max ]]; then
        quota=$(((quota + period - 1) / period))
        count=$((quota < count ? quota : count))
    fi
    echo "$count"
}

ranks=$(cores)
options=()
while (($#)); do
    case $1 in
    -h | --help)
        usage
        exit
        ;;
    -n)
        if [[ ! ${2:-} =~ ^[1-9][0-9]{0,5}$ ]]; then
            echo "local.sh: -n needs a number of processes, as in -n 8; it was given '${2:-}'." >&2
            exit 2
        fi
        ranks=$2
        shift 2
        ;;
    *)
        options+=("$1")
        shift
        ;;
    esac
done

EXTRAS=() # none but the base dependencies
source "$HERE/environment.sh"
source "$HERE/ended.sh"

kernels=$CHECKOUT/distnn/kernels
if [[ -z ${DISTNN_FUSED:-} && -e $kernels/library.py && ! -e $kernels/_library.so ]]; then
    echo "local.sh: there was no C compiler (gcc, clang), so numpy computes (DISTNN_FUSED=off), slower and to bits of" \
        "this machine alone" >&2
    export DISTNN_FUSED=off
fi

# More processes than cores: these let Open MPI 5 and 4 start them. Other libraries need no leave.
if ((ranks > $(cores))); then
    export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_rmaps_base_oversubscribe=1
fi
# mpirun hides the terminal from its processes: tell rank 0 (the package rich) that there is one, and how wide.
if [[ -t 1 ]]; then
    export TTY_COMPATIBLE=1 TTY_INTERACTIVE=1 COLUMNS
    COLUMNS=$(tput cols 2>/dev/null || echo 80)
fi

# The first signal asks the ranks, through mpirun, to write a checkpoint and stop; mpirun itself would kill
# them on the first SIGINT or SIGTERM. The second one ends the job.
signals=0 job=''
# shellcheck disable=SC2317,SC2329 # called by trap
forward() {
    signals=$((signals + 1))
    if ((signals == 1)); then
        echo "local.sh: stopping with a checkpoint; once more to stop at once" >&2 || true # the terminal may be gone
        [[ -z $job ]] || kill -USR1 "$job" 2>/dev/null || true
    else
        [[ -z $job ]] || kill -INT "$job" 2>/dev/null || true
    fi
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
expect_exit_code "$folder/exit-code"
trap forward INT TERM HUP USR1
set -m # mpirun in a process group of its own, so that Ctrl-C on the terminal does not reach it twice
mpirun -n "$ranks" "${REPORTING[@]}" python -m distnn.train ${options[@]+"${options[@]}"} </dev/null &
job=$!
if ((signals)); then # while it was being started
    kill -USR1 "$job" 2>/dev/null || true
fi

# A signal interrupts wait, so wait until it was not interrupted.
while true; do
    before=$signals code=0
    wait "$job" || code=$?
    if ((signals == before)); then
        break
    fi
done
if ((code == 0)); then
    all_is_done || code=1
fi
exit "$code"
