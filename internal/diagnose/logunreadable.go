package diagnose

import "twaudit/internal/audit"

// Only on kernels whose log is the evidence. Flagging it elsewhere would put a
// flag on every host with an ordinary login.
func logUnreadableRule() Rule {
	return Rule{
		ID: "log-unreadable", Severity: audit.SeverityWarning,
		Also:  []Grade{{audit.SeverityInfo, "when a part of it could be read"}},
		Title: "the kernel log could not be read, and on this kernel it is the evidence",
		Meaning: "Kernels before 2.6.38 print an overflow and do not count it. Without their log nothing can be said. " +
			"Newer kernels never print it: there an unreadable log costs the verdict nothing, and this rule is silent.",
		Needs:   []string{"the kernel's release"},
		Advice:  []string{"Add the login to group adm or systemd-journal, or scan with --sudo"},
		Sources: []string{"Linux commit 67631510a318"},
		check:   logUnreadable,
	}
}

// logUnreadable is silent where what could be read is proof enough.
func logUnreadable(in *input) []audit.Finding {
	if in.own.total != nil || in.kernel.known && !in.kernel.mayLog() {
		return nil
	}
	reasons, evidence := in.refusedLogs()
	log := in.facts.Log
	f := audit.Finding{Title: "no kernel log could be read", Evidence: evidence}
	if log != nil && log.OverflowLines != nil && len(in.watchers()) > 0 {
		if _, _, doubt := in.silence(); doubt == "" || len(reasons) == 0 {
			return nil
		}
		f.Title, f.Severity = "part of the kernel log could not be read", audit.SeverityInfo
	}
	if len(reasons) > 0 {
		f.Title += ": " + enumerate(reasons)
	}
	if remedy := in.remedyFor(doubt{section: "log"}); remedy != "" {
		f.Advice = []string{remedy}
	}
	return []audit.Finding{f}
}

// refusedLogs lists the sources with an error.
func (in *input) refusedLogs() (reasons []string, evidence []audit.Evidence) {
	if in.facts.Log == nil {
		return nil, nil
	}
	for i := range in.facts.Log.Sources {
		if s := &in.facts.Log.Sources[i]; s.Error != "" {
			reasons = append(reasons, s.Path+": "+s.Error)
			evidence = append(evidence, audit.Evidence{Text: s.Error, Source: s.Path})
		}
	}
	return reasons, evidence
}
