#!/usr/bin/env bash
# Trains on a Grid Engine cluster (SGE, UGE, Altair). In the checkout: qsub launch/sge.sh
#                         An array, one seed each: qsub -t 1-8 launch/sge.sh
# Needs: a parallel environment for MPI (qconf -spl lists them; here it is called mpi), with an mpirun that knows Grid
#        Engine; qstat on the compute nodes; the checkout, with its environment, on a file system that all nodes see (a
#        first `launch/local.sh` on a login node makes it).
# Tested: with Grid Engine 8.1.9 of one node, by tests/launch/test_grid_engine.py.

# At h_rt Grid Engine kills the job without a warning, for good. So a clock of our own warns 180 seconds before; the
# ranks write a checkpoint, and exit code 99 puts the job back into the queue, to go on from there. -notify: a job that
# is deleted or suspended is warned, too (by a USR2 or USR1, the queue's 'notify' before; often 60 s).
#$ -N distnn -cwd -V -j y -S /bin/bash -notify -r y -binding linear:1

# Edit these two lines.
#$ -pe mpi 64 -l h_rt=04:00:00
OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)

if [[ ! -r launch/batch.sh || -z ${JOB_ID:-} ]]; then
    echo "sge.sh: submit it in the checkout: qsub launch/sge.sh" >&2
    exit 2
fi
source launch/batch.sh
if [[ ${SGE_TASK_ID:-undefined} != undefined ]]; then
    one_of_an_array "$SGE_TASK_ID"
fi

# The limit that was asked for, or else that of the queue.
limit=$(qstat -j "$JOB_ID" | sed -n 's/^hard resource_list:.*h_rt=\([^, ]*\).*/\1/p') ||
    complain "qstat does not tell the time limit"
if [[ -z $limit && -n ${QUEUE:-} ]]; then
    limit=$(qconf -sq "$QUEUE" 2>/dev/null | sed -n 's/^h_rt *//p') || true
fi
warn_before "$limit"

# One rank a core, pinned: the default of Open MPI and Intel MPI.
count "${NSLOTS:-}" NSLOTS
train mpirun -n "$NSLOTS"
exit $((CODE == 75 ? 99 : CODE))
