package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// maxHTMLRows is how many hosts are rows of plain HTML. It is the first page of
// the table that the script makes.
const maxHTMLRows = 100

// maxHTMLCell bounds the text of a cell, in characters.
const maxHTMLCell = 240

// htmlRow is a row of the table in words. The index hands the same words to the
// script, so that both make the same row.
type htmlRow struct {
	Kind   string
	Word   string // the verdict or status, with a star when not all was seen
	Name   string
	Groups string
	Bar    string // width of the bar, 0 to 100; empty: none
	Full   string // class of the bar: near, critical
	htmlCells
}

// htmlCells are the words of a row that are more than a plain value.
type htmlCells struct {
	Used, Fill, Overflows, Last, Config, Room, Also string
}

// htmlRows are the worst hosts: the order of the run is that.
func htmlRows(run *audit.Run) []htmlRow {
	var rows []htmlRow
	for i := range run.Hosts[:min(len(run.Hosts), maxHTMLRows)] {
		h := subjectOf(&run.Hosts[i])
		row := htmlRow{Kind: kindOf(h.HostResult), Word: htmlWord(h.HostResult), Name: clipped(h.Name, maxHTMLCell),
			Groups: clipped(strings.Join(h.Groups, ", "), maxHTMLCell), htmlCells: htmlCellsOf(h, run.Meta.FinishedAt)}
		if h.Ratio != nil {
			row.Bar = whole(percentOf(*h.Ratio))
			switch {
			case *h.Ratio >= run.Meta.Limits.Critical:
				row.Full = "critical"
			case *h.Ratio >= run.Meta.Limits.Near:
				row.Full = "near"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// percentOf is a share between 0 and 1 in whole per cent: a bar is no longer than
// its box.
func percentOf(ratio float64) *int64 {
	percent := int64(math.Round(min(max(ratio, 0), 1) * 100))
	return &percent
}

// htmlWord is the verdict, or the status of a host that has none.
func htmlWord(h *audit.HostResult) string {
	switch {
	case h.Status != audit.StatusAudited:
		return kindOf(h)
	case h.Coverage == audit.CoveragePartial:
		return clipped(string(h.Verdict), 40) + "*"
	}
	return clipped(string(h.Verdict), 40)
}

// htmlCellsOf writes "?" for what was not read, as the table format does: it is not
// zero, and an empty cell could be taken for it.
func htmlCellsOf(h subject, now time.Time) htmlCells {
	if h.Status != audit.StatusAudited {
		return htmlCells{Also: clipped(htmlFailure(h.HostResult), maxHTMLCell)}
	}
	// The numbers may be those of a container, which has to be said.
	also := strings.Join(flags(h.HostResult), ", ")
	if h.namespace != "" {
		also = strings.TrimSuffix("in "+clipped(h.namespace, 80)+"; "+also, "; ")
	}
	return htmlCells{
		Used: used(h), Fill: countOf(h.Buckets) + " / " + countOf(h.Limit),
		Overflows: overflowWords(h), Last: lastWords(h, now), Config: configWords(h, now),
		Room: roomWords(h), Also: clipped(also, maxHTMLCell),
	}
}

// htmlFailure is why a host has no verdict.
func htmlFailure(h *audit.HostResult) string {
	switch {
	case h.Status != audit.StatusFailed:
		return "never asked: the run ended first"
	case h.Failure == nil:
		return "no reason is given"
	case h.Failure.Via != "":
		return string(h.Failure.Stage) + " via " + h.Failure.Via + ": " + h.Failure.Message
	}
	return string(h.Failure.Stage) + ": " + h.Failure.Message
}

// countOf is "?" for what was not read.
func countOf(n *int64) string {
	if n == nil {
		return "?"
	}
	return text.Count(*n)
}

// overflowWords are the sockets destroyed by the counter, and what the log of a
// kernel without one says.
func overflowWords(h subject) string {
	var words []string
	if h.OverflowTotal != nil {
		words = append(words, text.Count(*h.OverflowTotal))
	}
	if h.OverflowDelta != nil && *h.OverflowDelta > 0 {
		words = append(words, "+"+text.Count(*h.OverflowDelta))
	}
	// A log without a line says nothing beside a counter.
	if _, _, log := loginParts(h); log.OverflowLines != nil && (*log.OverflowLines > 0 || h.OverflowTotal == nil) {
		words = append(words, text.Count(*log.OverflowLines)+" lines")
	}
	if len(words) == 0 {
		return "?"
	}
	return strings.Join(words, " ")
}

// lastMoment is when the last overflow was. sinceBoot: at an unknown time after
// at, which is the boot.
func lastMoment(h subject, now time.Time) (at *time.Time, sinceBoot bool) {
	facts, _, log := parts(h.HostResult)
	switch {
	case h.OverflowDelta != nil && *h.OverflowDelta > 0:
		return &now, false
	case h.namespace == "" && log.Last != nil:
		return log.Last, false
	case h.OverflowTotal != nil && *h.OverflowTotal > 0:
		return facts.Host.BootedAt, true
	}
	return nil, false
}

// lastWords is "–" where nothing overflowed as far as is known, and "?" where it did
// and even the boot has no date.
func lastWords(h subject, now time.Time) string {
	at, sinceBoot := lastMoment(h, now)
	switch {
	case at == nil && sinceBoot:
		return "?"
	case at == nil:
		return "–"
	case sinceBoot:
		return "since boot, " + agoWords(*at, now)
	}
	return agoWords(*at, now)
}

// agoWords is the time from at to now. A clock may be wrong, or lie.
func agoWords(at, now time.Time) string {
	d := now.Sub(at)
	switch {
	case d < -time.Minute:
		return "in " + text.Duration(-d)
	case d < time.Minute:
		return "now"
	}
	return text.Duration(d) + " ago"
}

// configWords is what the files say and since when, which is not what runs.
func configWords(h subject, now time.Time) string {
	facts, config, _ := loginParts(h)
	switch {
	case h.namespace != "":
		return "–"
	case facts.Config == nil:
		return "?"
	case config.Value == nil:
		return "none"
	case config.ChangedAt == nil:
		return text.Count(*config.Value)
	}
	return text.Count(*config.Value) + ", " + agoWords(*config.ChangedAt, now)
}

// roomWords is how much of this load the limit sustains: below 1× the table fills.
// It was estimated for the namespace of the login only.
func roomWords(h subject) string {
	if h.namespace != "" || h.Headroom == nil || h.Headroom.LoadFactor == nil {
		return "–"
	}
	factor := *h.Headroom.LoadFactor
	switch {
	case factor >= 100:
		return ">99×"
	case factor >= 10:
		return strconv.FormatFloat(factor, 'f', 0, 64) + "×"
	}
	return strconv.FormatFloat(factor, 'f', 1, 64) + "×"
}
