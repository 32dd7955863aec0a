package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestRoots asks every host of testdata/hosts without SSH: the script runs in
// the host's root, its answer is saved, and twaudit import judges it. What holds
// over SSH holds here, but for the skew of a clock, which a saved answer has not.
func TestRoots(t *testing.T) {
	requireLab(t)
	paths, err := filepath.Glob("testdata/hosts/*.txtar")
	must(t, err)
	l := &lab{dir: t.TempDir()}
	must(t, os.Chmod(l.dir, 0o755))
	must(t, os.Chmod(filepath.Dir(l.dir), 0o755))
	l.build(t)
	buildUserlands(t, filepath.Join(l.dir, "userland"))
	script, err := exec.Command(l.twaudit, "probe").Output()
	must(t, err)

	fixtures, answers, built := make([]*fixture, len(paths)), make([]string, len(paths)), make([]time.Time, len(paths))
	slots := make(chan struct{}, 32)
	var hosts sync.WaitGroup
	for i, path := range paths {
		f := loadFixture(t, path)
		fixtures[i], answers[i] = f, filepath.Join(l.dir, f.name+".out")
		root := filepath.Join(l.dir, f.name)
		slots <- struct{}{}
		built[i] = time.Now() // right before it is asked: its times are offsets from now
		f.build(t, root, filepath.Join(l.dir, "userland"), built[i])
		hosts.Go(func() { // ends with the script
			defer func() { <-slots }()
			if err := os.WriteFile(answers[i], f.answer(t, root, script), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	hosts.Wait()

	out, err := exec.Command(l.twaudit, append([]string{"import", "-q", "-f", "json"}, answers...)...).Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	run := parseRun(t, string(out))
	for i, f := range fixtures {
		var expect []string
		for _, e := range f.expect {
			if strings.HasPrefix(e, "findings are ") {
				e = strings.Join(strings.Fields(strings.Replace(e, "clock-skew/warning", "", 1)), " ")
			}
			if !strings.Contains(e, "clock-skew") && !strings.Contains(e, "clock_skew") {
				expect = append(expect, e)
			}
		}
		run[f.name].checkAll(t, f.name, expect, built[i])
	}
}
