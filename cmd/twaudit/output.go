package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"twaudit/internal/audit"
	"twaudit/internal/text"
	"twaudit/report"
)

// The formats with a part of their own here; report knows them all.
const (
	defaultFormat = "table"
	liveFormat    = "jsonl" // written host by host, while the run goes on

	collectedFormat = "prom" // read by node_exporter, which is another user
)

// stdoutPath is how the command line writes standard output.
const stdoutPath = "-"

// output is one requested result.
type output struct {
	format string
	path   string // stdoutPath or a file
}

// parseOutputs reads the values of --format (FORMAT or FORMAT=FILE) and the one
// of --output, which names the file when there is one format.
func parseOutputs(values []string, file string) ([]output, error) {
	if len(values) == 0 {
		values = []string{formatOf(file)}
	}
	var outputs []output
	for _, value := range values {
		format, path, named := strings.Cut(value, "=")
		if !slices.Contains(report.Formats(), format) {
			return nil, &usageError{fmt.Errorf("unknown format %q: choose %s", text.CleanMax(format, 40), alternatives(report.Formats())), ""}
		}
		switch {
		case named && path == "":
			return nil, &usageError{fmt.Errorf("--format %s names no file", value), "write FORMAT=FILE, FORMAT=- or FORMAT alone"}
		case !named:
			path = stdoutPath
		}
		outputs = append(outputs, output{format, path})
	}
	// --output is for the common case of one result; with several it would have
	// to guess which one is meant.
	if file == "" {
		return outputs, nil
	}
	if len(outputs) > 1 || strings.Contains(values[0], "=") {
		return nil, &usageError{errors.New("--output names the file of one format"), "with several formats, or a file in --format, write --format FORMAT=FILE for each"}
	}
	outputs[0].path = file
	return outputs, nil
}

// formatOf is the format that a file's name asks for when nothing else does.
func formatOf(file string) string {
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))
	switch ending {
	case "md":
		ending = "markdown"
	case "htm":
		ending = "html"
	}
	if slices.Contains(report.Formats(), ending) {
		return ending
	}
	return defaultFormat
}

// openOutput is an output with the place it goes to. A failed write is kept, and
// said once at the end, so that one full disk costs no other output.
type openOutput struct {
	output
	place *place
	live  *live // of a format that is written host by host; else nil
	err   error
}

// outputSet are the outputs of a run.
type outputSet []*openOutput

// openOutputs opens every place, so that what cannot be written is known before
// the first host is asked. forbidden are files that the run reads.
func openOutputs(outputs []output, stdout io.Writer, forbidden []string) (outputSet, error) {
	var set outputSet
	for _, o := range outputs {
		p, err := openPlace(o.path, stdout)
		if err == nil {
			err = set.clash(p, forbidden)
		}
		if err == nil && o.format == collectedFormat {
			err = p.publish()
		}
		if err != nil {
			p.discard()
			set.discard()
			return nil, err
		}
		set = append(set, &openOutput{output: o, place: p})
	}
	return set, nil
}

// clash reports whether p is where another output goes or what the run reads:
// the second of two renames would win silently, and an inventory that was
// replaced by a report is gone.
func (set outputSet) clash(p *place, forbidden []string) error {
	for _, other := range set {
		if p.same(other.place) {
			return &usageError{fmt.Errorf("two outputs go to %s", p.name), "give each format its own file: --format FORMAT=FILE"}
		}
	}
	for _, path := range forbidden {
		if info, err := os.Stat(path); err == nil && p.info != nil && os.SameFile(info, p.info) && !isNull(info) {
			return &usageError{fmt.Errorf("the output %s is a file that this run reads", p.name), "write it to another file"}
		}
	}
	return nil
}

// discard gives up what was not committed.
func (set outputSet) discard() {
	for _, o := range set {
		o.place.discard()
	}
}

// removal removes what an abrupt end would leave behind. It works on names alone,
// because the outputs may be in use at that moment; a file that was renamed
// meanwhile is no longer there under its temporary name.
func (set outputSet) removal() func() {
	var temporary []string
	for _, o := range set {
		if o.place.renaming {
			temporary = append(temporary, o.place.file.Name())
		}
	}
	return func() {
		for _, name := range temporary {
			os.Remove(name)
		}
	}
}

// startLive prepares the outputs that are written host by host, for a run of so
// many hosts.
func (set outputSet) startLive(hosts int) {
	for _, o := range set {
		if o.format == liveFormat {
			o.live = startLive(o.place, hosts)
		}
	}
}

// liveOn reports whether a live output goes to a terminal, by the caller's
// notion of one: a progress bar would tear its lines.
func (set outputSet) liveOn(isTerminal func(any) bool) bool {
	return slices.ContainsFunc(set, func(o *openOutput) bool {
		return o.format == liveFormat && isTerminal(o.place.w)
	})
}

// live reports whether there is an output that is written host by host.
func (set outputSet) live() bool {
	return slices.ContainsFunc(set, func(o *openOutput) bool { return o.live != nil })
}

// host passes one finished host to the live outputs.
func (set outputSet) host(result *audit.HostResult) {
	for _, o := range set {
		if o.live != nil {
			o.live.host(result)
		}
	}
}

// write renders the finished run into every output and puts the files in their
// places. It tries all of them and joins the errors. Regular files come first:
// whoever reads a pipe may have stopped.
func (set outputSet) write(run *audit.Run, style func(*place) report.Options) error {
	var errs []error
	files := func(o *openOutput) bool { return o.place.renaming }
	for _, o := range slices.Concat(keep(set, files), keep(set, func(o *openOutput) bool { return !files(o) })) {
		if o.err == nil {
			o.err = o.render(run, style(o.place))
		}
		if o.err == nil {
			o.err = o.place.commit()
		}
		if o.err != nil {
			o.place.discard()
			errs = append(errs, fmt.Errorf("write %s to %s: %w", o.format, o.place.name, o.err))
		}
	}
	return errors.Join(errs...)
}

// savedRun is the file that holds the whole run when all is written; empty when
// there is none that can be read again.
func (set outputSet) savedRun() string {
	for _, o := range set {
		if o.format == "json" && o.place.renaming {
			return o.path
		}
	}
	return ""
}

// keep returns the outputs for which is holds.
func keep(set outputSet, is func(*openOutput) bool) outputSet {
	return slices.DeleteFunc(slices.Clone(set), func(o *openOutput) bool { return !is(o) })
}

// render writes the run, or for a live output what it has not had.
func (o *openOutput) render(run *audit.Run, options report.Options) error {
	if o.live != nil {
		return o.live.close(run)
	}
	// Renderers write in crumbs, and a place writes through to the file.
	buffered := bufio.NewWriter(o.place)
	if err := report.Render(buffered, run, o.format, options); err != nil {
		return err
	}
	return buffered.Flush()
}
