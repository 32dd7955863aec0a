package remote

import (
	"math/rand/v2"
	"time"
)

// heartbeat is how often a connection must show that it lives, and how long it
// may take to. What ssh_config says counts as far as it is not more patient than
// a run can be: it is often there to keep a firewall awake.
func (a *attempt) heartbeat() (every, patience time.Duration) {
	every, patience = a.d.pace.pulse, 2*a.d.pace.pulse
	if set := a.route.set; set.ServerAliveInterval > 0 {
		patience = min(set.ServerAliveInterval*time.Duration(max(1, set.ServerAliveCountMax)), 2*patience)
		every = min(set.ServerAliveInterval, every)
	}
	return every, patience
}

// pulse asks for a sign of life every now and then, until there is none: then it
// hangs up. A master connection is its owner's to watch, and would not answer.
func (a *attempt) pulse() {
	every, patience := a.heartbeat()
	if a.master {
		<-a.dead
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		// The question itself can hang when nobody takes our packets.
		hangUp := time.AfterFunc(patience, func() {
			a.mute.Store(true)
			a.tcp.Close()
		})
		_, _, err := a.conn.SendRequest("keepalive@openssh.com", true, nil)
		hangUp.Stop()
		if err != nil {
			return
		}
		select {
		case <-a.dead:
			return
		case <-tick.C:
		}
	}
}

// watch starts the pulse once the command has run for a while: most are over
// before. stop ends it, unless the end of the connection does.
func (a *attempt) watch() (stop func() bool) {
	if a.master {
		return func() bool { return true }
	}
	every, _ := a.heartbeat()
	return time.AfterFunc(every, a.pulse).Stop
}

// backoff is how long to wait before try number n, counted from 1: twice as long
// each time, and never as long as others wait.
func (p pace) backoff(n int) time.Duration {
	if p.retry <= 0 {
		return 0
	}
	span := p.retry << min(n-1, 4)
	return span/2 + rand.N(span)
}
