package sshtest

import (
	"io"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
)

// forward joins a jump channel with the host it asks for, until either side is
// done.
func (c *connection) forward(asked ssh.NewChannel) {
	var want struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if ssh.Unmarshal(asked.ExtraData(), &want) != nil {
		_ = asked.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	to := net.JoinHostPort(want.Host, strconv.FormatUint(uint64(want.Port), 10))
	if c.host.Route != nil {
		to = c.host.Route(to)
	}
	if onLoopback(to) != nil {
		_ = asked.Reject(ssh.Prohibited, "open failed")
		return
	}
	var dialer net.Dialer
	target, err := dialer.DialContext(c.ctx, "tcp", to)
	if err != nil {
		_ = asked.Reject(ssh.ConnectionFailed, "connect failed: Connection refused")
		return
	}
	defer target.Close()
	channel, requests, err := asked.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	c.counts.forwards.Add(1)
	// Ends with the channel; there is nothing to ask of a forwarded connection.
	go ssh.DiscardRequests(requests)
	join(channel, target)
}

// duplex is a stream whose sending side can be closed alone.
type duplex interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// join copies both ways and passes on the end of each direction. It returns
// when both have ended, and has closed neither in full.
func join(channel duplex, target net.Conn) {
	var both sync.WaitGroup
	// Ends when the target's side ends, at the latest when the copy below closes it.
	both.Go(func() {
		_, err := io.Copy(channel, target)
		_ = channel.CloseWrite()
		if err != nil {
			channel.Close()
		}
	})
	_, err := io.Copy(target, channel)
	half, ok := target.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		target.Close()
	}
	both.Wait()
}
