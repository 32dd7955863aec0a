package report

import (
	"fmt"
	"io"

	"twaudit/internal/audit"
)

// renderLines writes one host on each line, in the order of the run.
func renderLines(w io.Writer, run *audit.Run, _ Options) error {
	for i := range run.Hosts {
		if err := Line(w, &run.Hosts[i]); err != nil {
			return err
		}
	}
	return nil
}

// Line writes one host as one line: the object that hosts[] of the JSON form
// holds, in one call of w.Write.
func Line(w io.Writer, host *audit.HostResult) error {
	line, err := encode(tidied(host), "", "")
	if err != nil {
		return fmt.Errorf("encode host %q: %w", host.Name, err)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// Stream writes hosts as lines while a run goes on, in the order in which they
// end. It is for one goroutine. Unlike the other formats it holds nothing that
// is known only at the end, such as findings about the fleet.
type Stream struct {
	w       io.Writer
	written map[string]bool
}

// NewStream starts a stream. Each host is written to w at once.
func NewStream(w io.Writer) *Stream { return &Stream{w: w, written: map[string]bool{}} }

// Host writes one host that has ended.
func (s *Stream) Host(host *audit.HostResult) error {
	s.written[host.Name] = true
	return Line(s.w, host)
}

// Close writes what hosts of the finished run the stream has not had. It does
// not close the writer.
func (s *Stream) Close(run *audit.Run) error {
	for i := range run.Hosts {
		if host := &run.Hosts[i]; !s.written[host.Name] {
			if err := s.Host(host); err != nil {
				return err
			}
		}
	}
	return nil
}
