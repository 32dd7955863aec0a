package diagnose

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"twaudit/internal/audit"
)

// Unknown names what to change, or it is of no use: each doubt has its remedy.
func unknownRule() Rule {
	return Rule{
		ID: "unknown", Severity: audit.SeverityWarning,
		Title: "the evidence that this kernel gives could not be read",
		Meaning: "Nothing bad was seen, and nothing good was proven. Kernels since 2.6.38 count overflows and print none, so there the counter must be readable; " +
			"older ones print and do not count, so there a kernel log must be readable, alive, and reach back 24 h. Both need the table's fill and limit.",
		Advice:  []string{"Let the login read what is missing, then scan again"},
		Sources: []string{"Linux commit 67631510a318"},
		check: func(in *input) []audit.Finding {
			return in.each(func(t *table) *audit.Finding {
				if !t.own {
					return nil // shown as partial coverage, and with its own verdict
				}
				return t.unknown
			})
		},
	}
}

// doubt is one thing that was needed and could not be read.
type doubt struct {
	section string // of the probe
	reason  string
	remedy  string // as in audit.Gap: a verb first, in lower case
}

// missing lists what stands between this table and an ok.
func (in *input) missing(t *table) []doubt {
	doubts := in.missingFill(t)
	switch {
	// The counter is enough, on whichever kernel: vendors brought it to old ones.
	// Without the uptime nobody knows for how long it has been zero.
	case t.total != nil:
		if _, ok := in.uptime(); !ok && t.own && *t.total == 0 {
			doubts = append(doubts, doubt{"identity",
				"the uptime could not be read, so that the span of the overflow counter is not known", "let the login read /proc/uptime"})
		}
	case t.sharesHostTable(in) && in.kernel.mayLog():
		// One table and one log for all namespaces: the host's verdict covers it.
		if in.own.verdict == audit.VerdictUnknown {
			doubts = append(doubts, doubt{"log", "the host's own evidence is missing", ""})
		}
	case !in.kernel.known:
		doubts = append(doubts, doubt{"identity",
			"neither the overflow counter nor the kernel's release could be read, so no log can prove anything",
			"mount /proc for the login"})
	case in.kernel.mayLog():
		if _, _, why := in.silence(); why != "" {
			doubts = append(doubts, doubt{"log", why, in.logRemedy()})
		}
	default:
		// Silence of the log is what such a kernel always gives.
		doubts = append(doubts, doubt{"counters",
			"TCPTimeWaitOverflow is not in " + t.netstat() + ", and this kernel prints no overflow", in.counterRemedy(t)})
	}
	return doubts
}

// counterRemedy knows whether the file was read, and only lacks the counter.
func (in *input) counterRemedy(t *table) string {
	counters := in.facts.Counters
	if counters == nil {
		counters = &audit.Counters{}
	}
	read := false
	for _, name := range []string{"ListenOverflows", "SyncookiesSent", "TW"} { // in it since 2.4 and longer
		_, there := counters.First[name]
		read = read || there
	}
	switch {
	case !t.own || !read:
		return "let the login read /proc/net/netstat: it is world-readable unless a mount or a container hides it"
	case in.inContainer():
		return "audit the machine that runs this container: the container does not show the counter"
	}
	return "audit the machine outside any container: this kernel or container does not show the counter"
}

// missingFill is the part of the doubts about today's fill. A table shared with
// the host is judged there.
func (in *input) missingFill(t *table) []doubt {
	var doubts []doubt
	if t.sharesHostTable(in) {
		return nil
	}
	switch t.kind {
	case limitAbsent:
		d := doubt{"limits", tcpTWBucketsKey + " could not be read", "read it as root: another namespace's limit shows only inside it"}
		if t.own {
			d.remedy = "let the login read /proc/sys/net/ipv4: it is world-readable unless a mount hides it"
		}
		if t.own && in.kernel.globalTable() {
			d = doubt{"limits", "before kernel 4.11 only the machine itself shows " + tcpTWBucketsKey + ", and the buckets seen in a container are the whole machine's",
				"audit the machine that runs this container"}
		}
		doubts = append(doubts, d)
	case limitUnclear:
		doubts = append(doubts, doubt{"identity", "the limit is negative, and what that means depends on a kernel release that is not known", "set a positive " + tcpTWBucketsKey})
	}
	if t.used() == nil {
		doubts = append(doubts, doubt{"sockstat", "the number of buckets in use could not be read", "let the login read /proc/net/sockstat"})
	}
	return doubts
}

// logRemedy knows the two cases that no permission helps with.
func (in *input) logRemedy() string {
	switch {
	case in.muted():
		return "set " + warningsKey + "=1, so that this kernel prints its overflows"
	case in.inOpenVZ():
		return "audit the hardware node, whose kernel log names the container"
	case in.inContainer():
		return "audit the machine that runs this container"
	}
	if in.facts.Host.Sudo != "" { // it was asked for, and refused
		return "add the login to group adm or systemd-journal"
	}
	return "add the login to group adm or systemd-journal, or scan with --sudo"
}

// unknown tells all that is missing at once, so that one visit mends it.
func (in *input) unknown(t *table) *audit.Finding {
	if len(t.missing) == 0 {
		return nil
	}
	f := &audit.Finding{Evidence: t.fillEvidence(in)}
	var reasons []string
	for _, d := range t.missing {
		reasons = append(reasons, d.reason)
		if remedy := in.remedyFor(d); remedy != "" && !slices.Contains(f.Advice, remedy) {
			f.Advice = append(f.Advice, remedy)
		}
	}
	f.Title = t.say("cannot judge: %s", strings.Join(reasons, "; "))
	if t.own {
		f.Evidence = append(f.Evidence, in.loggedEvidence()...)
	}
	return f
}

// remedyFor is the remedy as advice. The probe's own comes first: it knows what
// it met.
func (in *input) remedyFor(d doubt) string {
	for _, g := range in.gaps {
		if g.Section == d.section && g.Remedy != "" {
			return capital(g.Remedy)
		}
	}
	return capital(d.remedy)
}

// capital writes the first letter large, which the remedies of gaps do not.
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}
