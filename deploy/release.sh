#!/usr/bin/env bash
# Builds what a release is made of into deploy/dist: the program for each platform,
# what it is made of as CycloneDX, and the checksums of all. The same commit and the
# same Go give the same bytes. Run it on a clean checkout of a tag:
#   deploy/release.sh [OS/ARCH ...]
set -euo pipefail
cd "$(dirname "$0")/.."
dist=${DIST:-$PWD/deploy/dist}

platforms=("$@")
if [ $# = 0 ]; then
  platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64)
fi
rm -rf "$dist"
mkdir -p "$dist"

# Nothing of this machine's own may find its way into the program.
export CGO_ENABLED=0 GOFLAGS='' GOAMD64=v1 GOARM64=v8.0 LC_ALL=C
for platform in "${platforms[@]}"; do
  os=${platform%/*} arch=${platform#*/} ext=''
  if [ "$os" = windows ]; then ext=.exe; fi
  GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=auto -ldflags='-s -w -buildid=' -o "$dist/briefingbot_${os}_$arch$ext" ./cmd/briefingbot
done

# From the programs themselves: what is in them, and not what might have been. The
# time and the number that the tool makes up would differ from run to run.
sbom=$(go -C deploy/checks tool -n cyclonedx-gomod)
for program in "$dist"/briefingbot_*; do
  "$sbom" bin -json -noserial -notimestamp -output-version 1.6 -output "$program.cdx.json" "$program" 2>"$dist/sbom.log" || { cat "$dist/sbom.log" >&2; exit 1; }
done
rm "$dist/sbom.log"

cd "$dist"
sha256sum briefingbot_* > checksums.txt
cat checksums.txt
