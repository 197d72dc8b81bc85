#!/usr/bin/env bash
# Trains on an LSF cluster. In the checkout: bsub < launch/lsf.sh
#                  An array, one seed each: bsub -J 'distnn[1-8]' < launch/lsf.sh
# Needs: the checkout, with its environment, on a file system that all nodes see (a first `launch/local.sh` on a login
#        node makes it); an mpirun that knows LSF, as Open MPI and Intel MPI do.
# Tested: never with an LSF; its directives and variables by the documentation, in tests/launch/test_batch.py.

# 3 minutes before the time limit the job gets a USR1; the ranks write a checkpoint and leave with exit code 75, for
# which LSF puts the job back into the queue, to go on from there. -r: also after a node has died.
#BSUB -J distnn -o distnn-%J.log -r -Q 75 -wa USR1 -wt 3
#BSUB -R "affinity[core(1)]"

# Edit these two lines.
#BSUB -n 64 -W 4:00
OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)

if ! cd "${LS_SUBCWD:-.}" || [[ ! -r launch/batch.sh || -z ${LSB_JOBID:-} ]]; then
    echo "lsf.sh: submit it in the checkout: bsub < launch/lsf.sh" >&2
    exit 2
fi
source launch/batch.sh
if [[ ${LSB_JOBINDEX:-0} != 0 ]]; then
    one_of_an_array "$LSB_JOBINDEX"
fi

# One rank a core; -R affinity pins them.
count "${LSB_DJOB_NUMPROC:-}" LSB_DJOB_NUMPROC
train mpirun -n "$LSB_DJOB_NUMPROC"
exit "$CODE"
