#!/usr/bin/env bash
# Makes the documentation site, build/site/index.html, which a browser opens from the disk. A link that leads nowhere, a
# page that is in no index or anything else that Sphinx warns of is an error. Sets up the environment first, if there is
# none.
#
#     launch/docs.sh            the site
#     launch/docs.sh --links    look whether links to other sites lead somewhere; needs a network

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)

builder=html
case ${1:-} in
"") ;;
--links) builder=linkcheck ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [[ $1 == -h || $1 == --help ]]
    exit
    ;;
esac

EXTRAS=(docs)
source "$HERE/environment.sh"
cd "$CHECKOUT"

folder=build/site
[[ $builder == html ]] || folder=build/$builder
rm -rf "$folder" # pages that are no more
python -m sphinx -b "$builder" -c docs/site -d build/doctrees --fail-on-warning --keep-going --quiet docs "$folder"
[[ $builder != html ]] || echo "$folder/index.html"
