#!/usr/bin/env bash
# Everything that reads the code without running it: style, format, types, the layers, the shell scripts, the format of
# the C code, the Dockerfile. The one place that lists these checks: test.sh, CI and pre-commit call it. Sets up the
# environment first, if there is none.
#
#     launch/lint.sh          all of them, even if one fails; the exit code is 0 if none did
#     launch/lint.sh --fix    let ruff and clang-format mend what they can, then check

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)

case ${1:-} in
"" | --fix) ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [[ $1 == -h || $1 == --help ]]
    exit
    ;;
esac

EXTRAS=(test lint examples) # mypy looks into the packages that the code uses
source "$HERE/environment.sh"
cd "$CHECKOUT"

C_CODE=(distnn/kernels/csrc/*.[ch])
SCRIPTS=(launch/*.sh launch/*.sbatch .ci/*)

if [[ ${1:-} == --fix ]]; then
    ruff check --fix --quiet . || true # what is left is said below
    ruff format --quiet .
    clang-format -i "${C_CODE[@]}"
fi

failed=()
step() {
    printf '\n== %s\n' "$1"
    "${@:2}" || failed+=("$1")
}

step "ruff check" ruff check .
step "ruff format" ruff format --check .
step "mypy" mypy
step "import-linter" lint-imports --no-cache
step "shellcheck" shellcheck --external-sources --source-path=launch "${SCRIPTS[@]}"
step "clang-format" clang-format --dry-run --Werror "${C_CODE[@]}"
step "hadolint" hadolint launch/Dockerfile

echo
if ((${#failed[@]})); then
    printf 'lint: failed: %s\n' "${failed[@]}"
    exit 1
fi
echo "lint: all checks passed"
