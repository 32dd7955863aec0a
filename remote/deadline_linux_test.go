package remote

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A run that ends during the connect is the run's end and not the host's silence,
// also where the dialer notices the deadline before the context does.
func TestDial_endsWithTheRun(t *testing.T) {
	t.Parallel()
	address := fullBacklog(t)
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			a := &attempt{clock: newClock(ctx), caller: ctx}
			defer a.end()
			a.begin(StageConnect, time.Hour, StageConnect)
			_, err := dialFirst(a.ctx, net.Dialer{}, []netip.Addr{address.Addr()}, address.Port(), time.Hour)
			if err == nil {
				t.Error("somebody answered")
				return
			}
			failure := a.failed(err, dialFailure(err, "h", 22, time.Hour))
			if !errors.Is(failure, context.DeadlineExceeded) || failure.Message != "stopped while connecting" {
				t.Errorf("%s (%v)", failure.Message, failure.Err)
			}
		})
	}
	group.Wait()
}

// fullBacklog is an address that accepts no further connection and refuses none.
func fullBacklog(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	local := name.(*syscall.SockaddrInet4)
	address := netip.AddrPortFrom(netip.AddrFrom4(local.Addr), uint16(local.Port))
	for { // until it is full
		conn, err := net.DialTimeout("tcp", address.String(), 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
}
