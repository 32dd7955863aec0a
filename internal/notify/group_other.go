//go:build !unix

package notify

import (
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr { return nil }

// killGroup ends the command alone: this system has no process groups.
func killGroup(p *os.Process) error { return p.Kill() }
