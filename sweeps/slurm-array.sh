#!/bin/sh
# One shard of a sweep for each task of a SLURM array that starts at 1:
#
#   sbatch --array=1-8 sweeps/slurm-array.sh sweeps/quickstart.toml results/quickstart
#   dse merge results/quickstart
#
# A task that was killed goes on where it stopped when it is started again: SHARDS says how many shards there are
# where the array is not all of them.
#
#   SHARDS=8 sbatch --array=3 sweeps/slurm-array.sh sweeps/quickstart.toml results/quickstart
#SBATCH --job-name=dse
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=01:00:00
#SBATCH --requeue
set -eu

spec=${1:?usage: sbatch --array=1-N slurm-array.sh SPEC OUT}
out=${2:?usage: sbatch --array=1-N slurm-array.sh SPEC OUT}

if [ -z "${SHARDS:-}" ] && [ "${SLURM_ARRAY_TASK_MIN:?is not set: submit with --array=1-N}" != 1 ]; then
    echo "the array starts at $SLURM_ARRAY_TASK_MIN; shards are numbered from 1: --array=1-N;" \
        "of some shards alone set SHARDS to the number of all: SHARDS=8 sbatch --array=3" >&2
    exit 2
fi
exec dse explore "$spec" --out "$out" --shard "$SLURM_ARRAY_TASK_ID/${SHARDS:-$SLURM_ARRAY_TASK_MAX}"
