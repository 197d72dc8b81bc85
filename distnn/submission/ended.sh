# shellcheck shell=bash
# Did a program of distnn come to its end? The exit code of its launcher does not tell: that of Open MPI's
# `mpirun --with-ft ulfm` is 0 also where all ranks were killed. So rank 0 writes its own, last of all, into the file
# that DISTNN_EXIT_CODE_FILE names. Not a command: batch.sh and local.sh source it.
#
#     expect_exit_code FILE                           before the start; FILE is on a file system that rank 0 sees
#     LAUNCHER... "${REPORTING[@]}" python ...        the start
#     all_is_done                                     after it, where the launcher's exit code is 0

# The file exists from now on and is written in place: so it is found where directories are cached (NFS), and there is
# room for it where a disk is full. The variable goes by `env`, since not every launcher hands variables on.
expect_exit_code() {
    EXIT_CODE_FILE=$1
    # shellcheck disable=SC2034 # for whoever sources this
    REPORTING=(env "DISTNN_EXIT_CODE_FILE=$EXIT_CODE_FILE")
    if ! { echo running >"$EXIT_CODE_FILE"; } 2>/dev/null; then
        echo "distnn: $EXIT_CODE_FILE cannot be written, so this start cannot show that it succeeded." \
            "Is the disk full?" >&2
    fi
}

# Has rank 0 written 0? Removes the file. It says so if not.
all_is_done() {
    local written=''
    if [[ -f $EXIT_CODE_FILE ]]; then
        written=$(head -n 1 "$EXIT_CODE_FILE" 2>/dev/null) || true
    fi
    rm -f "$EXIT_CODE_FILE" || true
    if [[ $written != 0 ]]; then
        echo "distnn: the launcher's exit code is 0, but rank 0 did not come to its end: all ranks were killed," \
            "or none was started." >&2
        return 1
    fi
}
