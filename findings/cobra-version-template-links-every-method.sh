#!/usr/bin/env bash
# What: one call of cobra's SetVersionTemplate makes a small command that uses AWS's S3 client grow by
#   four fifths. Version alone, without a template, costs nothing.
# Versions: cobra 1.10.2, aws-sdk-go-v2/service/s3 1.109.1, built with Go 1.26.
# Why it matters: the call reaches text/template, which finds methods by name, so that the linker can no
#   longer drop exported methods that nobody calls: those of every type in the program, SDKs included. It
#   costs start-up time and memory in every process, and in a Lambda function the size of the zip. imgmill
#   prints its version without a template; its function must not reach text/template at all.
# Seen: 2026-11-28 (bytes, linux/amd64, Go 1.26.8)
#   plain 8229026
#   template 14811298
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
export GOPATH=$work/go
cat >go.mod <<'EOF'
module example.com/sizes

go 1.26

require (
	github.com/aws/aws-sdk-go-v2/service/s3 v1.109.1
	github.com/spf13/cobra v1.10.2
)
EOF
build() {
  mkdir -p "$1"
  cat >"$1/main.go" <<EOF
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{Use: "sizes", Version: "1", RunE: func(c *cobra.Command, _ []string) error {
		_, err := s3.New(s3.Options{Region: "us-east-1"}).ListBuckets(context.Background(), nil)
		return err
	}}
	$2
	if err := root.Execute(); err != nil {
		fmt.Println(err)
	}
}
EOF
}
build plain ""
build template 'root.SetVersionTemplate("{{.Version}}\n")'
go mod tidy >/dev/null 2>&1
for program in plain template; do
  CGO_ENABLED=0 go build -trimpath -ldflags=-s -o "$program.bin" "./$program"
  echo "$program $(wc -c <"$program.bin")"
done
# Sizes differ a little between versions of Go; the ratio does not.
[ "$(wc -c <template.bin)" -gt $(($(wc -c <plain.bin) * 3 / 2)) ]
