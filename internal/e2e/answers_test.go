package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "save the answers anew")

// answersDir holds what hosts of testdata/hosts said, each saved as NAME.out, as
// twaudit import takes it: the examples of docs/rules.md come from there. An
// empty file is a request to save one with -update.
const answersDir = "../../cmd/twaudit/testdata/answers"

// TestAnswers_areThoseOfTheHosts asks those hosts again: what was saved has to
// lead to the same findings.
func TestAnswers_areThoseOfTheHosts(t *testing.T) {
	requireLab(t)
	saved, err := filepath.Glob(answersDir + "/*.out")
	must(t, err)
	if len(saved) == 0 {
		t.Fatal("no saved answers")
	}
	l := &lab{dir: t.TempDir()}
	must(t, os.Chmod(l.dir, 0o755))
	must(t, os.Chmod(filepath.Dir(l.dir), 0o755))
	l.build(t)
	buildUserlands(t, filepath.Join(l.dir, "userland"))
	script, err := exec.Command(l.twaudit, "probe").Output()
	must(t, err)
	for _, path := range saved {
		name := strings.TrimSuffix(filepath.Base(path), ".out")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, fresh := filepath.Join(l.dir, name), filepath.Join(l.dir, name+".out")
			f := loadFixture(t, filepath.Join("testdata/hosts", name+".txtar"))
			f.build(t, root, filepath.Join(l.dir, "userland"), time.Now())
			must(t, os.WriteFile(fresh, f.answer(t, root, script), 0o600))
			if *update {
				run(t, "cp", fresh, path)
			}
			want, got := l.imported(t, fresh)[name], l.imported(t, path)[name]
			for _, what := range []string{"verdict", "flags", "coverage"} {
				if fmt.Sprint(got.at(what)) != fmt.Sprint(want.at(what)) {
					t.Errorf("%s is %v as saved, and %v of the host: go test ./internal/e2e -run Answers -update", what, got.at(what), want.at(what))
				}
			}
		})
	}
}

// answer runs the script in the host's root, as its login.
func (f *fixture) answer(t *testing.T, root string, script []byte) []byte {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Dir, cmd.Env = "/", []string{"PATH=/bin"}
	cmd.Stdin = bytes.NewReader(script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if f.login != "root" {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 1000, Gid: 1000}
	}
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("the script in %s: %v", f.name, err) // not Fatal: hosts are asked side by side
	}
	return out
}

// imported is the run that an answer becomes, by host.
func (l *lab) imported(t *testing.T, path string) map[string]result {
	t.Helper()
	out, err := exec.Command(l.twaudit, "import", "-q", "-f", "json", path).Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return parseRun(t, string(out))
}
