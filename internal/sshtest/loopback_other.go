//go:build !linux

package sshtest

import (
	"errors"
	"net"
)

var errLinuxOnly = errors.New("needs Linux: elsewhere 127.0.0.0/8 is not all this machine's")

func listenLoopback(int) (net.Listener, error) { return nil, errLinuxOnly }

// BlackHole needs the way in which Linux treats a full queue.
func BlackHole() (addr string, close func(), err error) { return "", nil, errLinuxOnly }
