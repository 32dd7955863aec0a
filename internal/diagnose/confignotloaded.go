package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
)

// It fires beside config-drift, and says more: not merely that the two differ,
// but that an edit is waiting to be loaded.
func configNotLoadedRule() Rule {
	return Rule{
		ID: "config-not-loaded", Severity: audit.SeverityWarning,
		Title: "the file that sets the limit was edited and never loaded",
		Meaning: "Editing a sysctl file changes nothing by itself. The file is younger than the boot, which loaded it last, and the kernel still runs another value. " +
			"The time of the last write to the kernel's own file is taken into account where it shows one; it is best effort.",
		Needs:   []string{tcpTWBucketsKey, "the change time of the file that sets it", "the time of boot"},
		Advice:  []string{"Load the file with sysctl -p FILE, and check the running value"},
		Sources: []string{"sysctl(8)", "systemd-sysctl.service(8)"},
		check:   configNotLoaded,
	}
}

// Boot loads every file, so an edit older than the boot was loaded. An edit from
// the future comes from a wrong clock and proves nothing.
func configNotLoaded(in *input) []audit.Finding {
	c, booted := in.conf, in.bootedAt()
	if c == nil || in.own.limit == nil || c.value == *in.own.limit ||
		c.at == nil || booted == nil || !c.at.After(*booted) || c.at.After(in.clock) {
		return nil
	}
	// Written to after the edit: then the edit was loaded, or somebody chose
	// another value since. Either way it is drift, and not forgotten.
	if w := in.facts.Config.RuntimeChangedAt; w != nil && w.After(*c.at) {
		return nil
	}
	return []audit.Finding{{
		Title: fmt.Sprintf("%s was edited at %s, after the boot at %s, and %s still runs",
			c.source, stamp(*c.at), stamp(*booted), in.own.limitWords()),
		Evidence: append(in.own.limitEvidence(in), in.configEvidence()...),
		Advice:   []string{fmt.Sprintf("Load it (%s), and check the running value", in.load())},
	}}
}

// limitWords may only be asked for a limit that was read.
func (t *table) limitWords() string { return fmt.Sprintf("a limit of %d", *t.limit) }
