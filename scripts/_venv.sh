# shellcheck shell=sh
# Sourced by the scripts beside it: finds Python, makes .venv, installs what is pinned. $ROOT is
# the checkout.
#
#   PYTHON=/path/to/python3.12 scripts/test     another interpreter, when .venv is made

VENV="$ROOT/.venv"

say() {
    printf '%s\n' "zoo: $*" >&2
}

fail() {
    printf '%s\n' "zoo: $*" >&2
    exit 1
}

need_python() {
    python=${PYTHON:-}
    if [ -z "$python" ]; then
        for candidate in python3 python3.13 python3.12 python3.11; do
            if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
                python=$candidate
                break
            fi
        done
    fi
    [ -n "$python" ] || fail "Python 3.11 or newer is needed, and none is on the PATH.
  python3 is: $(python3 --version 2>&1 || true)
  try: install it, or name one: PYTHON=/path/to/python3.12 $0"
    command -v "$python" >/dev/null 2>&1 || fail "\$PYTHON is $python, which cannot be run"
    new_enough "$python" || fail "Python 3.11 or newer is needed. $python is $("$python" --version 2>&1)
  try: PYTHON=/path/to/python3.12 $0"
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

make_venv() {
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || fail "$python has no venv module.
  try: your system's package for it, on Debian and Ubuntu: apt-get install python3-venv"
    "$python" -m venv "$1" || {
        rm -rf "$1"
        fail "$python -m venv $1 did not work, see above"
    }
}

# fresh SET: whether what SET pins, and this checkout, are what .venv holds.
fresh() {
    [ -f "$VENV/.zoo-$1" ] && [ "$(cat "$VENV/.zoo-$1")" = "$(wanted "$1")" ]
}

# wanted SET: what decides the contents of .venv. The path is part of it: a checkout that moved
# has an environment that points to the old place.
wanted() {
    printf '%s ' "$ROOT"
    cat "$ROOT/requirements/$1.txt" "$ROOT/pyproject.toml" | cksum
}

# need SET: bring .venv up to requirements/SET.txt and install the checkout into it, editable.
need() {
    [ -x "$VENV/bin/python" ] && fresh "$1" && return
    # dev is all and the tools: a demo after a test installs nothing.
    [ "$1" = all ] && [ -x "$VENV/bin/python" ] && fresh dev && return

    need_python
    if ! "$VENV/bin/python" -c '' >/dev/null 2>&1; then
        say "making .venv with $("$python" --version 2>&1)"
        make_venv "$VENV"
    fi
    rm -f "$VENV"/.zoo-*
    say "installing requirements/$1.txt (the first time takes minutes)"
    install_pinned --requirement "$ROOT/requirements/$1.txt" --require-hashes
    install_pinned --no-deps --no-build-isolation --editable "$ROOT"
    wanted "$1" >"$VENV/.zoo-$1.tmp"
    mv "$VENV/.zoo-$1.tmp" "$VENV/.zoo-$1"
}

# need_torch: PyTorch, which captions are compared with. It is large, and is built for processors
# alone on some machines only: where it cannot be had, the tests that need it say so and are skipped.
need_torch() {
    # Its import would take longer than the start of the tests.
    "$VENV/bin/python" -c 'from importlib import metadata; metadata.version("torch")' \
        >/dev/null 2>&1 && return
    [ -f "$VENV/.zoo-no-torch" ] && return
    say "installing requirements/torch.txt"
    if ! "$VENV/bin/python" -m pip install -qq --disable-pip-version-check --no-deps \
        --require-hashes --requirement "$ROOT/requirements/torch.txt" >"$VENV/.zoo-torch.log" 2>&1; then
        say "PyTorch's build for processors alone is not to be had here ($VENV/.zoo-torch.log says why):
  the comparison of captions with it is skipped; 'pip install torch' into .venv brings it back"
        : >"$VENV/.zoo-no-torch"
    fi
}

install_pinned() {
    "$VENV/bin/python" -m pip install -qq --disable-pip-version-check "$@" ||
        fail "pip could not install, see above
  try: the same command again, on a machine that reaches a package index"
}

# TensorFlow writes its own progress to stderr; errors still come.
quiet_tensorflow() {
    TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL-3}
    export TF_CPP_MIN_LOG_LEVEL
}

# Hundreds of commands start in a run: each would compile the zoo again where Python is told not to
# write bytecode, as many container images tell it.
keep_bytecode() {
    unset PYTHONDONTWRITEBYTECODE
}
