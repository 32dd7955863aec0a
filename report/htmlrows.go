package report

import (
	"math"
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
		Overflows: overflowWords(h, text.Count, func(plain string) string { return plain }), Last: htmlLast(h, now), Config: htmlConfig(h, now),
		Room: roomWords(h, "–", "×"), Also: clipped(also, maxHTMLCell),
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

func htmlLast(h subject, now time.Time) string {
	ago := func(at time.Time) string { return agoWords(at, now) }
	return lastWords(h, lastStyle{none: "–", now: now, on: ago,
		since: func(at time.Time) string {
			if facts, _, _ := parts(h.HostResult); facts.Host.BootedAt != nil && at.Equal(*facts.Host.BootedAt) {
				return "since boot, " + ago(at)
			}
			return "within " + text.Duration(max(now.Sub(at), 0))
		},
		span: func(from, to time.Time) string { return text.Duration(max(now.Sub(to), 0)) + " to " + ago(from) },
	})
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

// htmlConfig is what the files say and since when, which is not what runs.
func htmlConfig(h subject, now time.Time) string {
	words := configuredWords(h, "–", text.Count)
	if _, config, _ := loginParts(h); config.Value != nil && config.ChangedAt != nil {
		words += ", " + agoWords(*config.ChangedAt, now)
	}
	return words
}
