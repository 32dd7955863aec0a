package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// What a system's own reader would load is the probe's business: it evaluates
// the files by that reader's order, and says in Config.Value what wins.
func configDriftRule() Rule {
	return Rule{
		ID: "config-drift", Severity: audit.SeverityWarning,
		Title: "the running limit is not the configured one",
		Meaning: "The next boot will bring another limit than the one that runs. Either the file was never loaded, or somebody set the value by hand. " +
			"The configured value is the one that this system's own reader of sysctl files would load.",
		Needs:   []string{tcpTWBucketsKey, "the sysctl files"},
		Advice:  []string{"Decide which value is meant, write it into the file, and load the file"},
		Sources: []string{"sysctl.conf(5)", "sysctl.d(5)", "sysctl(8)"},
		check:   configDrift,
	}
}

// configDrift is silent when nothing sets the value: whatever runs then is the
// matter of not-persistent.
func configDrift(in *input) []audit.Finding {
	c, limit := in.conf, in.own.limit
	if c == nil || limit == nil || c.value == *limit {
		return nil
	}
	return []audit.Finding{{
		Title:    fmt.Sprintf("the running limit is %s, %s sets %s", text.Count(*limit), c.source, text.Count(c.value)),
		Evidence: append(in.own.limitEvidence(in), in.configEvidence()...),
		Advice:   []string{fmt.Sprintf("Write the limit that is meant into %s and load it (%s)", c.source, in.load())},
	}}
}
