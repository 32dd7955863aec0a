//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// ownerOf is the user that a file belongs to; false where that is unknown.
func ownerOf(info fs.FileInfo) (int, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
