#!/usr/bin/env bash
# All checks, from a fresh checkout: style, types, layers, tests, doctests, documentation.
# Leaves a virtual environment in .venv-test. With NUHIST_WITH_ROOT=1 it gets CERN's ROOT too (248 MB, Linux on
# x86-64), if it can be had; the tests that need it are skipped without.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
make_environment .venv-test -e '.[test]'
bin=.venv-test/bin
if [ "${NUHIST_WITH_ROOT:-}" = 1 ]; then
    # One that installs but does not run would fail the tests, not skip them.
    if ! { $bin/pip install --quiet --disable-pip-version-check 'root>=0.1a12' &&
        $bin/python -W ignore -c 'import ROOT'; }; then
        echo "ROOT cannot be had here; the tests that need it are skipped" >&2
        $bin/pip uninstall --quiet --yes root
    fi
fi

$bin/ruff format --check .
$bin/ruff check .
$bin/mypy
$bin/lint-imports
# One BLAS thread in each process: the matrices are small.
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $bin/pytest --numprocesses "${NUHIST_TEST_PROCESSES:-2}" "$@"
# A link that leads nowhere, or a name that does not exist, is an error.
$bin/sphinx-build -W --keep-going -q docs build/docs
