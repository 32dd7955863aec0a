package probe

import (
	"strconv"
	"strings"
)

// stateNames maps what ss, netstat and /proc/net/tcp call a state to the
// kernel's name for it.
var stateNames = map[string]string{
	"ESTAB": "ESTABLISHED", "SYN-SENT": "SYN_SENT", "SYN-RECV": "SYN_RECV", "FIN-WAIT-1": "FIN_WAIT1",
	"FIN-WAIT-2": "FIN_WAIT2", "TIME-WAIT": "TIME_WAIT", "UNCONN": "CLOSE", "CLOSED": "CLOSE",
	"CLOSE-WAIT": "CLOSE_WAIT", "LAST-ACK": "LAST_ACK", "NEW-SYN-RECV": "SYN_RECV",
	"BOUND-INACTIVE": "CLOSE", "BOUND_INACTIVE": "CLOSE",

	"ESTABLISHED": "ESTABLISHED", "SYN_SENT": "SYN_SENT", "SYN_RECV": "SYN_RECV", "FIN_WAIT1": "FIN_WAIT1",
	"FIN_WAIT2": "FIN_WAIT2", "TIME_WAIT": "TIME_WAIT", "CLOSE": "CLOSE", "CLOSE_WAIT": "CLOSE_WAIT",
	"LAST_ACK": "LAST_ACK", "LISTEN": "LISTEN", "CLOSING": "CLOSING",

	"01": "ESTABLISHED", "02": "SYN_SENT", "03": "SYN_RECV", "04": "FIN_WAIT1", "05": "FIN_WAIT2",
	"06": "TIME_WAIT", "07": "CLOSE", "08": "CLOSE_WAIT", "09": "LAST_ACK", "0A": "LISTEN",
	"0B": "CLOSING", "0C": "SYN_RECV", "0D": "CLOSE",
}

// states counts TCP sockets by state. A state that we do not know is UNKNOWN,
// which is netstat's word: the sockets are there, whatever they are called.
func (p *parser) states(s *section) error {
	b := s.head()
	source := b.text("source")
	if source == "" {
		return nil
	}
	states := map[string]int64{}
	for _, value := range b.all("state") {
		name, n, err := state(value)
		if err != nil {
			return err
		}
		states[name] += n
	}
	if _, listed := states["TIME_WAIT"]; !listed && source == "ss" {
		timeWait(b, states)
	}
	if len(states) > 0 {
		if len(s.gaps) == 0 {
			zeroStates(states)
		}
		p.facts.TCPStates, p.facts.TCPStatesSource = states, sourceName(source)
	}
	return nil
}

// zeroStates says of every state that a listing without it proves to be empty.
// TIME_WAIT is no such state: a listing may leave it out on purpose.
func zeroStates(states map[string]int64) {
	for _, name := range stateNames {
		if _, listed := states[name]; !listed && name != "TIME_WAIT" {
			states[name] = 0
		}
	}
}

// sourceName is what a reader of the report would run or open.
func sourceName(source string) string {
	if source == "proc" {
		return "/proc/net/tcp"
	}
	return source
}

// timeWait fills in what the listing leaves out because it is the long part:
// the buckets that no FIN_WAIT2 socket occupies. Without the number of those
// there is nothing exact to say, and nothing is said.
func timeWait(b *block, states map[string]int64) {
	buckets, others := b.count("tw"), b.count("timewait_fin_wait2")
	if others == nil && states["FIN_WAIT2"] == 0 {
		others = new(int64)
	}
	if buckets != nil && others != nil {
		states["TIME_WAIT"] = max(0, *buckets-*others)
	}
}

// state reads "NAME N".
func state(value string) (name string, n int64, err error) {
	word, digits, _ := strings.Cut(value, " ")
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || number < 0 || number > 1<<40 {
		return "", 0, syntaxError("number of sockets in a state", value)
	}
	name, ok := stateNames[strings.ToUpper(word)]
	if !ok {
		name = "UNKNOWN"
	}
	return name, number, nil
}
