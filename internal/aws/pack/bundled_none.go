//go:build !release

package pack

// bundled is empty: only programs that are built with the tag release hold functions.
var bundled map[string][]byte
