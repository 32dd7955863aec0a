package diagnose

import (
	"fmt"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Dead configuration is the usual reason for a raise that never arrived.
func configIgnoredRule() Rule {
	return Rule{
		ID: "config-ignored", Severity: audit.SeverityWarning,
		Title: "a file sets the limit, and this system does not read that file",
		Meaning: "systemd reads /etc/sysctl.d and its sisters and not /etc/sysctl.conf (Debian 13 dropped the link between them); no reader takes names without .conf; " +
			"BusyBox reads /etc/sysctl.conf only, and what start scripts of OpenRC or OpenWrt add. A value elsewhere is dead.",
		Needs:   []string{"the sysctl files"},
		Advice:  []string{"Move the line into a file that is read, such as /etc/sysctl.d/90-local.conf"},
		Sources: []string{"sysctl.d(5)", "https://github.com/systemd/systemd/issues/8360"},
		check:   configIgnored,
	}
}

// configIgnored is silent about a dead line that says what runs anyway.
func configIgnored(in *input) []audit.Finding {
	var list []audit.Finding
	for _, s := range in.settings(tcpTWBucketsKey) {
		if s.entry.Commented || s.file.Ignored == "" || in.readElsewhere(s.file) ||
			(in.own.limit != nil && *in.own.limit == s.value) {
			continue
		}
		list = append(list, audit.Finding{
			Title:    fmt.Sprintf("%s sets %s and is not read: %s", s.where(), text.Count(s.value), s.file.Ignored),
			Evidence: []audit.Evidence{{Text: s.entry.Key + " = " + s.entry.Value, Source: s.where(), At: s.file.MTime}},
		})
	}
	return list
}

// readElsewhere reports whether the same file is read under another name, as
// /etc/sysctl.conf is through /etc/sysctl.d/99-sysctl.conf.
func (in *input) readElsewhere(f *audit.ConfigFile) bool {
	for i := range in.facts.Config.Files {
		o := &in.facts.Config.Files[i]
		if o.Ignored == "" && o.Error == "" && o.Path != f.Path && identity(o) == identity(f) {
			return true
		}
	}
	return false
}
