# shellcheck shell=bash
# Takes the environment to a disk of each node, so that a thousand ranks do not read numpy from one file server.
#
# Sourced by a batch script after batch.sh (slurm.sbatch has the line); afterwards python is the copy's, on all nodes.
# Needs: tar; $TMPDIR, or else /tmp, on a disk of the node with 500 MB of room, under the same name on all nodes; the
#        Python that the environment was made with, on all nodes. Under Slurm srun copies; without Slurm this node only.
# Tested: on the Slurm of tests/launch/test_slurm.py.

# shellcheck disable=SC2016 # expanded on each node
stage_environment() {
    local target=${TMPDIR:-/tmp}/distnn-${SLURM_JOB_ID:-$$} everywhere=()
    if [[ -n ${SLURM_JOB_ID:-} ]]; then
        everywhere=(srun --overlap --mpi=none --ntasks-per-node=1 --ntasks="${SLURM_JOB_NUM_NODES:-1}")
    fi
    at_exit "$(printf '%q ' ${everywhere[@]+"${everywhere[@]}"} rm -rf "$target") || true"
    # The package itself goes along, for the environment holds only a reference to the checkout.
    mkdir -p "$(dirname "$OUT")" &&
        tar -C "$VENV" -cf "$OUT.environment.tar" . -C "$CHECKOUT" distnn &&
        ${everywhere[@]+"${everywhere[@]}"} bash -c 'mkdir -p "$1" && tar -C "$1" -xf "$2"' \
            - "$target" "$(realpath "$OUT.environment.tar")" &&
        [[ -x $target/bin/python ]] || return 1
    export PATH=$target/bin:$PATH VIRTUAL_ENV=$target PYTHONPATH=$target${PYTHONPATH:+:$PYTHONPATH}
    hash -r
}

stage_environment || complain "the environment could not be taken to the nodes' disks, see above; it stays in $VENV"
rm -f "$OUT.environment.tar" || true
