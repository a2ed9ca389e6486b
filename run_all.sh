#!/usr/bin/env bash
# From a bare machine to the figures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'END'
Usage: ./run_all.sh [run options]         set up, then make the figures of the paper from the bundled weights
       ./run_all.sh test [words]          set up, then run everything that must pass (what has one of the words in its name)
       ./run_all.sh study [run options]   set up, then compute the study of usefulness anew (long)
       ./run_all.sh train [options]       set up, train on MNIST by flow matching, then make the figures with those weights
       ./run_all.sh --help                show this

Run options are those of bayesflow-run, such as --force or --profile smoke; options of train are those of bayesflow-train.
Setting up makes .venv with $PYTHON (python3 when it is not set) and installs the project there, once.
END
}

die() { echo "run_all.sh: $*" >&2; exit 1; }

# .venv exists, with this project as pyproject.toml describes it, in this folder. Both are noted in .venv/installed.
setup() {
    local python="${PYTHON:-python3}" note=.venv/installed
    if [ ! -x .venv/bin/python ]; then
        command -v "$python" >/dev/null || die "found no $python; install Python 3.11 or newer, or name one with PYTHON=..."
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            die "$("$python" --version) is too old; Python 3.11 or newer is needed, name one with PYTHON=..."
        echo "Making .venv with $("$python" --version)"
        "$python" -m venv .venv || { rm -rf .venv; die "$python cannot make a virtual environment; on Debian: apt install python3-venv"; }
    fi
    if ! { pwd; cat pyproject.toml; } | cmp -s - "$note"; then
        echo "Installing the project and its dependencies into .venv (a few minutes, several GB the first time)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' </dev/null
        { pwd; cat pyproject.toml; } >"$note"
    fi
}

case "${1:-}" in
    -h | --help) usage ;;
    test)
        setup
        exec .venv/bin/python .ci/checks.py "${@:2}" </dev/null ;;
    study)
        setup
        .venv/bin/bayesflow-run --group study --jobs 2 "${@:2}" ;;
    train)
        setup
        .venv/bin/bayesflow-train --dataset MNIST --method flow "${@:2}"
        .venv/bin/bayesflow-run --profile paper --trained --jobs 2 ;;
    "" | -*)
        setup
        .venv/bin/bayesflow-run --jobs 2 "$@" ;;
    *)
        usage >&2
        exit 2 ;;
esac
