#!/usr/bin/env bash
# Makes the documentation site, build/site/index.html, which a browser opens from the disk. A link that leads nowhere, a
# page that is in no index or anything else that Sphinx warns of is an error. Sets up the environment first, if there is
# none.
#
#     launch/docs.sh              the site
#     launch/docs.sh --execute    the site, whose notebooks hold their outputs; draws the pictures of docs/gallery/ anew
#     launch/docs.sh --links      look whether links to other sites lead somewhere; needs a network

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)

builder=html execute='' EXTRAS=(docs)
case ${1:-} in
"") ;;
--execute) execute=yes EXTRAS=(docs notebooks) ;;
--links) builder=linkcheck ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [[ $1 == -h || $1 == --help ]]
    exit
    ;;
esac

source "$HERE/environment.sh"
cd "$CHECKOUT"

if [[ $execute ]]; then
    executed=$(mktemp -d)
    trap 'rm -rf "$executed"' EXIT
    for script in docs/gallery/*.py; do
        name=$(basename "$script" .py)
        jupytext --quiet --to ipynb --set-kernel python3 --execute --run-path "$executed" \
            --output "$executed/$name.ipynb" "$script"
        cp "$executed/$name.png" docs/gallery/
    done
fi

folder=build/site
[[ $builder == html ]] || folder=build/$builder
rm -rf "$folder" # pages that are no more
python -m sphinx -b "$builder" -c docs/site --fresh-env -d build/doctrees --fail-on-warning --keep-going --quiet \
    docs "$folder"
[[ ! $execute ]] || cp "$executed"/*.ipynb "$folder/gallery/"
[[ $builder != html ]] || echo "$folder/index.html"
