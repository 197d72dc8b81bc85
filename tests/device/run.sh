#!/usr/bin/env bash
# All checks of --device where there is one GPU, in a few minutes: the same bits on 1, 2 and 3 ranks that share it, after
# a restart and a resume, and the CPU's values, to 1e-12 in float64 and to 1e-5 in float32.
#
#     tests/device/run.sh                   needs distnn[gpu,test] and mpirun
#     DEVICE=xla-cpu tests/device/run.sh    the same on the CPU
#
# Ends with 'All is as it should be.' and exit code 0, or with what is wrong and exit code 1.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export DEVICE=${DEVICE:-gpu} DISTNN_SHARE_DEVICES=1 OMP_NUM_THREADS=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# train NAME RANKS ITERATIONS OPTION...: a training into a directory of that name
train() {
    local name=$1 ranks=$2 iterations=$3
    shift 3
    mpirun -n "$ranks" python -m distnn.train --examples 20000 --hidden 12 8 --device "$DEVICE" --quiet \
        --out "$folder/$name" --max-iterations "$iterations" "$@"
}

# same NAME NAME: both trainings ended with the same model, to the bit
same() {
    cmp -s "$folder/$1/model.safetensors" "$folder/$2/model.safetensors" ||
        { echo "WRONG: $1 and $2 have other bits." && exit 1; }
    echo "the same bits: $1 and $2"
}

python - <<END
import jax
print(f"jax {jax.__version__},", *(device.device_kind for device in jax.devices()))
END

for case in "gradient-descent float64" "levenberg-marquardt float64" "lbfgs float32"; do
    read -r optimizer dtype <<<"$case"
    options=(--optimizer "$optimizer" --dtype "$dtype" --validation 0.1)
    train "$optimizer-1" 1 8 "${options[@]}"
    for ranks in 2 3; do
        train "$optimizer-$ranks" "$ranks" 8 "${options[@]}"
        same "$optimizer-1" "$optimizer-$ranks"
    done
done
train started-again 1 8 --optimizer lbfgs --dtype float32 --validation 0.1
same lbfgs-1 started-again
train resumed 2 3 --optimizer lbfgs --dtype float32 --validation 0.1
mpirun -n 3 python -m distnn.train --resume --out "$folder/resumed" --max-iterations 8 --quiet
same lbfgs-1 resumed

python -m distnn.verify --examples 5000 --optimizer truncated-newton --device "$DEVICE" --simulate 2 7
DISTNN_TEST_DEVICE=$DEVICE python -m pytest -q -p no:cacheprovider tests/accelerator/test_terms.py \
    -k 'values or hash_for_any or twice'
echo 'All is as it should be.'
