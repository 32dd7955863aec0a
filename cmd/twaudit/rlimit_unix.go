//go:build unix

package main

import "syscall"

// openFiles is how many descriptors this process may have, 0 when unknown. The
// Go runtime has raised the soft limit to the hard one by now.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur) // signed on some systems
}
