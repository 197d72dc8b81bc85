#!/usr/bin/env bash
# Trains on an LSF cluster. In the checkout: bsub < launch/lsf.sh
# Needs: the checkout, with its environment, on a file system that all nodes see (a first `launch/local.sh` on a login
#        node makes it); an mpirun that knows LSF, as Open MPI and Intel MPI do.
# Not tested here: only its syntax, and what it shares with slurm.sbatch.

# 3 minutes before the time limit the job gets a USR1; the ranks write a checkpoint and leave with exit code 75, for
# which LSF puts the job back into the queue, to go on from there. -r: also after a node has died.
#BSUB -J distnn -o distnn-%J.log -r -Q 75 -wa USR1 -wt 3
#BSUB -R "affinity[core(1)]"

# Edit these two lines.
#BSUB -n 64 -W 4:00
OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)

cd "$LS_SUBCWD" || exit
source launch/batch.sh

# One rank a core; -R affinity pins them.
train mpirun -n "$LSB_DJOB_NUMPROC"
exit "$CODE"
