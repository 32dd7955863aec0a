package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestTemporary_stale: what a killed run left of the same output goes; what a live one
// writes, belongs to others or is no file stays.
func TestTemporary_stale(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "[fleet].html")
	named := func(target, unique string) string {
		return filepath.Join(dir, strings.Replace(temporaryOf(target), "*", unique, 1))
	}
	live, err := openPlace(target, nil)
	if err != nil {
		t.Fatal(err)
	}
	stale, pipe, link, other := named(target, "1"), named(target, "2"), named(target, "3"), named(filepath.Join(dir, "fleet.csv"), "1")
	for _, err := range []error{
		os.WriteFile(stale, []byte("half"), 0o600), syscall.Mkfifo(pipe, 0o600),
		os.WriteFile(other, nil, 0o600), os.Symlink(other, link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	store(t, target, "second")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, filepath.Join(dir, e.Name()))
	}
	want := []string{live.file.Name(), pipe, link, other, target}
	slices.Sort(left)
	if slices.Sort(want); !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	if err := live.commit(); err != nil {
		t.Errorf("a run that began before: %v", err)
	}
}

// TestTemporary_at_once: runs that write the same output leave each other alone.
func TestTemporary_at_once(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "fleet.html")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { // ends with its places; Wait waits for it
			for range 100 {
				p, err := openPlace(target, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if err := p.commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if entries, err := os.ReadDir(filepath.Dir(target)); err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
}
