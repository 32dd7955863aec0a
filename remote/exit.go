package remote

import "golang.org/x/crypto/ssh"

// exitStatus is filled from the requests of the channel.
type exitStatus struct {
	known  chan struct{} // closed when value stands
	closed chan struct{} // closed when the channel has ended
	value  int
}

// watch reads the requests of a channel until it ends.
func (e *exitStatus) watch(reqs <-chan *ssh.Request) {
	defer close(e.closed)
	known := false
	for req := range reqs {
		value, isStatus := parseExit(req)
		if isStatus && !known {
			known, e.value = true, value
			close(e.known)
		}
		if req.WantReply {
			req.Reply(false, nil)
		}
	}
}

// parseExit reads exit-status and exit-signal.
func parseExit(req *ssh.Request) (value int, ok bool) {
	switch req.Type {
	case "exit-status":
		var status struct{ Value uint32 }
		if ssh.Unmarshal(req.Payload, &status) != nil {
			return 0, false
		}
		return int(status.Value & 0xff), true
	case "exit-signal":
		var ended struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}
		if ssh.Unmarshal(req.Payload, &ended) != nil {
			return 0, false
		}
		return 128 + signalNumber(ended.Signal), true
	}
	return 0, false
}

// signalNumber is 0 for a name that RFC 4254 does not have.
func signalNumber(name string) int {
	switch name {
	case "HUP":
		return 1
	case "INT":
		return 2
	case "QUIT":
		return 3
	case "ILL":
		return 4
	case "ABRT":
		return 6
	case "FPE":
		return 8
	case "KILL":
		return 9
	case "USR1":
		return 10
	case "SEGV":
		return 11
	case "USR2":
		return 12
	case "PIPE":
		return 13
	case "ALRM":
		return 14
	case "TERM":
		return 15
	case "XCPU":
		return 24
	case "XFSZ":
		return 25
	}
	return 0
}
