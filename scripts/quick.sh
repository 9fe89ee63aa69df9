#!/usr/bin/env bash
# The quick tests on the Pythons of this machine, but for the one that runs all tests: the main job in the shell,
# fits, limits and models, without extras. Leaves a virtual environment in .venv-quick-3.12 and so on.
# Usage: quick.sh [VERSION...]. A version that the machine lacks is skipped. NUHIST_PYHF names another pyhf, such as
# git+https://github.com/scikit-hep/pyhf; with it, the usual Python is taken, too.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
tests=(
    tests/experiments/test_experiment.py tests/physics/test_scattering.py tests/test_keywords.py
    tests/inference/test_fit.py tests/inference/test_intervals.py tests/inference/test_model.py
    tests/test_packaging.py::test_the_main_job_needs_no_extra
)

# Says what runs a version of Python: a name on the path, or a file that pyenv keeps.
python_of() {
    if "python$1" -c '' 2>/dev/null; then
        echo "python$1"
    elif kept=$(pyenv whence "python$1" 2>/dev/null | tail -n 1) && [ -n "$kept" ]; then
        PYENV_VERSION=$kept pyenv which "python$1"
    fi
}

# Installs and tests in one process, so that as many versions as cores run at once.
quick() {
    make_environment ".venv-quick-$1" -e . 'pytest>=8.3.4' 'hypothesis>=6.100' \
        ${NUHIST_PYHF:+"pyhf @ $NUHIST_PYHF"} &&
        ".venv-quick-$1/bin/python" -m pytest -q -p no:cacheprovider "${tests[@]}"
}

[ $# -gt 0 ] || set -- 3.11 3.12 3.13
usual=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
declare -A running
for version in "$@"; do
    [ "$version" != "$usual" ] || [ -n "${NUHIST_PYHF:-}" ] || continue
    PYTHON=$(python_of "$version")
    if [ -z "$PYTHON" ]; then
        echo "Python $version is not here; the quick tests on it are skipped" >&2
        continue
    fi
    mkdir -p ".venv-quick-$version"
    quick "$version" >".venv-quick-$version/log" 2>&1 &
    running[$version]=$!
done
failed=0
for version in "${!running[@]}"; do
    wait "${running[$version]}" || failed=1
    echo "Python $version:"
    cat ".venv-quick-$version/log"
done
exit "$failed"
