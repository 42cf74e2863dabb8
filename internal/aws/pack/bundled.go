//go:build release

package pack

import _ "embed"

// The functions that `make functions` builds, compressed by gzip.
var (
	//go:embed functions/bootstrap_amd64.gz
	bundledAMD64 []byte
	//go:embed functions/bootstrap_arm64.gz
	bundledARM64 []byte
)

// bundled holds the functions of the same version as the program.
var bundled = map[string][]byte{AMD64: bundledAMD64, ARM64: bundledARM64}
