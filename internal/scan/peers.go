package scan

import (
	"context"
	"net/netip"
	"reflect"
	"sync"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// unnamed stands for the addresses of hosts in the log of another.
const unnamed = "unnamed"

// withoutPeers takes the addresses of others out of what a host said. It was not
// asked for them, but a forced command has options of its own, and a host may
// say what it likes. It comes before judging, which writes about what it sees.
// The addresses by which the operator reaches the host are nobody's secret here:
// a hint without them would be of no use.
func (a *Auditor) withoutPeers(ctx context.Context, job Job, v visit) {
	own := sync.OnceValue(func() map[netip.Addr]bool { return a.ownAddresses(ctx, job) })
	hide := func(s string) string {
		return text.HideAddresses(s, func(address netip.Addr) bool { return own()[address] })
	}
	if v.failure != nil {
		hideInFailure(v.failure, hide)
		return
	}
	hideInFacts(v.answer.Facts, hide)
	hideInText(reflect.ValueOf(v.answer.Gaps), hide)
}

// ownAddresses are those in the names that the inventory and the settings of SSH
// have for the host and for the hosts on the way to it.
func (a *Auditor) ownAddresses(ctx context.Context, job Job) map[netip.Addr]bool {
	names := []string{job.Name, job.Target.Alias}
	if a.Way != nil && !job.Local {
		names = append(names, a.Way(ctx, job.Target)...)
	}
	own := map[netip.Addr]bool{}
	for _, name := range names {
		text.HideAddresses(name, func(address netip.Addr) bool {
			own[address] = true
			return true
		})
	}
	return own
}

// hideInFailure leaves alone what no stranger had a word in: settings, and how to
// find out whether a host key is genuine.
func hideInFailure(f *audit.Failure, hide func(string) string) {
	if f.Stage == audit.StageConfig || f.Stage == audit.StageHostKey {
		return
	}
	f.Message, f.Hint = text.CleanMax(hide(f.Message), maxMessage), text.CleanMax(hide(f.Hint), 2*maxMessage)
}

func hideInFacts(facts *audit.Facts, hide func(string) string) {
	if facts.Top != nil {
		facts.Top.Peers, facts.Top.Destinations = nil, nil
	}
	if facts.Log != nil {
		for name, lines := range facts.Log.OtherHosts {
			if hide(name) != name {
				delete(facts.Log.OtherHosts, name)
				facts.Log.OtherHosts[unnamed] += lines
			}
		}
	}
	identities := identitiesIn(facts)
	names := make([]string, len(identities))
	for i, name := range identities {
		names[i] = *name
	}
	hideInText(reflect.ValueOf(facts), hide)
	for i, name := range identities {
		*name = names[i]
	}
}

// identitiesIn are the texts that say which host, system or file it is. Versions may
// look like addresses, and a file has to be found by its name.
func identitiesIn(facts *audit.Facts) []*string {
	list := []*string{&facts.Host.Hostname, &facts.Host.Kernel, &facts.Host.OS}
	if config := facts.Config; config != nil {
		list = append(list, &config.Source)
		for i := range config.Files {
			list = append(list, &config.Files[i].Path, &config.Files[i].Target)
		}
	}
	if facts.Log != nil {
		for i := range facts.Log.Sources {
			list = append(list, &facts.Log.Sources[i].Path)
		}
	}
	return list
}

// hideInText rewrites every text that v leads to, so that a field that is added
// later is not forgotten. Keys of maps are names that we know; of what they lead to
// only text is looked at.
func hideInText(v reflect.Value, hide func(string) string) {
	switch v.Kind() {
	case reflect.String:
		if hidden := hide(v.String()); hidden != v.String() {
			v.SetString(hidden)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			hideInText(v.Elem(), hide)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				hideInText(v.Field(i), hide)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			hideInText(v.Index(i), hide)
		}
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.String {
			for _, key := range v.MapKeys() {
				v.SetMapIndex(key, reflect.ValueOf(hide(v.MapIndex(key).String())))
			}
		}
	}
}
