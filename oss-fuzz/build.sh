#!/bin/bash -eu
# Builds every fuzz target of the repository for OSS-Fuzz, which runs this script in its base-builder-go image with the
# repository as the working directory. compile_native_go_fuzzer_v2 is part of that image.

# The builder overlays a file of the standard library. Go refuses that in a toolchain that it has downloaded because of
# go.mod, so such a toolchain is copied out of the module cache.
goroot=$(go env GOROOT)
if [[ $goroot == "$(go env GOMODCACHE)"/* ]]; then
	copy=$(mktemp -d)
	cp -r "$goroot/." "$copy"
	chmod -R u+w "$copy"
	export GOROOT=$copy PATH=$copy/bin:$PATH GOTOOLCHAIN=local
fi

targets=$(grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sed 's#^\./##; s#:[0-9]*:func # #' | sort)
[ -n "$targets" ] || { echo "no fuzz targets found" >&2; exit 1; }

module=$(go list -m)
while read -r file target; do
	folder=$(dirname "$file")
	name=$(echo "${folder#internal/}" | tr / _)_$target # such as engine_jpeg_decode_FuzzDecode
	compile_native_go_fuzzer_v2 "$module/$folder" "$target" "$name"
done <<<"$targets"
