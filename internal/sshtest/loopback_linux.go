package sshtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// listenLoopback listens on every address of 127.0.0.0/8 with one socket: bound
// to the device lo, which no packet from outside comes in by. Binding needs no
// privilege since Linux 5.7.
func listenLoopback(port int) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = syscall.BindToDevice(int(fd), "lo") })
		if err != nil {
			return err
		}
		return os.NewSyscallError("bind to lo", failed)
	}}
	listener, err := config.Listen(context.Background(), "tcp4", "0.0.0.0:"+strconv.Itoa(port))
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	return listener, nil
}

// BlackHole returns an address that nobody answers: the kernel drops every
// SYN, so that a connect waits for its own limit. close gives it back.
func BlackHole() (addr string, close func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	release := []func(){func() { _ = syscall.Close(fd) }}
	close = func() {
		for _, f := range release {
			f()
		}
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		close()
		return "", nil, os.NewSyscallError("bind", err)
	}
	// A queue of nobody's connections that is full: Linux then drops what comes.
	if err := syscall.Listen(fd, 0); err != nil {
		close()
		return "", nil, os.NewSyscallError("listen", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		close()
		return "", nil, os.NewSyscallError("getsockname", err)
	}
	addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		close()
		return "", nil, err
	}
	release = append(release, func() { conn.Close() })
	return addr, close, nil
}
