#!/usr/bin/env bash
# Trains on a PBS cluster (OpenPBS, PBS Pro). In the checkout: qsub launch/pbs.sh
#            An array, one seed each: qsub -J 1-8 launch/pbs.sh
# Needs: qsub and qstat on the compute nodes; the checkout, with its environment, on a file system that all nodes see
#        (a first `launch/local.sh` on a login node makes it); an mpirun that knows PBS, as Open MPI and Intel MPI do.
# Tested: against stand-ins of qsub and qstat, by tests/launch/test_batch.py; once by hand with OpenPBS 23.06, one node:
#         time limit, qdel, array.

# PBS does not warn before the time limit, so a clock of our own does, 180 seconds before; the ranks write a checkpoint,
# and the job submits itself again, to go on from there.
#PBS -N distnn -j oe -r y

# Edit these two lines.
#PBS -l select=4:ncpus=16:mpiprocs=16 -l walltime=04:00:00
OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)

if ! cd "${PBS_O_WORKDIR:-.}" || [[ ! -r launch/batch.sh || -z ${PBS_JOBID:-} ]]; then
    echo "pbs.sh: submit it in the checkout: qsub launch/pbs.sh" >&2
    exit 2
fi
source launch/batch.sh
export DISTNN_TASK=${DISTNN_TASK:-${PBS_ARRAY_INDEX:-}} # of an array; PBS does not number what one submits again
if [[ -n $DISTNN_TASK ]]; then
    one_of_an_array "$DISTNN_TASK"
fi

limit=$(qstat -f "$PBS_JOBID" | sed -n 's/.*Resource_List.walltime = //p') ||
    complain "qstat does not tell the time limit"
warn_before "${limit:-${PBS_WALLTIME:-}}"

# One rank a core, pinned: the default of Open MPI and Intel MPI.
ranks=$(wc -l <"${PBS_NODEFILE:-/dev/null}") || ranks=0
count "$ranks" PBS_NODEFILE
train mpirun -n "$ranks"

if ((CODE == 75)) && ! cancelled; then
    qsub -v "$(IFS=, && echo "${!DISTNN_*}")" "$0" ||
        echo "This job cannot submit itself here; qsub it again to go on from the checkpoint."
fi
exit "$CODE"
