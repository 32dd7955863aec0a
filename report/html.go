package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

//go:embed page
var pageFiles embed.FS

// scripts are the parts of the page's script, in their order: later parts use the names
// of earlier ones as soon as they are read.
func scripts() []string {
	return []string{"core", "data", "state", "cells", "table", "map", "scatter", "timeline", "commands", "sections", "drawer", "main"}
}

// renderHTML writes one file that needs nothing else: no network, no other file.
// The summary and the worst hosts are plain HTML, for readers without a script;
// the whole run is inside, packed, and the script draws the rest from it. A host
// cannot run anything there: html/template escapes, the script builds nodes from
// text only, and the policy of the page allows its own script and style, by hash.
func renderHTML(w io.Writer, run *audit.Run, _ Options) error {
	page, err := newHTMLPage(run)
	if err != nil {
		return fmt.Errorf("make HTML: %w", err)
	}
	t, err := template.ParseFS(pageFiles, "page/*.tmpl")
	if err != nil {
		return fmt.Errorf("make HTML: %w", err)
	}
	return t.ExecuteTemplate(w, "page.tmpl", page)
}

// htmlPage is what page.tmpl shows.
type htmlPage struct {
	Policy template.HTMLAttr
	Style  template.CSS
	Script template.JS
	htmlData

	Title    string
	Lede     string // the run in one sentence
	Run      audit.Meta
	Tool     audit.Tool
	Took     string
	Partial  string // what a partial run lacks; empty when it is whole
	Notes    []string
	Hosts    int
	Cards    []htmlCard
	Kinds    []htmlKind // of hosts that there are
	Topics   []htmlTopic
	Fleet    []audit.Finding
	Limits   []htmlLimit
	Failures []htmlStage
	Gaps     []htmlGap
	Rows     []htmlRow // the worst
	Measures string
}

// newHTMLPage gathers all that the template shows. Every text in it is bounded, but for
// the packed data: a page with a megabyte in one name would still open.
func newHTMLPage(run *audit.Run) (*htmlPage, error) {
	script, err := assets(".js", scripts()...)
	if err != nil {
		return nil, err
	}
	script = "(() => {\n\"use strict\";\n" + script + "})();\n"
	style, err := assets(".css", "style", "parts")
	if err != nil {
		return nil, err
	}
	data, err := packHTML(run)
	if err != nil {
		return nil, err
	}
	counts := countKinds(run.Hosts)
	lede := htmlLede(run, counts)
	return &htmlPage{
		Policy: policy(script, style), Style: template.CSS(style), Script: template.JS(script), htmlData: data,
		Title: "twaudit: " + lede, Lede: lede, Run: run.Meta, Tool: run.Tool,
		Took:    took(run.Meta),
		Partial: htmlPartial(run), Notes: htmlNotes(run), Hosts: len(run.Hosts),
		Cards: htmlCards(run, counts), Kinds: htmlKinds(counts, len(run.Hosts)),
		Topics: htmlTopics(run), Fleet: htmlFleet(run), Limits: htmlLimits(run.Hosts),
		Failures: htmlFailures(run.Hosts), Gaps: htmlGaps(run.Hosts), Rows: htmlRows(run),
		Measures: htmlMeasures(run.Meta.Limits),
	}, nil
}

// htmlNotes are the notes of a run. A page is no place for a thousand of them.
func htmlNotes(run *audit.Run) []string {
	const most = 20
	var notes []string
	for _, note := range run.Notes[:min(len(run.Notes), most)] {
		notes = append(notes, clipped(note, 600))
	}
	return notes
}

// assets joins files of the page.
func assets(suffix string, names ...string) (string, error) {
	var all strings.Builder
	for _, name := range names {
		part, err := pageFiles.ReadFile("page/" + name + suffix)
		if err != nil {
			return "", err
		}
		all.Write(part)
	}
	return all.String(), nil
}

// policy allows the page's own script and style and nothing else: whatever a host
// smuggled in would be refused, and so would a request to anywhere. Trusted types
// forbid the script itself to make markup from text.
func policy(script, style string) template.HTMLAttr {
	// The exact bytes between the tags count: html/template passes both through as they are.
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return template.HTMLAttr(`content="default-src 'none'; script-src ` + hash(script) + `; style-src ` + hash(style) +
		`; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"`)
}

// htmlMeasures says by which measures the run judged: what near means is a choice.
func htmlMeasures(l audit.Limits) string {
	return fmt.Sprintf("near the limit from %s, critical from %s; evidence counts for %s; now is the last %s",
		percentWords(l.Near), percentWords(l.Critical), shortDuration(l.Since), shortDuration(l.Recent))
}

// shortDuration has no minutes where there are none.
func shortDuration(d time.Duration) string { return strings.TrimSuffix(text.Duration(d), "00m") }

// percentWords drops digits that nobody asked for: 0.8 is 80 %.
func percentWords(share float64) string {
	percent := share * 100
	return decimal(&percent, 1) + " %"
}

// when is a time as the page shows it, in its own zone; empty when it is none.
func when(t time.Time) string {
	if t.IsZero() || !hasRFC3339(t) {
		return ""
	}
	return t.Format("2006-01-02 15:04 -07:00")
}

// took is as in the other reports, and empty for a run that does not say when it began.
func took(m audit.Meta) string {
	if m.StartedAt.IsZero() {
		return ""
	}
	return lasted(&m)
}

// Finished is when the run ended; all relative times of the page count from then.
func (p *htmlPage) Finished() string { return when(p.Run.FinishedAt) }
