package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Only information: two values are a trap for later, and the one that runs is
// judged by other rules.
func configConflictRule() Rule {
	return Rule{
		ID: "config-conflict", Severity: audit.SeverityInfo,
		Title: "two files set the limit to different values",
		Meaning: "Which one wins depends on the order of names, on directories, and on the program that loads them: procps reads /etc/sysctl.conf last, systemd does not read it at all. " +
			"An update of either can silently change the running limit.",
		Needs:   []string{"the sysctl files"},
		Advice:  []string{"Keep one of the lines and remove the others"},
		Sources: []string{"sysctl.d(5)", "sysctl(8), --system"},
		check:   configConflict,
	}
}

// One file that sets the value twice is no conflict: the later line wins with
// every reader, and the earlier one is often kept as a note.
func configConflict(in *input) []audit.Finding {
	lines := in.activeLines()
	if len(lines) == 0 {
		return nil
	}
	var words []string
	var evidence []audit.Evidence
	differ := false // between files: a file has one line here
	for i := range lines {
		s := &lines[i]
		differ = differ || s.value != lines[0].value
		words = append(words, fmt.Sprintf("%s sets %s", s.where(), text.Count(s.value)))
		evidence = append(evidence, audit.Evidence{Text: s.entry.Key + " = " + s.entry.Value, Source: s.where(), At: s.file.MTime})
	}
	if !differ {
		return nil
	}
	title := strings.Join(words, ", ")
	if in.conf != nil {
		title += "; " + in.conf.source + " wins"
	}
	return []audit.Finding{{Title: title, Evidence: evidence}}
}

// activeLines is the last assignment of each file that the system's reader
// reads. A file that is seen under two names counts once.
func (in *input) activeLines() []setting {
	var list []setting
	for _, s := range in.settings(tcpTWBucketsKey) {
		if s.entry.Commented || s.file.Ignored != "" || s.file.Error != "" {
			continue
		}
		same := func(o setting) bool { return identity(o.file) == identity(s.file) }
		if i := slices.IndexFunc(list, same); i >= 0 {
			list[i] = s
			continue
		}
		list = append(list, s)
	}
	return list
}

// identity is what a path leads to.
func identity(f *audit.ConfigFile) string {
	if f.Target != "" {
		return f.Target
	}
	return f.Path
}
