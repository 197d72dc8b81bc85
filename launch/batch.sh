# What the batch scripts share: environment, resuming, forwarding signals, giving up. Not a command: they source it, in
# the checkout, after setting
#
#     OUT         the directory of the run
#     OPTIONS     an array, options of python -m distnn.train
#
# and then call: train LAUNCHER... (such as: train mpirun -n 64). Afterwards $CODE is 0 where the training is done,
# 75 where it should be started again, and anything else where it failed.

set -euo pipefail

FRUITLESS_STARTS=3 # starts in a row after which no newer checkpoint was there; then the job is not started again
SIGALRM=14           # what a rank ends by if MPI does not start

# One BLAS thread a rank; the ranks take the cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 BLIS_NUM_THREADS=1

EXTRAS=()
source launch/environment.sh

# The iteration of the newest checkpoint in $OUT; -1 if there is none.
newest_iteration() {
    local newest
    newest=$(find "$OUT/checkpoints" -name 'checkpoint-*.safetensors' 2>/dev/null | sort | tail -n 1)
    newest=${newest##*/checkpoint-}
    newest=${newest%.safetensors}
    if [[ $newest =~ ^[0-9]+$ ]]; then
        echo $((10#$newest))
    else
        echo -1
    fi
}

# Count the starts since the newest checkpoint grew, in a file beside $OUT that is there between starts only.
give_up_without_progress() {
    local before=-2 starts=0 now
    now=$(newest_iteration)
    mkdir -p "$(dirname "$OUT")"
    if [[ -r $OUT.starts ]]; then
        read -r before starts <"$OUT.starts"
    fi
    starts=$((now > before ? 1 : starts + 1))
    if ((starts > FRUITLESS_STARTS)); then
        rm -f "$OUT.starts"
        echo "distnn: $FRUITLESS_STARTS starts in a row wrote no newer checkpoint than that of iteration $now:" \
            "the job is not started again. Ask for more time, or write checkpoints more often." >&2
        exit 1
    fi
    echo "$now $starts" >"$OUT.starts"
}

# Run the training under a launcher. A USR1 or USR2 (the scheduler's warning) or TERM is passed on once as USR1, on which the
# ranks write a checkpoint and leave with exit code 75. (A shell runs a trap only when what it waits for ends, or in
# `wait`: so the launcher runs in the background, and wait is called again when a signal interrupted it.)
train() {
    local go_on=() launcher before signals=0
    give_up_without_progress
    if (($(newest_iteration) >= 0)); then
        go_on=(--resume)
    elif [[ $(cut -d ' ' -f 2 "$OUT.starts") -gt 1 ]]; then
        go_on=(--overwrite) # an earlier start of this job got no further than making the directory
    fi
    echo "$(date '+%F %T') $* python -m distnn.train ${OPTIONS[*]} --out $OUT ${go_on[*]-}"
    # shellcheck disable=SC2317 # called by trap
    pass_on() {
        signals=$((signals + 1))
        if ((signals == 1)); then
            echo "$(date '+%F %T') asked to stop: the ranks write a checkpoint"
            kill -USR1 "$launcher" 2>/dev/null || true
        fi
    }
    trap pass_on USR1 USR2 TERM
    set -m # the launcher in a process group of its own: some schedulers signal all of ours
    "$@" python -m distnn.train "${OPTIONS[@]}" --out "$OUT" ${go_on[@]+"${go_on[@]}"} </dev/null &
    launcher=$!
    while true; do
        before=$signals CODE=0
        wait "$launcher" || CODE=$?
        ((signals != before)) || break
    done
    if ((CODE == SIGALRM || CODE == 128 + SIGALRM)); then
        echo "distnn: the ranks did not find each other within ${DISTNN_START_SECONDS:-600} s" \
            "(DISTNN_START_SECONDS): a node or MPI's start hangs." >&2
    fi
    # Worth another start: a rank that was killed (128 + signal, from MPICH's mpirun the signal), such as by a failing
    # node or by a warning that came before the ranks could listen. What fails each time gives up by itself, see above.
    if ((CODE > 128 || (CODE > 2 && CODE < 32) || (signals && CODE))); then
        CODE=75
    fi
    if ((CODE != 75)); then
        rm -f "$OUT.starts"
    fi
    echo "$(date '+%F %T') ended with exit code $CODE, newest checkpoint: iteration $(newest_iteration)"
}
