package main

import (
	"io"
	"strings"
	"testing"

	"twaudit/internal/audit"
)

// A reader that does not read holds its own output and nothing else.
func TestLive_readerThatStopped(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	hosts := []audit.HostResult{{Name: "web1"}, {Name: "web2"}, {Name: "web3"}}
	l := startLive(writer, len(hosts))
	for i := range hosts[:2] {
		l.host(&hosts[i]) // would block for ever if it waited for the reader
	}
	ended := make(chan error)
	go func() { // ends with the stream
		err := l.close(&audit.Run{Hosts: hosts})
		writer.Close()
		ended <- err
	}()
	text, err := io.ReadAll(reader)
	if err != nil || <-ended != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines != 3 || !strings.Contains(string(text), `"web3"`) {
		t.Errorf("%d lines, want each host once:\n%s", lines, text)
	}
}

func TestLive_failedWriteIsTheLast(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	reader.Close()
	l := startLive(writer, 2)
	l.host(&audit.HostResult{Name: "web1"})
	l.host(&audit.HostResult{Name: "web2"})
	if err := l.close(&audit.Run{}); err == nil {
		t.Error("no error: who reads the status must not trust a missing line")
	}
}
