# Sourced by ./run and ./test from the project's folder: makes .venv hold exactly what a lock names.

say() { printf '%s\n' "$*" >&2; }

# venv_ready run|dev
#   run: what the product needs (requirements.lock)
#   dev: the same and the tools of ./test (requirements-dev.lock)
venv_ready() {
    _want=$1
    _python=${PYTHON:-python3}
    if ! command -v "$_python" >/dev/null 2>&1; then
        say "Anteroom needs Python 3.11, 3.12 or 3.13: there is no $_python here."
        return 1
    fi
    if [ -n "${PYTHON:-}" ] || ! _works .venv/bin/python; then
        if ! _works "$_python"; then
            say "Anteroom needs Python 3.11, 3.12 or 3.13; $_python is not. Name one with PYTHON=/path/to/it."
            return 1
        fi
    fi

    # A venv of another version than the one asked for, or of a Python that is gone, is made anew.
    if ! _works .venv/bin/python ||
        { [ -n "${PYTHON:-}" ] && [ "$(_version .venv/bin/python)" != "$(_version "$_python")" ]; }; then
        _make_venv || return 1
    fi

    _base="$(cksum <requirements.lock) $(_version .venv/bin/python)"
    _full="$_base $(cksum <requirements-dev.lock)"
    # Whoever has the tools has the product as well, so either stamp is good for ./run.
    if [ "$(cat .venv/.anteroom-dev 2>/dev/null)" = "$_full" ]; then return 0; fi
    if [ "$_want" = run ] && [ "$(cat .venv/.anteroom-run 2>/dev/null)" = "$_base" ]; then return 0; fi

    # The stamps go first: an interrupted installation must not look like a finished one.
    rm -f .venv/.anteroom-run .venv/.anteroom-dev
    .venv/bin/python -c 'import pip' 2>/dev/null || _make_venv || return 1
    _lock=requirements.lock
    [ "$_want" = run ] || _lock=requirements-dev.lock
    say "Installing what $_lock names ..."
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input \
        --require-hashes --requirement "$_lock" || {
        say "The installation did not succeed; the next start tries again."
        return 1
    }
    if [ "$_want" = run ]; then
        printf '%s\n' "$_base" >.venv/.anteroom-run
    else
        printf '%s\n' "$_full" >.venv/.anteroom-dev
    fi
}

_works() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

_version() {
    "$1" -c 'import platform; print(platform.python_version())'
}

_make_venv() {
    if ! "$_python" -c 'import ensurepip' 2>/dev/null; then
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
            say "Type this first: sudo apt-get install -y python3-venv"
            return 1
        fi
        say "Installing Debian's python3-venv ..."
        apt-get update -qq >/dev/null &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv \
                >/dev/null 2>&1 || {
            say "python3-venv could not be installed; try: apt-get install -y python3-venv"
            return 1
        }
    fi
    rm -rf .venv
    "$_python" -m venv .venv || {
        say "The folder .venv could not be made here."
        return 1
    }
}
