#!/usr/bin/env bash
# Trains on a Grid Engine cluster (SGE, UGE, Altair). In the checkout: qsub launch/sge.sh
# Needs: a parallel environment for MPI (qconf -spl lists them; here it is called mpi), with an mpirun that knows Grid
#        Engine; the checkout, with its environment, on a file system that all nodes see (a first `launch/local.sh` on a
#        login node makes it).
# Not tested here: only its syntax, and what it shares with slurm.sbatch.

# -notify: a while before the job is killed (queue setting 'notify', often 60 s) it gets a USR2, before it is suspended
# a USR1. The ranks write a checkpoint; exit code 99 puts the job back into the queue, to go on from there.
#$ -N distnn -cwd -V -j y -S /bin/bash -notify -r y -binding linear:1

# Edit these two lines.
#$ -pe mpi 64 -l h_rt=04:00:00
OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)

source launch/batch.sh

# One rank a core, pinned: the default of Open MPI and Intel MPI.
train mpirun -n "$NSLOTS"
exit $((CODE == 75 ? 99 : CODE))
