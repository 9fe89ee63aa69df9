#!/usr/bin/env bash
# All checks, from a fresh checkout: style, types, layers, tests, doctests.
# Leaves a virtual environment in .venv-test.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
make_environment .venv-test -e '.[test]'
bin=.venv-test/bin

$bin/ruff format --check .
$bin/ruff check .
$bin/mypy
$bin/lint-imports
# One BLAS thread in each process: the matrices are small.
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $bin/pytest --numprocesses "${NUHIST_TEST_PROCESSES:-2}" "$@"
