package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"twaudit/internal/audit"
)

const indent = "  "

// renderJSON writes the canonical form. Hosts are encoded one at a time, so
// that the text of a large fleet is never in memory as a whole.
func renderJSON(w io.Writer, run *audit.Run, _ Options) error {
	head := *run
	head.Hosts = nil
	frame, err := encode(tidy(head), "", indent)
	if err != nil {
		return fmt.Errorf("encode run: %w", err)
	}
	// hosts is the last field, and empty in the frame.
	frame, isLast := bytes.CutSuffix(frame, []byte("[]\n}"))
	if !isLast {
		return fmt.Errorf("encode run: hosts is not the last field of audit.Run")
	}
	if _, err := w.Write(frame); err != nil {
		return err
	}
	if err := renderHosts(w, run.Hosts); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n}\n")
	return err
}

// renderHosts writes the list as the encoder would have written it in its place,
// two levels deep.
func renderHosts(w io.Writer, hosts []audit.HostResult) error {
	const prefix = indent + indent
	if len(hosts) == 0 {
		_, err := io.WriteString(w, "[]")
		return err
	}
	separator := "[\n" + prefix
	for i := range hosts {
		host, err := encode(tidied(&hosts[i]), prefix, indent)
		if err != nil {
			return fmt.Errorf("encode host %q: %w", hosts[i].Name, err)
		}
		if _, err := io.WriteString(w, separator); err != nil {
			return err
		}
		if _, err := w.Write(host); err != nil {
			return err
		}
		separator = ",\n" + prefix
	}
	_, err := io.WriteString(w, "\n"+indent+"]")
	return err
}

// encode is json.MarshalIndent that leaves <, > and & as they are: the readers
// are programs and people, not a page of HTML.
func encode(v any, prefix, indent string) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, indent)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
