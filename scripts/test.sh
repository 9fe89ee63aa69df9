#!/usr/bin/env bash
# All checks, from a fresh checkout: style, types, layers, tests, doctests, documentation.
# Leaves a virtual environment in .venv-test. With NUHIST_WITH_ROOT=1 also one with CERN's ROOT in .venv-root
# (248 MB, Linux on x86-64), if it can be had; the tests that need it are skipped without.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
mkdir -p build

# In an environment of its own, since hepdata-lib loads ROOT where it finds it. One that installs but does not
# run would fail the tests, not skip them.
root_environment() {
    make_environment .venv-root 'root>=0.1a12' && .venv-root/bin/python -W ignore -c 'import ROOT'
}
if [ "${NUHIST_WITH_ROOT:-}" = 1 ]; then
    root_environment >build/root.log 2>&1 &
    root=$!
fi
make_environment .venv-test -e '.[test]'
bin=.venv-test/bin
if [ -n "${root:-}" ]; then
    if wait "$root"; then
        export NUHIST_ROOT_PYTHON="$PWD/.venv-root/bin/python"
    else
        echo "ROOT cannot be had here; the tests that need it are skipped (build/root.log)" >&2
    fi
fi

$bin/ruff format --check .
$bin/ruff check .
$bin/codespell
$bin/python scripts/style.py
# Beside the tests, which wait at times. A notebook that fails, a link that leads nowhere, or a name that does not exist, is an error.
(
    set -e
    $bin/mypy
    $bin/lint-imports
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $bin/sphinx-build -W --keep-going -q docs build/docs
) >build/checks.log 2>&1 &
checks=$!
trap 'kill "$checks" 2>/dev/null || true' EXIT
# One BLAS thread in each process: the matrices are small.
failed=0
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $bin/pytest --numprocesses "${NUHIST_TEST_PROCESSES:-2}" --dist loadfile "$@" || failed=$?
wait "$checks" || failed=1
cat build/checks.log
exit "$failed"
