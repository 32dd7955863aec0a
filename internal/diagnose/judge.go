package diagnose

import "twaudit/internal/audit"

// judge gives every table its verdict and the host the worst of them.
//
// Another namespace that could not be read is no reason to call the whole host
// unknown: it makes the coverage partial instead, which is shown and counted.
func (in *input) judge() {
	for _, t := range in.tables {
		in.judgeTable(t)
	}
	in.verdict = in.own.verdict
	for _, t := range in.tables[1:] {
		if t.verdict != audit.VerdictUnknown && t.verdict.Worse(in.verdict) {
			in.verdict = t.verdict
		}
	}
}

// judgeTable goes from the worst verdict to the best. The order matters: fixed
// looks at what overflows and is near, and what is missing counts only where
// nothing is proven.
func (in *input) judgeTable(t *table) {
	t.raise = in.raiseOf(t)
	t.overflowing = in.overflowing(t)
	t.near = in.nearLimit(t)
	happened := in.happened(t)
	t.fixed = in.fixed(t, happened)
	if happened != nil && t.fixed == nil {
		t.overflowed = in.overflowed(t, happened)
	}
	// Whoever is proven to overflow, or to be cured, lacks nothing that a
	// reader should be sent for.
	if t.overflowing == nil && t.overflowed == nil && t.fixed == nil {
		t.missing = in.missing(t)
		t.unknown = in.unknown(t)
	}
	in.advise(t)
	t.verdict = t.worst()
}

// advise fills in what to do about the limit of a table. The worst finding has all
// of it; the others repeat the one step that they are about in the same words, so
// that a reader of them all is told once.
func (in *input) advise(t *table) {
	cure := in.cure(t)
	step := in.step(t)
	for _, f := range []*audit.Finding{t.overflowing, t.overflowed, t.near} {
		if f == nil {
			continue
		}
		f.Advice, cure = cure, nil
		if step != "" {
			cure = []string{step}
		}
	}
}

// worst is the verdict of a table: all that hold are reported, the worst names it.
func (t *table) worst() audit.Verdict {
	switch {
	case t.overflowing != nil:
		return audit.VerdictOverflowing
	case t.overflowed != nil:
		return audit.VerdictOverflowed
	case t.near != nil:
		return audit.VerdictNearLimit
	case t.unknown != nil:
		return audit.VerdictUnknown
	case t.fixed != nil:
		return audit.VerdictFixed
	}
	return audit.VerdictOK
}

// namespaces is the list of the facts with the verdicts filled in.
func (in *input) namespaces() []audit.Namespace {
	if len(in.facts.Namespaces) == 0 {
		return nil
	}
	tables := in.tables
	if !in.listsOwn() {
		tables = tables[1:]
	}
	list := make([]audit.Namespace, len(in.facts.Namespaces))
	for i, n := range in.facts.Namespaces {
		n.Verdict = tables[i].verdict
		list[i] = n
	}
	return list
}
