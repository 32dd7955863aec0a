package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// A raise by hand that nobody wrote down ends with the next boot, and the
// overflows come back.
func notPersistentRule() Rule {
	return Rule{
		ID: "not-persistent", Severity: audit.SeverityInfo,
		Title:   "the running limit is neither the kernel's default nor set by any file",
		Meaning: "Somebody set it by hand, or a program did at run time. The next boot brings the default back.",
		Needs:   []string{tcpTWBucketsKey, "the size of the kernel's TCP hash table", "the sysctl files"},
		Advice:  []string{"Write the limit into a file in /etc/sysctl.d if it is meant to stay"},
		Sources: []string{"sysctl.d(5)"},
		check:   notPersistent,
	}
}

// notPersistent needs to have seen every file, and stays silent in a container,
// whose limit is set from outside.
func notPersistent(in *input) []audit.Finding {
	c, t, normal := in.facts.Config, in.own, in.facts.TimeWait.DefaultLimit
	if c == nil || in.conf != nil || t.limit == nil || normal == nil || in.inContainer() ||
		in.hasGap("config") || abs(*t.limit-*normal) <= 1 {
		return nil
	}
	for i := range c.Files {
		if c.Files[i].Error != "" {
			return nil
		}
	}
	f := audit.Finding{
		Title: fmt.Sprintf("the running limit of %s is set by no file; a boot brings back the default of %s",
			text.Count(*t.limit), text.Count(*normal)),
		Evidence: t.limitEvidence(in),
	}
	if c.RuntimeChangedAt != nil {
		f.Evidence[0].At = c.RuntimeChangedAt
	}
	return []audit.Finding{f}
}

// hasGap reports whether the probe could not read all of a section.
func (in *input) hasGap(section string) bool {
	for i := range in.gaps {
		if in.gaps[i].Section == section {
			return true
		}
	}
	return false
}
