# Sourced by the other scripts: makes a virtual environment and installs the checkout into it.
# Usage: make_environment FOLDER PIP_ARGUMENT...; with another Python than python3 as PYTHON.

make_environment() {
    folder=$1
    shift
    "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "nuhist needs Python 3.11 or newer; this is $("${PYTHON:-python3}" --version)" >&2
        return 1
    }
    [ -x "$folder/bin/python" ] || "${PYTHON:-python3}" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check "$@"
}
