#!/bin/sh
# Brings a virtual environment to what a lock file names, with uv, which is fetched when it is missing.
# Usage: setup.sh PYTHON VENV LOCK
set -eu

python=$1
venv=$2
lock=$3

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
if ! "$python" -c "$supported" 2>/dev/null; then
    found=
    for candidate in python3.12 python3.11; do
        if "$candidate" -c "$supported" 2>/dev/null; then found=$candidate; break; fi
    done
    if [ -z "$found" ]; then
        echo "error: Python 3.11 or 3.12 is needed, and $python is not; install it, or name one: make PYTHON=/path/to/python" >&2
        exit 1
    fi
    python=$found
fi

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    if [ ! -x .uv/bin/uv ]; then
        echo "fetching uv into .uv"
        # the quicker way first; a Python without pip has venv, and Debian's has neither or pip alone
        "$python" -m pip install --quiet --disable-pip-version-check --target .uv uv 2>/dev/null ||
            { rm -rf .uv && "$python" -m venv .uv && .uv/bin/python -m pip install --quiet uv; } 2>/dev/null || {
            echo "error: uv could not be fetched: check the network, or install uv yourself and try again" >&2
            exit 1
        }
    fi
    uv=.uv/bin/uv
fi

echo "setting up $venv from $lock"
"$uv" venv --quiet --allow-existing --python "$python" "$venv"
"$uv" pip sync --quiet --python "$venv/bin/python" --require-hashes "$lock"
"$venv/bin/python" scripts/compile.py src &
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable .
wait $!
