package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/history"
	"twaudit/internal/sshtest"
	"twaudit/report"
)

// killedFormats are the outputs of a scan that is killed.
var killedFormats = []string{"csv", "html", "prom", "json"}

const hostsOfKilled = 6

// TestKill_scan_at_any_moment: the history opens and holds every run that ended, each
// output is whole or the one before, and the next scan works and cleans up.
func TestKill_scan_at_any_moment(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs go, to build the program as it is shipped")
	}
	// The race detector would make most of a life the beginning of a process.
	program := filepath.Join(t.TempDir(), "twaudit")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	const killers, moments = 4, 25
	var at [killedLate + 1]atomic.Int32
	t.Run("killers", func(t *testing.T) {
		for n := range killers {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				k := newKiller(t, program, rand.New(rand.NewPCG(uint64(n), 7)))
				for round := range moments {
					if round%5 == 0 {
						k.begin() // what makes the first files is killed, too
					}
					at[k.kill(round%2 == 1)].Add(1)
					k.complete()
				}
			})
		}
	})
	asking, storing, writing, late := at[killedAsking].Load(), at[killedStoring].Load(), at[killedWriting].Load(), at[killedLate].Load()
	t.Logf("killed while it asked %d, stored %d, wrote %d, and later %d; too late %d", asking, storing, writing, at[killedWritten].Load(), late)
	if asking == 0 || storing == 0 || writing == 0 || late > killers*moments/2 {
		t.Error("the moments are not spread over the life of a scan")
	}
}

// What a killed scan had reached.
const (
	killedAsking  = iota
	killedStoring // its transaction had begun
	killedWriting // stored, and not every output is there
	killedWritten
	killedLate // it had ended
)

// killer scans a fleet of its own again and again.
type killer struct {
	t       *testing.T
	random  *rand.Rand
	program string
	client  *sshtest.Client
	asked   chan struct{} // one for each answer of a host
	dir     string        // history and outputs, see begin

	life, tail time.Duration     // of a complete scan, and of it what comes after the last answer
	stored     []string          // runs that are known to be kept, oldest first
	written    map[string][]byte // what the outputs hold; nil: there is none
}

func newKiller(t *testing.T, program string, random *rand.Rand) *killer {
	t.Helper()
	k := &killer{t: t, random: random, program: program, asked: make(chan struct{}, 2*hostsOfKilled)}
	fleet, err := sshtest.StartFleet(sshtest.FleetConfig{Hosts: hostsOfKilled, Host: func(i int) sshtest.Config {
		a := healthy(fmt.Sprintf("h%d", i))
		a.overflows = [2]int{i, i} // all but one have a finding
		answer := replay(a)
		return sshtest.Config{Handler: func(ctx context.Context, e sshtest.Exec) int {
			defer func() { k.asked <- struct{}{} }()
			return answer(ctx, e)
		}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	if k.client, err = sshtest.NewClient(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for i := range hostsOfKilled {
		if err := k.client.Add(fmt.Sprintf("h%d", i), fleet.Addr(i), fleet.HostKey()); err != nil {
			t.Fatal(err)
		}
	}
	k.begin()
	for range 3 {
		k.complete()
	}
	return k
}

// begin forgets everything but how long a scan takes.
func (k *killer) begin() {
	k.dir, k.stored, k.written = k.t.TempDir(), nil, map[string][]byte{}
}

// scan starts one.
func (k *killer) scan() (cmd *exec.Cmd, messages *bytes.Buffer) {
	for len(k.asked) > 0 {
		<-k.asked
	}
	cmd, messages = exec.Command(k.program, "scan", "-F", k.client.Config, "--sample", "0", "--lock", "--quiet"), &bytes.Buffer{}
	for i := range hostsOfKilled {
		cmd.Args = append(cmd.Args, fmt.Sprintf("h%d", i))
	}
	for _, format := range killedFormats {
		cmd.Args = append(cmd.Args, "-f", format+"="+filepath.Join(k.dir, "out."+format))
	}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "XDG_STATE_HOME=" + filepath.Join(k.dir, "state")}
	cmd.Stdout, cmd.Stderr = messages, messages
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	return cmd, messages
}

// answers waits for the last answer of the fleet, or the end of the process.
func (k *killer) answers(ended <-chan struct{}) {
	for range hostsOfKilled {
		select {
		case <-k.asked:
		case <-ended:
			return
		}
	}
}

// kill ends a scan at a random moment: of its whole life, or of what comes after the
// last answer, where it stores and writes. It returns what the scan had reached.
func (k *killer) kill(late bool) int {
	k.t.Helper()
	cmd, messages := k.scan()
	ended := make(chan struct{})
	go func() { // ends with the process
		_ = cmd.Wait() // the state says it
		close(ended)
	}()
	moment := time.Duration(k.random.Int64N(int64(k.life)))
	if late {
		k.answers(ended)
		moment = time.Duration(k.random.Int64N(int64(k.tail)))
	}
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ended:
	}
	_ = cmd.Process.Kill() // it may have ended
	<-ended
	if cmd.ProcessState.Exited() && cmd.ProcessState.ExitCode() != exitFindings {
		k.t.Fatalf("%v: %s", cmd.ProcessState, messages)
	}
	return k.check(cmd.ProcessState.Exited())
}

// complete lets a scan end, and measures it.
func (k *killer) complete() {
	k.t.Helper()
	begun := time.Now()
	cmd, messages := k.scan()
	k.answers(nil)
	answered := time.Now()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitFindings || messages.Len() > 0 {
		k.t.Fatalf("the scan after a killed one: %v: %s", err, messages)
	}
	// The last ones count most, for other tests make it slower and faster.
	k.life, k.tail = (k.life+time.Since(begun))/2, (k.tail+time.Since(answered))/2
	k.check(true)
	for _, dir := range []string{k.dir, filepath.Join(k.dir, "state", "twaudit")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			k.t.Fatal(err)
		}
		for _, e := range entries {
			// A history that was never finished stays beside the one that was: it is
			// made once.
			name := e.Name()
			if !strings.HasPrefix(name, "out.") && name != "state" && name != "history.db" && !strings.HasPrefix(name, "history.db.new-") && !strings.HasSuffix(name, ".lock") {
				k.t.Errorf("%s is left behind", name)
			}
		}
	}
}

func (k *killer) historyFile() string { return filepath.Join(k.dir, "state", "twaudit", "history.db") }

// check looks at what a scan left; one that ended has to have left everything.
func (k *killer) check(ended bool) int {
	k.t.Helper()
	_, unfinished := os.Stat(k.historyFile() + "-journal") // until somebody opens it
	newest := k.history()
	if !ended {
		k.integrity()
	}
	if newest == nil && ended {
		k.t.Fatal("a scan that ended is not in the history")
	}
	whole := 0
	for _, format := range killedFormats {
		content, err := os.ReadFile(filepath.Join(k.dir, "out."+format))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			k.t.Fatal(err)
		}
		var want bytes.Buffer
		if newest != nil {
			if err := report.Render(&want, newest, format, report.Options{}); err != nil {
				k.t.Fatal(err)
			}
		}
		switch {
		case newest != nil && bytes.Equal(content, want.Bytes()):
			whole++
		case ended || !bytes.Equal(content, k.written[format]):
			k.t.Fatalf("%s is neither whole nor the one before: %d bytes, %d and %d expected", format, len(content), want.Len(), len(k.written[format]))
		}
		k.written[format] = content
	}
	switch {
	case newest == nil && unfinished == nil:
		return killedStoring
	case newest == nil:
		return killedAsking
	case ended:
		return killedLate
	case whole < len(killedFormats):
		return killedWriting
	}
	return killedWritten
}

// history opens it, and returns the run that it has more than before; nil when
// there is none.
func (k *killer) history() *audit.Run {
	k.t.Helper()
	db, err := history.Open(k.t.Context(), k.historyFile(), history.Options{Existing: true})
	if errors.Is(err, fs.ErrNotExist) && len(k.stored) == 0 {
		return nil
	}
	if err != nil {
		k.t.Fatal(err)
	}
	defer db.Close()
	entries, err := db.Runs(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	var ids []string
	var newest *audit.Run
	for i := range slices.Backward(entries) {
		if newest, err = (&App{Stderr: io.Discard}).readStored(k.t.Context(), db, &entries[i], ""); err != nil || len(newest.Hosts) != hostsOfKilled || newest.Summary.Audited != hostsOfKilled {
			k.t.Fatalf("run %s is not whole: %v", entries[i].Meta.ID, err)
		}
		ids = append(ids, newest.Meta.ID)
	}
	before := k.stored
	k.stored = ids
	switch {
	case slices.Equal(ids, before):
		return nil
	case len(ids) != len(before)+1 || !slices.Equal(ids[:len(before)], before):
		k.t.Fatalf("the history holds %q, and held %q", ids, before)
	}
	return newest
}

// integrity asks SQLite itself.
func (k *killer) integrity() {
	k.t.Helper()
	if _, err := os.Stat(k.historyFile()); err != nil {
		return // history says whether it has to be there
	}
	db, err := sql.Open("sqlite", k.historyFile())
	if err != nil {
		k.t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		k.t.Fatalf("the history is damaged: %s, %v", verdict, err)
	}
}
