package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"twaudit/internal/probe"
	"twaudit/internal/text"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"twaudit": main})
}

// TestScript runs the program itself, as a process, against SSH servers of its
// own. Beside testscript's commands the scripts have these:
//
//	fleet NAME=KIND...            start hosts (fleet_test.go lists the kinds); writes ssh_config,
//	                              known_hosts and hosts.txt, and sets TWAUDIT_SSH_CONFIG
//	status N CMD ARG...           run CMD, which must exit with status N
//	interrupt N COUNT CMD ARG...  run CMD, send it COUNT SIGINTs once a host answered and a hung one was
//	                              asked; it must exit with status N. With 2, nobody reads the FIFO "pipe"
//	bytes FILE SIZE [TEXT]        make FILE of SIZE bytes of TEXT, or of zeros
//	schema FILE...                check a run or lines of hosts, also those of stdout, by docs/schema
//	saved FILE HOST KIND [AGE]    make FILE of what the script printed AGE ago on a host of such a kind
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			f, err := newScriptFleet(env.WorkDir)
			if err != nil {
				return err
			}
			env.Values[fleetKey{}] = f
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state")) // never the user's own
			env.Defer(f.close)
			env.Defer(func() { checkRuns(env) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fleet":     cmdFleet,
			"status":    cmdStatus,
			"interrupt": cmdInterrupt,
			"bytes":     cmdBytes,
			"saved":     cmdSaved,
			"schema":    cmdSchema,
		},
		// Where nothing may be skipped.
		Condition: func(name string) (bool, error) {
			if name != "ci" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Getenv("CI") != "", nil
		},
	})
}

type fleetKey struct{}

func fleetOfScript(ts *testscript.TestScript) *scriptFleet {
	return ts.Value(fleetKey{}).(*scriptFleet)
}

func cmdFleet(ts *testscript.TestScript, _ bool, args []string) {
	f := fleetOfScript(ts)
	for _, arg := range args {
		name, kind, _ := strings.Cut(arg, "=")
		ts.Check(f.add(name, kind))
	}
	ts.Setenv("TWAUDIT_SSH_CONFIG", f.client.Config)
}

func cmdStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func cmdInterrupt(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[2])
	ts.Check(err)
	if args[1] == "2" {
		// A reader that never reads: the report fills the pipe and waits.
		held, err := os.OpenFile(ts.MkAbs("pipe"), os.O_RDWR, 0)
		ts.Check(err)
		defer held.Close()
	}
	cmd := exec.Command(path, args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"TWAUDIT_SSH_CONFIG=" + fleetOfScript(ts).client.Config, "XDG_STATE_HOME=" + ts.Getenv("XDG_STATE_HOME")}
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	guard := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }) // a stuck program must fail, not hang
	defer guard.Stop()

	answers, messages := bufio.NewReader(stdout), bufio.NewReader(stderr)
	first, err := answers.ReadString('\n')
	ts.Check(err)
	ts.Check(fleetOfScript(ts).waitHung())
	end := os.Signal(os.Interrupt)
	if signal.Ignored(end) { // the tests run in the background, and so does the program
		end = syscall.SIGTERM
	}
	ts.Check(cmd.Process.Signal(end))
	said := ""
	for line := ""; !strings.Contains(line, "interrupted"); said += line {
		line, err = messages.ReadString('\n')
		ts.Check(err)
	}
	if args[1] == "2" {
		ts.Check(cmd.Process.Signal(end))
	}
	rest := make(chan []byte)
	// Ends with the program, which closes its standard error.
	go func() {
		b, _ := io.ReadAll(messages)
		rest <- b
	}()
	more, _ := io.ReadAll(answers)
	_, err = io.WriteString(ts.Stderr(), said+string(<-rest))
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), first+string(more))
	ts.Check(err)
	_ = cmd.Wait() // the status says it
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func cmdBytes(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	if len(args) < 3 {
		file, err := os.Create(ts.MkAbs(args[0]))
		ts.Check(err)
		ts.Check(file.Truncate(size)) // a hole: no disk is used
		ts.Check(file.Close())
		return
	}
	text := bytes.Repeat([]byte(args[2]), int(size)/len(args[2])+1)[:size]
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

func cmdSaved(ts *testscript.TestScript, _ bool, args []string) {
	a, made := answerOf(args[1], args[2])
	if !made {
		ts.Fatalf("no such answer: %s", args[2])
	}
	at := time.Now()
	if len(args) > 3 {
		age, err := text.ParseDuration(args[3])
		ts.Check(err)
		at = at.Add(-age)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(a.text(probe.ManualNonce, at)), 0o600))
}

// TestRedirect_broken_pipe: a reader that goes away costs its own output only.
func TestRedirect_broken_pipe(t *testing.T) {
	t.Parallel()
	f, err := newScriptFleet(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := f.add("web1", "ok"); err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	saved := filepath.Join(t.TempDir(), "run.json")
	cmd := exec.Command("twaudit", "scan", "-F", f.client.Config, "web1", "--sample", "0", "-f", "csv", "-f", "json="+saved)
	var messages strings.Builder
	cmd.Stdout, cmd.Stderr = writer, &messages
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	_ = cmd.Run() // the status says it
	writer.Close()
	if got := cmd.ProcessState.ExitCode(); got != exitFailed {
		t.Errorf("exit status %d (%v), want %d", got, cmd.ProcessState, exitFailed)
	}
	if want := "write csv to standard output: "; !strings.Contains(messages.String(), want) || !strings.Contains(messages.String(), syscall.EPIPE.Error()) {
		t.Errorf("messages %q lack %q", messages.String(), want)
	}
	if got := load(t, saved); !strings.Contains(got, `"verdict": "ok"`) {
		t.Errorf("the other output holds %q", got)
	}
}
