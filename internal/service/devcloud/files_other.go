//go:build !unix

package devcloud

// maxFiles returns how many files the process may have open, or a large number if there is no limit.
func maxFiles() int { return 1 << 20 }
