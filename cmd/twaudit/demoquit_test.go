package main

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"
)

// said tells when words were written.
type said struct {
	words string
	once  sync.Once
	heard chan struct{}
}

func (s *said) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(s.words)) {
		s.once.Do(func() { close(s.heard) })
	}
	return len(p), nil
}

// What ends the process at once, as a second Ctrl-C does, leaves no directory of
// the demo behind.
func TestDemo_abruptEnd(t *testing.T) {
	t.Parallel()
	begun := &said{words: "demo: ", heard: make(chan struct{})}
	status := -1
	app := &App{Stdout: io.Discard, Stderr: begun, Exit: func(s int) { status = s }}
	ended := make(chan struct{})
	go func() { // ends with the demo
		defer close(ended)
		app.Main([]string{"demo"}) // its status is not what is looked at
	}()
	<-begun.heard
	app.mu.Lock()
	dir := app.scratch
	app.mu.Unlock()
	if _, err := os.Stat(dir); dir == "" || err != nil {
		t.Fatalf("scratch directory %q: %v", dir, err)
	}
	app.quitAtOnce()
	if _, err := os.Stat(dir); !os.IsNotExist(err) || status != exitInterrupted {
		t.Errorf("status %d, %s: %v", status, dir, err)
	}
	<-ended
}
