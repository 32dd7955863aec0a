package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Host writes all that run says of h, one of its hosts, as a page for people:
// the verdict, a timeline, numbers against their limits, who makes the sockets,
// evidence, what was not read, and what to do. Relative times count from the
// host's clock when it was asked. The same run gives the same bytes.
func Host(w io.Writer, run *audit.Run, h *audit.HostResult, o Options) error {
	p := newPage(run, h, o)
	p.head()
	switch h.Status {
	case audit.StatusAudited:
		p.audited()
	case audit.StatusFailed:
		p.failure()
	default:
		p.line("  ", "the run ended before this host was asked")
	}
	_, err := w.Write(p.Bytes())
	return err
}

// HostJSON writes h as it stands in the list of hosts of a run's JSON form.
func HostJSON(w io.Writer, h *audit.HostResult) error {
	object, err := encode(tidy(*h), "", indent)
	if err != nil {
		return fmt.Errorf("encode host %q: %w", h.Name, err)
	}
	_, err = w.Write(append(object, '\n'))
	return err
}

// narrowest is the least width that a page is made for: below it, lines are
// longer than the terminal.
const narrowest = 60

// page is the screen of one host.
type page struct {
	*screen
	run    *audit.Run
	host   *audit.HostResult
	facts  audit.Facts // empty when the host was not audited
	config audit.Config
	log    audit.Log
}

// newPage counts times from the host's own clock, which stamped its files and
// logs: a saved answer may be judged weeks later, and a clock may be wrong.
func newPage(run *audit.Run, h *audit.HostResult, o Options) *page {
	if o.Width > 0 {
		o.Width = max(o.Width, narrowest)
	} else {
		o.Wide = true
	}
	p := &page{screen: &screen{Options: o, now: run.Meta.FinishedAt, exact: true}, run: run, host: h}
	p.facts, p.config, p.log = parts(h)
	if clock := p.facts.Host.Clock; clock != nil {
		p.now = *clock
	}
	return p
}

// audited is the page below the head, from what is wrong to what to do.
func (p *page) audited() {
	p.timeline()
	p.numbers()
	p.headroomLines()
	p.states()
	p.namespaces()
	p.makers()
	p.evidence()
	p.sources()
	p.unread()
	p.advice()
}

// head is the verdict in one sentence, and who the host is.
func (p *page) head() {
	h := p.host
	if h.Status != audit.StatusAudited {
		p.line("", p.paint(bold, h.Name)+": "+p.paint(boldRed, endWords(h)))
		return
	}
	_, hue := mark(h.Verdict)
	p.line("", p.paint(bold, h.Name)+": "+p.paint(hue, plainVerdict(h)))
	p.line("  ", p.verdictSentence())
	if h.Coverage == audit.CoveragePartial {
		p.line("  ", "* namespaces or containers were found that could not be read")
	}
	if who := p.identity(); who != "" {
		p.line("  ", p.paint(faint, who))
	}
	p.line("  ", p.paint(faint, p.asked()))
}

// endWords are how a host without a verdict ended. Most stages are a place where it
// failed; those of the clock and of the run are none.
func endWords(h *audit.HostResult) string {
	if h.Failure == nil {
		return string(h.Status)
	}
	words := string(h.Status) + " at " + string(h.Failure.Stage)
	switch h.Failure.Stage {
	case audit.StageInterrupted:
		words = "cut off, the run was interrupted"
	case audit.StageDeadline:
		words = "cut off, the run's time was used up"
	case audit.StageTimeout:
		words = "failed, its time was used up"
	case audit.StageNotLinux:
		words = "failed, it is no Linux"
	case audit.StageInternal:
		words = "failed by a mistake of twaudit"
	}
	if h.Failure.Via != "" {
		words += " via " + h.Failure.Via
	}
	return words
}

// verdictSentence is the title of the finding that the verdict is named after. A
// run of another version may have none.
func (p *page) verdictSentence() string {
	for _, f := range p.host.Findings {
		if f.Rule == string(p.host.Verdict) {
			return f.Title
		}
	}
	return "the run holds no finding that says why"
}

// identity is the system, as far as it is known.
func (p *page) identity() string {
	var words []string
	host := p.facts.Host
	if host.OS != "" {
		words = append(words, host.OS)
	}
	if host.Kernel != "" {
		words = append(words, strings.TrimSpace("kernel "+host.Kernel+" "+host.Arch))
	}
	if host.Virtualization != "" {
		words = append(words, "inside "+host.Virtualization)
	}
	if host.Hostname != "" && host.Hostname != p.host.Name {
		words = append(words, "calls itself "+host.Hostname)
	}
	if len(p.host.Groups) > 0 {
		words = append(words, "in "+strings.Join(p.host.Groups, ", "))
	}
	return strings.Join(words, "; ")
}

// asked is when and as whom. An answer without a skewed clock that is much older
// than the run was saved by hand: what the page calls now is then.
func (p *page) asked() string {
	words := "asked at " + p.stamp(p.now) + " (" + p.zone() + ")"
	if uid := p.facts.Host.UID; uid != nil {
		who := fmt.Sprintf("uid %d, not root", *uid)
		if *uid == 0 {
			who = "root"
		}
		words += " as " + who
	}
	age := p.run.Meta.FinishedAt.Sub(p.now)
	if p.facts.Host.Clock != nil && p.facts.Host.ClockSkewMS == nil && age >= time.Hour {
		words += ", " + text.Duration(age) + " before this run; times below count from then"
	}
	return words
}

// stamp is a time by the host's clock, without its zone, which stands once on
// the page.
func (p *page) stamp(t time.Time) string { return t.In(p.now.Location()).Format(time.DateTime) }

// zone says by whose clock the page counts: without the host's there is only ours.
func (p *page) zone() string {
	if p.facts.Host.Clock == nil {
		return "our clock, UTC" + p.now.Format("-07:00")
	}
	return "host's clock, UTC" + p.now.Format("-07:00")
}

// failure is why a host has no verdict, and the way out.
func (p *page) failure() {
	f := p.host.Failure
	if f == nil {
		p.line("  ", "no reason is given")
		return
	}
	p.line("  ", f.Message)
	if f.Hint != "" {
		p.hint("  "+p.paint(cyan, "hint: "), f.Hint)
	}
	p.lastKnown()
}

// evidence is every finding with what it rests on; what to do stands at the end
// of the page.
func (p *page) evidence() {
	for i, f := range p.host.Findings {
		if i == 0 {
			p.section("Findings")
		}
		p.line("  ", p.paint(severityHue(f.Severity), f.Rule)+" ("+string(f.Severity)+")")
		p.line("    ", f.Title)
		for _, e := range f.Evidence {
			words := e.Text
			if at := p.origin(e); at != "" {
				words += " (" + at + ")"
			}
			p.line("    - ", words)
		}
	}
}

// origin is where a piece of evidence was read, and of when it is.
func (p *page) origin(e audit.Evidence) string {
	switch {
	case e.At == nil:
		return e.Source
	case e.Source == "":
		return p.stamp(*e.At)
	}
	return e.Source + ", " + p.stamp(*e.At)
}

// unread is what was not read, and what would allow it.
func (p *page) unread() {
	for i, g := range p.host.Gaps {
		if i == 0 {
			p.section("Not read")
		}
		p.line("  ", p.paint(magenta, g.Section)+": "+g.Reason)
		if g.Remedy != "" {
			p.line("    "+p.paint(cyan, "> "), g.Remedy)
		}
	}
}

// advice is each thing to do once, from the worst finding on. A milder verdict
// beside the given one advises less of the same, unless it is about another
// namespace.
func (p *page) advice() {
	var said []string
	for _, f := range p.host.Findings {
		milder := p.host.Verdict.Worse(audit.Verdict(f.Rule)) && slices.Contains(audit.Verdicts, audit.Verdict(f.Rule))
		if milder && len(p.facts.Namespaces) < 2 {
			continue
		}
		for _, words := range f.Advice {
			if slices.Contains(said, words) {
				continue
			}
			if len(said) == 0 {
				p.section("What to do")
			}
			said = append(said, words)
			p.line(fmt.Sprintf("  %s ", p.paint(cyan, fmt.Sprintf("%d.", len(said)))), words+" "+p.paint(faint, "("+f.Rule+")"))
		}
	}
}

// section begins a part of the page; unlike a heading of the table, a title may
// hold words of the host.
func (p *page) section(title string) {
	p.WriteString("\n")
	p.line("", p.paint(bold, title))
}

// labelled is a line with a label before it, for short lists of unlike things.
func (p *page) labelled(label, words string) {
	const room = 22
	p.line("  "+pad(label, room)+" ", words)
}

// pad fills s up with blanks.
func pad(s string, cells int) string { return s + strings.Repeat(" ", max(cells-width(s), 0)) }
