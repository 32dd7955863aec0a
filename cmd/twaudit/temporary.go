package main

import (
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// temporaryOf is the pattern of the temporary names of a target. Its own name, which
// may be as long as a name can be, is in it as a sum; that another target has the
// same one is harmless. So is this machine: of files that several machines share,
// not every file system lets one see the locks of another.
func temporaryOf(target string) string {
	machine, _ := os.Hostname() // without one, what has none is as good as a name
	return fmt.Sprintf(".twaudit-%08x-*.tmp", crc32.ChecksumIEEE([]byte(machine+"/"+filepath.Base(target))))
}

// createTemporary creates a file beside target that has its lock for as long as it
// is open, and removes those that runs left behind which were killed.
func createTemporary(target string) (*os.File, error) {
	removeStale(target)
	// Between the creation and the lock another run may take it for a stale one.
	for range 10 {
		file, err := os.CreateTemp(filepath.Dir(target), temporaryOf(target))
		if err != nil {
			return nil, err
		}
		_ = waitLock(file) // where there are no locks, nothing is ever removed
		if holds(file.Name(), file) {
			return file, nil
		}
		file.Close()
	}
	return nil, fmt.Errorf("temporary files in %s vanish", filepath.Dir(target))
}

// removeStale removes the temporary files of target whose writer is dead: its lock
// ended with it. Whatever is in the way costs nothing but the removal.
func removeStale(target string) {
	dir, pattern := filepath.Dir(target), temporaryOf(target)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if ours, _ := filepath.Match(pattern, entry.Name()); ours {
			removeUnlocked(filepath.Join(dir, entry.Name()))
		}
	}
}

// removeUnlocked removes a regular file that no process has locked.
func removeUnlocked(name string) {
	// The directory may be anybody's: no link is followed, and no pipe waited for.
	file, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	// Its writer may have renamed it and ended since the directory was read.
	if got, err := tryLock(file); got && err == nil && holds(name, file) {
		os.Remove(name)
	}
}

// holds reports whether name leads to the open file itself.
func holds(name string, file *os.File) bool {
	there, err := os.Lstat(name)
	if err != nil {
		return false
	}
	open, err := file.Stat()
	return err == nil && there.Mode()&fs.ModeSymlink == 0 && os.SameFile(there, open)
}
