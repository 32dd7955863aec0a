package remote

import (
	"context"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// masterPatience is how long a master connection may take to answer before the
// host is reached without it. It is on this machine and has nothing to do.
const masterPatience = 3 * time.Second

// throughMaster uses the master connection that the operator's ssh keeps open at
// ControlPath, when it lives: logged in already, by means that we may not have.
// Who the host is was checked by that ssh. None is ever opened here.
func (a *attempt) throughMaster() bool {
	path := a.route.set.ControlPath
	if path == "" || !ownSocket(path) {
		return false
	}
	patient, cancel := context.WithTimeout(a.ctx, masterPatience)
	defer cancel()
	socket, err := (&net.Dialer{}).DialContext(patient, "unix", path)
	if err != nil {
		return false
	}
	unwatch := context.AfterFunc(patient, func() { socket.Close() })
	conn, chans, reqs, err := ssh.NewControlClientConn(socket)
	if !unwatch() || err != nil {
		if err == nil {
			conn.Close()
		}
		socket.Close()
		return false
	}
	a.tcp, a.conn, a.master = &headConn{Conn: socket}, conn, true
	a.unwatch = context.AfterFunc(a.ctx, func() { socket.Close() })
	a.attend(chans, reqs)
	return true
}

// ownSocket tells whether path is a socket of ours: through another's, commands
// and their input would go wherever he likes.
func ownSocket(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
