package remote_test

import (
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// door is a server that does nothing but let in or not: after the login it
// refuses every channel.
type door struct {
	*lab
	addr string
	key  ssh.PublicKey
}

// door serves the config, to which it adds a host key, until the test ends.
func (l *lab) door(config *ssh.ServerConfig) *door {
	l.t.Helper()
	key := newKey(l.t)
	config.AddHostKey(key)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	var conns sync.WaitGroup
	l.t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	conns.Go(func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { serveDoor(conn, config) }) // ends with the client
		}
	})
	return &door{l, listener.Addr().String(), key.PublicKey()}
}

func serveDoor(tcp net.Conn, config *ssh.ServerConfig) {
	defer tcp.Close()
	conn, chans, reqs, err := ssh.NewServerConn(tcp, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(reqs) // ends with the connection
	for ch := range chans {
		ch.Reject(ssh.Prohibited, "this is only a door")
	}
}

// block names the door in the config of the lab.
func (d *door) block(alias string, lines ...string) {
	d.t.Helper()
	d.lab.block(alias, d.addr, d.key, lines...)
}
