package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"
)

// What a filled namespace holds besides its TIME_WAIT sockets.
const (
	fillAddresses  = 8
	fillOpen       = 40 // established pairs
	fillHalfClosed = 25 // FIN_WAIT2 and CLOSE_WAIT pairs
)

// fill is the child that fills the network namespace it was started in: n
// connections that it closed first stay in TIME_WAIT for a minute. It says how
// long that took, and holds the other sockets until its standard input ends.
func fill(n int) error {
	runtime.LockOSThread() // one thread makes 8 calls for each connection
	for name, value := range map[string]string{
		"tcp_max_tw_buckets": "1000000", "tcp_tw_reuse": "0", "ip_local_port_range": "1025 64999", "tcp_fin_timeout": "120",
	} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	servers, err := listeners()
	if err != nil {
		return err
	}
	start := time.Now()
	for i := range n {
		client, server, err := servers[i%fillAddresses].connect()
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		_ = syscall.Close(client)
		_ = syscall.Close(server)
	}
	for i := range fillOpen + fillHalfClosed {
		client, _, err := servers[i%fillAddresses].connect()
		if err != nil {
			return err
		}
		if i < fillHalfClosed {
			_ = syscall.Close(client)
		}
	}
	fmt.Printf("%d\n", time.Since(start))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// listener is a listening socket and where it listens.
type listener struct {
	fd      int
	address *syscall.SockaddrInet4
}

// listeners are those that are connected to, and one of IPv6, as every host has.
func listeners() ([]listener, error) {
	six, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Bind(six, &syscall.SockaddrInet6{Port: 65100}); err != nil {
		return nil, err
	}
	if err := syscall.Listen(six, 16); err != nil {
		return nil, err
	}
	var all []listener
	for i := range fillAddresses {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			return nil, err
		}
		l := listener{fd, &syscall.SockaddrInet4{Port: 65000 + i, Addr: [4]byte{127, 0, 1, byte(i + 1)}}}
		if err := syscall.Bind(fd, l.address); err != nil {
			return nil, err
		}
		if err := syscall.Listen(fd, 16); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// connect returns both ends of a new connection.
func (l listener) connect() (client, server int, err error) {
	if client, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); err != nil {
		return 0, 0, err
	}
	if err = syscall.Connect(client, l.address); err != nil {
		return 0, 0, err
	}
	server, _, err = syscall.Accept(l.fd)
	return client, server, err
}
