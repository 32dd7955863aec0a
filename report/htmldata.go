package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"twaudit/internal/audit"
)

// hostsPerPart is how many hosts are packed together: one part is unpacked to
// show one host, and larger ones pack hardly better.
const hostsPerPart = 64

// htmlData is the run inside the page, each piece packed with gzip and written in
// the URL alphabet of base64, which no escaping touches.
type htmlData struct {
	Index string   // what the table, map and charts need of every host
	Head  string   // the JSON form without its hosts
	CSV   string   // the CSV form
	Parts []string // the hosts, as JSON lines
}

// packHTML packs a run without the hints of failures: they may name local files
// and users, and a page is made to be passed on. It uses every processor, since
// packing is nearly all that a page costs; the result does not depend on how many.
func packHTML(run *audit.Run) (htmlData, error) {
	var data htmlData
	data.Parts = make([]string, (len(run.Hosts)+hostsPerPart-1)/hostsPerPart)
	var group errgroup.Group // Wait below ends all of its goroutines
	// It writes other fields than the parts do.
	group.Go(func() error { return packSummaries(run, &data) })
	// Parts are dealt out by turns instead of by a queue: they are alike in size.
	workers := min(runtime.GOMAXPROCS(0), len(data.Parts))
	for first := range workers {
		group.Go(func() error {
			p := newPacker()
			for i := first; i < len(data.Parts); i += workers {
				begin := i * hostsPerPart
				part, err := p.hosts(run.Hosts[begin:min(begin+hostsPerPart, len(run.Hosts))])
				if err != nil {
					return err
				}
				data.Parts[i] = part
			}
			return nil
		})
	}
	return data, group.Wait()
}

// packSummaries packs what is about all hosts at once.
func packSummaries(run *audit.Run, data *htmlData) error {
	p := newPacker()
	var err error
	if data.Index, err = p.index(run); err != nil {
		return err
	}
	head := *run
	head.Hosts = nil
	if data.Head, err = p.json(tidy(head)); err != nil {
		return err
	}
	p.begin()
	if err := renderCSV(p.zip, run, Options{}); err != nil {
		return err
	}
	data.CSV = p.end()
	return nil
}

// packer packs one piece after the other.
type packer struct {
	buffer bytes.Buffer
	zip    *gzip.Writer
}

// newPacker takes a level between the fastest, which makes a page of ten thousand
// hosts a third larger, and the default, which costs half again the time.
func newPacker() *packer {
	p := &packer{}
	p.zip, _ = gzip.NewWriterLevel(&p.buffer, 4) // the only error is an unknown level
	return p
}

// begin starts a piece; what is written to p.zip goes into it.
func (p *packer) begin() {
	p.buffer.Reset()
	p.zip.Reset(&p.buffer)
}

// end is the piece. A buffer in memory takes every write.
func (p *packer) end() string {
	p.zip.Close()
	return base64.RawURLEncoding.EncodeToString(p.buffer.Bytes())
}

// json packs one value as a line of JSON.
func (p *packer) json(v any) (string, error) {
	p.begin()
	encoder := json.NewEncoder(p.zip)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	return p.end(), nil
}

// hosts packs hosts as lines.
func (p *packer) hosts(hosts []audit.HostResult) (string, error) {
	p.begin()
	encoder := json.NewEncoder(p.zip)
	encoder.SetEscapeHTML(false)
	for i := range hosts {
		h := &hosts[i]
		if h.Failure != nil && h.Failure.Hint != "" {
			failure, plain := *h.Failure, *h
			failure.Hint, plain.Failure = "", &failure
			h = &plain
		}
		if err := encoder.Encode(tidied(h)); err != nil {
			return "", fmt.Errorf("encode host %q: %w", h.Name, err)
		}
	}
	return p.end(), nil
}
