#!/usr/bin/env bash
# Writes the files of npm packages that this folder keeps, so that neither a build
# nor a test needs npm. Run it after changing a version here: npm view NAME@VERSION
# dist.integrity prints the value that belongs to it. Needs npm and openssl.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# unpack NAME VERSION INTEGRITY leaves a package in $work/NAME.
unpack() {
  local name=$1 version=$2 integrity=$3 archive
  archive=$(cd "$work" && npm pack --silent "$name@$version")
  if [ "sha512-$(openssl dgst -sha512 -binary "$work/$archive" | openssl base64 -A)" != "$integrity" ]; then
    echo "$name $version is not what this script was written for" >&2
    exit 1
  fi
  mkdir "$work/$name"
  tar -xzf "$work/$archive" -C "$work/$name" --strip-components 1
}

# Microsoft's renderer of Adaptive Cards, which the page loads when a card is looked at.
unpack adaptivecards 3.0.6 sha512-WDCIb2WXZ7cOHJ9HIHRNdhSt861HySVOdN2xPk2aKHAF3JvD8QGQ8/XcNFrDJxCteOog8MM7EBlXfSAR8JXKAg==
grep -v '^//# sourceMappingURL=' "$work/adaptivecards/dist/adaptivecards.min.js" >static/adaptivecards.js
cat "$work/adaptivecards/LICENSE" "$work/adaptivecards/dist/adaptivecards.min.js.LICENSE.txt" >static/adaptivecards.LICENSE.txt

# Finds what stands in the way of people with disabilities; for tests alone.
unpack axe-core 4.14.1 sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
cp "$work/axe-core/axe.min.js" testdata/axe.min.js
cp "$work/axe-core/LICENSE" testdata/axe.LICENSE
