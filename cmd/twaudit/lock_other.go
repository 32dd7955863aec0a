//go:build !unix

package main

import (
	"errors"
	"os"
)

// tryLock fails: this system has no such locks.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

// waitLock does nothing: a telling may get lost where two processes tell at once.
func waitLock(*os.File) error { return nil }
