#!/usr/bin/env bash
# Trains on a PBS cluster (OpenPBS, PBS Pro). In the checkout: qsub launch/pbs.sh
# Needs: qsub and qstat on the compute nodes; the checkout, with its environment, on a file system that all nodes see
#        (a first `launch/local.sh` on a login node makes it); an mpirun that knows PBS, as Open MPI and Intel MPI do.
# Not tested here: only its syntax, and what it shares with slurm.sbatch.

# PBS does not warn before the time limit, so a clock of our own does, 180 seconds before; the ranks write a checkpoint,
# and the job submits itself again, to go on from there.
#PBS -N distnn -j oe -r y

# Edit these two lines.
#PBS -l select=4:ncpus=16:mpiprocs=16 -l walltime=04:00:00
OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)

cd "$PBS_O_WORKDIR" || exit
source launch/batch.sh

hours=0 minutes=0 seconds=0
IFS=: read -r hours minutes seconds < <(qstat -f "$PBS_JOBID" | sed -n 's/.*Resource_List.walltime = //p') || true
limit=$((10#$hours * 3600 + 10#$minutes * 60 + 10#$seconds))
if ((limit > 180)); then
    (sleep $((limit - 180)) && kill -USR1 $$) &
    clock=$!
fi

# One rank a core, pinned: the default of Open MPI and Intel MPI.
train mpirun -n "$(wc -l <"$PBS_NODEFILE")"

kill "${clock:-0}" 2>/dev/null || true
if ((CODE == 75)); then
    qsub launch/pbs.sh || echo "This job cannot submit itself here; qsub it again to go on from the checkpoint."
fi
exit "$CODE"
