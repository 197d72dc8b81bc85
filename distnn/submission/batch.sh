# shellcheck shell=bash
# What the batch scripts share: environment, resuming, forwarding signals, giving up. Not a command: they source it, in
# the checkout, after setting
#
#     OUT         the directory of the run
#     OPTIONS     an array, options of python -m distnn.train
#
# and then call: train LAUNCHER... (such as: train mpirun -n 64). Afterwards $CODE is 0 where the training is done,
# 75 where it should be started again, and anything else where it failed. Before it they may call: one_of_an_array,
# warn_before.

set -euo pipefail

FRUITLESS_STARTS=3 # starts in a row after which no newer checkpoint was there; then the job is not started again
SIGALRM=14         # what a rank ends by if MPI does not start

complain() { printf 'distnn: %s\n' "$*" >&2; }

# A USR1 or USR2 (the scheduler's warning), TERM or INT (a job is cancelled) is passed on once as USR1, on which the
# ranks write a checkpoint and leave with exit code 75. One that comes before there is a launcher is heeded by `train`.
launcher='' signals=0 first_signal=''
# shellcheck disable=SC2317,SC2329 # called by trap
pass_on() {
    signals=$((signals + 1))
    first_signal=${first_signal:-$1}
    if ((signals == 1)) && [[ -n $launcher ]]; then
        echo "$(date '+%F %T') asked to stop: the ranks write a checkpoint"
        kill -USR1 "$launcher" 2>/dev/null || true
    fi
}
for name in USR1 USR2 TERM INT; do
    # shellcheck disable=SC2064 # the name as it is now
    trap "pass_on $name" "$name"
done

OUT=${OUT-} OPTIONS=(${OPTIONS[@]+"${OPTIONS[@]}"})
while [[ $OUT == */ ]]; do OUT=${OUT%/}; done # files beside it have names that begin with its own
if [[ -z $OUT ]]; then
    complain "OUT is empty: it should be the directory of the run, as in OUT=runs/first."
    exit 2
fi

# One BLAS thread a rank; the ranks take the cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 BLIS_NUM_THREADS=1

LAUNCH=$(dirname "${BASH_SOURCE[0]}")
if [[ -n ${DISTNN_ENVIRONMENT-} ]]; then # of a script made by distnn submit: that which it ran in
    CHECKOUT=$(cd -P "$LAUNCH/../.." && pwd) VENV=$DISTNN_ENVIRONMENT
    export PATH=$VENV/bin:$PATH
else
    # shellcheck disable=SC2034 # for environment.sh
    EXTRAS=()
    source launch/environment.sh
fi
# shellcheck source=launch/ended.sh
source "$LAUNCH/ended.sh"

# at_exit COMMAND: also do this when the script ends.
AT_EXIT=''
at_exit() {
    AT_EXIT+=$1$'\n'
    # shellcheck disable=SC2064 # as it is now
    trap "$AT_EXIT" EXIT
}

# Did somebody cancel the job, who would not like to see it in the queue again? Says so.
cancelled() {
    [[ $first_signal == TERM || $first_signal == INT ]] || return 1
    echo "The job was cancelled (SIG$first_signal); submit it again to go on from the checkpoint."
}

# one_of_an_array NUMBER: of the jobs of an array, this one trains from this seed, in a directory of its own.
one_of_an_array() {
    OUT=$OUT-seed-$1
    OPTIONS+=(--seed "$1")
}

# Refuse a number of ranks that is none: count VALUE WHERE
count() {
    if [[ ! $1 =~ ^[1-9][0-9]{0,6}$ ]]; then
        complain "the number of ranks should be in $2, which gives '$1'. Was this script started by the batch system?"
        exit 2
    fi
}

# Seconds in a limit like 4:00:00, 1:30, 90 or 1-00:00:00; nothing for INFINITY and what else is none.
seconds_in() {
    if [[ $1 =~ ^(([0-9]{1,6})-)?((([0-9]{1,6}):)?([0-9]{1,6}):)?([0-9]{1,9})$ ]]; then
        local part=("${BASH_REMATCH[@]}")
        echo $((10#${part[2]:-0} * 86400 + 10#${part[5]:-0} * 3600 + 10#${part[6]:-0} * 60 + 10#${part[7]}))
    fi
}

# warn_before LIMIT: where the batch system does not warn, a clock of our own sends the USR1, 180 seconds before the
# limit; for less than six minutes at half of it. LIMIT as for seconds_in; without one there is no clock.
warn_before() {
    local limit
    limit=$(seconds_in "$1")
    if [[ -z $limit ]] || ((limit < 2)); then
        return
    fi
    limit=$((limit - SECONDS > 0 ? limit - SECONDS : 0)) # since this script's start
    (
        trap - USR1 USR2 TERM INT
        sleep $((limit > 360 ? limit - 180 : limit / 2)) &
        # shellcheck disable=SC2064 # the process as it is now
        trap "kill $! 2>/dev/null" EXIT
        trap 'exit 0' TERM
        wait $! && kill -USR1 $$
    ) </dev/null &>/dev/null &
    at_exit "kill $! 2>/dev/null || true"
}

# The iteration of the newest checkpoint in $OUT; -1 if there is none.
newest_iteration() {
    local newest
    newest=$(find "$OUT/checkpoints" -name 'checkpoint-*.safetensors' 2>/dev/null | sort | tail -n 1) || true
    newest=${newest##*/checkpoint-}
    newest=${newest%.safetensors}
    if [[ $newest =~ ^[0-9]{1,18}$ ]]; then
        echo $((10#$newest))
    else
        echo -1
    fi
}

# Count the starts since the newest checkpoint grew, in a file beside $OUT that is there between starts only: $starts.
# A file that cannot be read, or holds something else (a full disk leaves it empty), is one earlier start. One that
# cannot be written is no reason not to train.
give_up_without_progress() {
    local before now line=''
    starts=0
    now=$(newest_iteration)
    if [[ -e $OUT.starts ]]; then
        starts=1 before=$now
        if [[ -f $OUT.starts ]]; then
            line=$(head -c 40 "$OUT.starts" 2>/dev/null | tr -d '\0') || true
        fi
        if [[ $line =~ ^(-1|[0-9]{1,18})\ ([0-9]{1,9})$ ]]; then
            before=$((10#${BASH_REMATCH[1]#-})) starts=$((10#${BASH_REMATCH[2]}))
            [[ $line != -* ]] || before=-1
        else
            complain "$OUT.starts, the number of starts without progress, cannot be read: it is taken for 1."
        fi
        ((now <= before)) || starts=0
    fi
    starts=$((starts + 1))
    if ((starts > FRUITLESS_STARTS)); then
        rm -f "$OUT.starts" || true
        complain "$FRUITLESS_STARTS starts in a row wrote no newer checkpoint than that of iteration $now:" \
            "the job is not started again. Ask for more time, or write checkpoints more often."
        exit 1
    fi
    if ! { mkdir -p "$(dirname "$OUT")" && echo "$now $starts" >"$OUT.starts"; } 2>/dev/null; then
        complain "$OUT.starts cannot be written: starts without progress are not counted. Is the disk full?"
    fi
}

# Run the training under a launcher. (A shell runs a trap only when what it waits for ends, or in `wait`: so the
# launcher runs in the background, and wait is called again when a signal interrupted it.)
train() {
    local go_on=() before starts
    if ((signals)); then
        CODE=75
        echo "$(date '+%F %T') asked to stop before the start"
        return
    fi
    give_up_without_progress
    if (($(newest_iteration) >= 0)); then
        go_on=(--resume)
    elif ((starts > 1)); then
        go_on=(--overwrite) # an earlier start of this job got no further than making the directory
    fi
    echo "$(date '+%F %T') $* python -m distnn.train ${OPTIONS[*]-} --out $OUT ${go_on[*]-}"
    expect_exit_code "$OUT.exit-code"
    set -m # the launcher in a process group of its own: some schedulers signal all of ours
    "$@" "${REPORTING[@]}" python -m distnn.train ${OPTIONS[@]+"${OPTIONS[@]}"} --out "$OUT" \
        ${go_on[@]+"${go_on[@]}"} </dev/null &
    launcher=$!
    if ((signals)); then # while it was being started
        kill -USR1 "$launcher" 2>/dev/null || true
    fi
    while true; do
        before=$signals CODE=0
        wait "$launcher" || CODE=$?
        ((signals != before)) || break
    done
    launcher=''
    if ((CODE == SIGALRM || CODE == 128 + SIGALRM)); then
        complain "the ranks did not find each other within ${DISTNN_START_SECONDS:-600} s" \
            "(DISTNN_START_SECONDS): a node or MPI's start hangs."
    fi
    # Worth another start: a rank that was killed (128 + signal, from MPICH's mpirun the signal, from Open MPI's with
    # --elastic nothing), such as by a failing node or by a warning that came before the ranks could listen. What fails
    # each time gives up by itself, see above.
    if ((CODE > 128 || (CODE > 2 && CODE < 32) || (signals && CODE))); then
        CODE=75
    elif ((CODE == 0)); then
        all_is_done || CODE=75
    fi
    rm -f "$EXIT_CODE_FILE" || true
    if ((CODE != 75)); then
        rm -f "$OUT.starts" || true
    fi
    echo "$(date '+%F %T') ended with exit code $CODE, newest checkpoint: iteration $(newest_iteration)"
}
