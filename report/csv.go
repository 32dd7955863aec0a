package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"twaudit/internal/audit"
)

// csvColumns are the columns in their order, which is part of the contract.
func csvColumns() []string {
	return strings.Split("host,groups,status,verdict,coverage,flags,buckets,limit,ratio,"+
		"overflow_total,overflow_delta,overflow_lines,suppressed,first_overflow,last_overflow,"+
		"config_value,config_source,config_changed_at,sysctl_conf_changed_at,close_rate,"+
		"time_wait,syn_recv,established,kernel,os,booted_at,failure_stage,failure,gaps", ",")
}

// renderCSV writes RFC 4180: comma, CRLF, quotes where needed, one header row.
// Absent is an empty cell. Times are RFC 3339, lists are joined by semicolons.
func renderCSV(w io.Writer, run *audit.Run, _ Options) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(csvColumns()); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	for i := range run.Hosts {
		if err := out.Write(csvRow(&run.Hosts[i])); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// csvRow has the numbers of the namespace of the login, as the contract says, also
// when the verdict comes from another one: a table of numbers that mean different
// things in each row cannot be added up.
func csvRow(h *audit.HostResult) []string {
	facts, config, log := parts(h)
	var failure audit.Failure
	if h.Failure != nil {
		failure = *h.Failure
	}
	var headroom audit.Headroom
	if h.Headroom != nil {
		headroom = *h.Headroom
	}
	tw := facts.TimeWait
	return []string{
		word(h.Name), words(h.Groups), word(string(h.Status)), word(string(h.Verdict)), word(string(h.Coverage)), words(h.Flags),
		whole(tw.Buckets), whole(tw.Limit), decimal(tw.Ratio, 4),
		whole(tw.OverflowTotal), whole(tw.OverflowDelta), whole(log.OverflowLines), whole(log.Suppressed),
		moment(log.First), moment(lastBound(ownSubject(h))),
		whole(config.Value), word(config.Source), moment(config.ChangedAt), moment(config.SysctlConfChangedAt),
		decimal(headroom.CloseRate, 1),
		state(facts, "TIME_WAIT"), state(facts, "SYN_RECV"), state(facts, "ESTABLISHED"),
		word(facts.Host.Kernel), word(facts.Host.OS), moment(facts.Host.BootedAt),
		word(string(failure.Stage)), word(failure.Message), words(gapTexts(h.Gaps)),
	}
}

// parts are the facts of a host with nothing nil, so that readers of a field
// need no condition: what is absent is nil in the empty parts too.
func parts(h *audit.HostResult) (facts audit.Facts, config audit.Config, log audit.Log) {
	if h.Facts == nil {
		return
	}
	facts = *h.Facts
	if facts.Config != nil {
		config = *facts.Config
	}
	if facts.Log != nil {
		log = *facts.Log
	}
	return
}

func gapTexts(gaps []audit.Gap) []string {
	var texts []string
	for _, g := range gaps {
		texts = append(texts, g.Section+": "+g.Reason)
	}
	return texts
}

// word is a cell of text. One that a spreadsheet would run as a formula gets a
// quote in front (they skip blanks before the sign), which spreadsheets take as "this is text" and hide; the
// full-width signs are formulas to some that are set to Japanese or Chinese.
func word(s string) string {
	inner := strings.TrimLeftFunc(s, func(c rune) bool { return unicode.IsSpace(c) || unicode.Is(unicode.Cf, c) })
	if strings.IndexAny(s, "\t\r\n") == 0 || strings.IndexAny(inner, "=+-@＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}

// words are the elements of a list, each made inert by itself: where the list
// separator of a spreadsheet is the semicolon, each becomes a cell.
func words(list []string) string {
	cells := make([]string, len(list))
	for i, s := range list {
		cells[i] = word(strings.ReplaceAll(s, ";", ","))
	}
	return strings.Join(cells, ";")
}

// whole, decimal, moment and state are never text of a stranger: a negative
// number stays a number.
func whole(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// decimal rounds, because the rest of a measured rate is noise, and writes no
// exponent, which some spreadsheets take for text.
func decimal(f *float64, digits int) string {
	if f == nil || math.IsNaN(*f) || math.IsInf(*f, 0) {
		return ""
	}
	scale := math.Pow10(digits)
	return strconv.FormatFloat(math.Round(*f*scale)/scale, 'f', -1, 64)
}

// moment keeps the offset of the host: its own logs are read beside this.
func moment(t *time.Time) string {
	if t == nil || !hasRFC3339(*t) {
		return ""
	}
	return t.Format(time.RFC3339)
}

// state is empty also for a state that the source did not list: sources that
// leave TIME_WAIT out exist, and absent is not zero.
func state(facts audit.Facts, name string) string {
	if n, listed := facts.TCPStates[name]; listed {
		return strconv.FormatInt(n, 10)
	}
	return ""
}
