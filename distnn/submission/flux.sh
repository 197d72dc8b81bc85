#!/usr/bin/env bash
# Trains on a Flux cluster. In the checkout: flux batch launch/flux.sh
# Needs: flux-core 0.60 or newer; the checkout, with its environment, on a file system that all nodes see (a first
#        `launch/local.sh` on a login node makes it). For Open MPI its flux plugins; MPICH needs nothing.
# Tested: against a stand-in of flux, by tests/launch/test_batch.py; once by hand with Flux 0.88, one node: time limit.

# 120 seconds before the time limit this shell gets a USR1; the ranks write a checkpoint, and the job submits itself
# again to the instance that it came from, to go on from there.
#flux: --job-name=distnn --output=distnn-{{id}}.log --cores-per-slot=1 --signal=SIGUSR1@120

# Edit these two lines.
#flux: -n 64 -t 4h
OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)

if [[ ! -r launch/batch.sh || -z ${FLUX_URI:-} ]]; then
    echo "flux.sh: submit it in the checkout: flux batch launch/flux.sh" >&2
    exit 2
fi
source launch/batch.sh

# One rank a core, pinned.
ranks=$(flux resource list -no '{ncores}') || ranks=''
count "$ranks" "flux resource list"
train flux run -n "$ranks" -c 1 -o cpu-affinity=per-task -o exit-timeout=30s

if ((CODE == 75)) && ! cancelled; then
    parent=$(flux getattr parent-uri) && flux proxy "$parent" flux batch "$0" ||
        echo "This job cannot submit itself here; submit it again to go on from the checkpoint."
fi
exit "$CODE"
