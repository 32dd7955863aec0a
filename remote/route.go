package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/text"
	"twaudit/remote/sshconfig"
)

// maxHops bounds a chain of jump hosts, which a config may close to a circle.
const maxHops = 8

// route is one host and the way to it: through via, else by the ProxyCommand of
// set, else straight.
type route struct {
	set *sshconfig.Settings
	via *jumpHost // the last host on the way; nil: there is none
}

// through is the end of a message about what happened behind a jump host.
func (r *route) through() string {
	if r.via == nil {
		return ""
	}
	return " through jump host " + text.CleanMax(r.via.name, 255)
}

func (d *Dialer) route(ctx context.Context, t Target) (*route, *Error) {
	set, err := d.Resolve(ctx, t)
	if err != nil {
		return nil, configFailure(ctx, err)
	}
	d.mu.Lock()
	via, known := d.chains[set.ProxyJump]
	d.mu.Unlock()
	if known {
		return &route{set: set, via: via}, nil
	}
	via, failure := d.chain(ctx, set.ProxyJump, nil)
	if failure != nil {
		return nil, failure
	}
	d.mu.Lock()
	d.chains[set.ProxyJump] = via
	d.mu.Unlock()
	return &route{set: set, via: via}, nil
}

// configFailure keeps the place of a bad setting out of the message: it is a
// local path.
func configFailure(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		return &Error{Stage: StageConfig, Message: "stopped while reading its ssh settings", Err: ctx.Err()}
	}
	failure := &Error{Stage: StageConfig, Message: "its ssh settings cannot be read", Hint: clean(err), Err: err}
	var bad *sshconfig.Error
	if errors.As(err, &bad) {
		failure.Message = "its ssh settings cannot be used: " + text.CleanMax(bad.Text, 200)
		failure.Hint = bad.Hint
		if bad.File != "" {
			failure.Hint = strings.TrimSuffix("see "+clean(err)+"; "+bad.Hint, "; ")
		}
	}
	return failure
}

// chain returns the last of jumps, a ProxyJump as sshconfig writes it, each
// reached through the one before it. The first is reached as its own settings
// say, as with ssh -J. seen are the hops that led to this question.
func (d *Dialer) chain(ctx context.Context, jumps string, seen []string) (*jumpHost, *Error) {
	if jumps == "" || strings.EqualFold(jumps, "none") {
		return nil, nil
	}
	var via *jumpHost
	for i, name := range strings.Split(jumps, ",") {
		if i+len(seen) >= maxHops {
			return nil, &Error{Stage: StageConfig, Via: withoutUser(name), Message: fmt.Sprintf("more than %d jump hosts in a row", maxHops)}
		}
		next, failure := d.hop(ctx, name, via, i == 0, seen)
		if failure != nil {
			return nil, failure
		}
		via = next
	}
	return via, nil
}

// hop resolves one jump host. Hosts that differ in nothing that matters share
// it, and with it one connection.
func (d *Dialer) hop(ctx context.Context, name string, via *jumpHost, first bool, seen []string) (*jumpHost, *Error) {
	set, err := d.resolveHop(ctx, hopQuery(name))
	if err != nil {
		failure := configFailure(ctx, err)
		failure.Via = withoutUser(name)
		return nil, failure
	}
	key := fmt.Sprintf("%s@%s", set.User, net.JoinHostPort(set.HostName, strconv.Itoa(set.Port)))
	for _, earlier := range seen {
		if earlier == key {
			return nil, &Error{Stage: StageConfig, Via: withoutUser(name), Message: "the jump hosts lead in a circle",
				Hint: fmt.Sprintf("set ProxyJump none for %s in ssh_config", name)}
		}
	}
	if first {
		var failure *Error
		if via, failure = d.chain(ctx, set.ProxyJump, append(seen[:len(seen):len(seen)], key)); failure != nil {
			return nil, failure
		}
	}
	switch {
	case via != nil:
		key = via.key + " " + key
	case set.ProxyCommand != "":
		key = set.ProxyCommand + " " + key
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	j := d.jumps[key]
	if j == nil {
		j = &jumpHost{d: d, key: key, spec: name, name: withoutUser(name), route: &route{set: set, via: via}}
		if d.opts.JumpConns > 0 {
			j.slots = make(chan struct{}, d.opts.JumpConns)
		}
		d.jumps[key] = j
	}
	return j, nil
}

// Hop is a host on the way to another.
type Hop struct {
	Name     string // as the settings that lead there have it: [user@]host[:port]
	Settings *sshconfig.Settings
}

// Hops returns the jump hosts by which Run would reach t, the nearest to us
// first, each with the settings that hold for it. It connects nowhere. The error
// is an *Error.
func (d *Dialer) Hops(ctx context.Context, t Target) ([]Hop, error) {
	r, failure := d.route(ctx, t)
	if failure != nil {
		return nil, failure
	}
	var hops []Hop
	for via := r.via; via != nil; via = via.route.via {
		hops = append(hops, Hop{via.spec, via.route.set})
	}
	slices.Reverse(hops)
	return hops, nil
}

// withoutUser is what a run may say of a jump host: no login names.
func withoutUser(hop string) string { return hop[strings.LastIndexByte(hop, '@')+1:] }

// hopQuery reads [user@]host[:port] with brackets around an IPv6 address.
func hopQuery(name string) (q sshconfig.Query) {
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		q.User, name = name[:at], name[at+1:]
	}
	q.Alias = strings.Trim(name, "[]")
	if host, port, err := net.SplitHostPort(name); err == nil {
		q.Alias = host
		q.Port, _ = strconv.Atoi(port)
	}
	return q
}
