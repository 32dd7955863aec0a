package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pretty "github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/sys/unix"
)

// newTerminal makes a pseudo terminal: the side of whoever sits there, and the path
// of the other.
func newTerminal(t *testing.T) (master *os.File, path string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", n)
}

// openTerminal makes a pseudo terminal of 100 columns. What is written to screen
// comes out of the returned function, which closes both.
func openTerminal(t *testing.T) (screen *os.File, shown func() string) {
	t.Helper()
	master, path := newTerminal(t)
	screen, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 100}); err != nil {
		t.Fatal(err)
	}
	out := make(chan string)
	// Ends with an error of the read when screen is closed.
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, master)
		out <- b.String()
	}()
	return screen, func() string {
		screen.Close()
		defer master.Close()
		return <-out
	}
}

// scanOn audits one host, which gives no answer, with streams and variables of
// its own.
func scanOn(t *testing.T, kind string, stdout, stderr io.Writer, env map[string]string, more ...string) {
	t.Helper()
	f, err := newScriptFleet(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	if err := f.add("web1", kind); err != nil {
		t.Fatal(err)
	}
	app := &App{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Env: func(name string) string { return env[name] }}
	args := append([]string{"scan", "web1", "-F", f.client.Config, "--sample", "0", "--host-timeout", "700ms"}, more...)
	if got := app.Main(args); got != exitFailed {
		t.Errorf("status %d, want %d", got, exitFailed)
	}
}

const cursorUp = "\x1b["

func TestTerminal_progress_is_drawn_only_where_it_can_be(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env   map[string]string
		more  []string
		drawn bool
	}{
		"terminal":           {nil, nil, true},
		"no colour":          {map[string]string{"NO_COLOR": "1"}, nil, true},
		"dumb terminal":      {map[string]string{"TERM": "dumb"}, nil, false},
		"--no-progress":      {nil, []string{"--no-progress"}, false},
		"--quiet":            {nil, []string{"--quiet"}, false},
		"variable for quiet": {map[string]string{"TWAUDIT_QUIET": "true"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			screen, shown := openTerminal(t)
			scanOn(t, "hang", io.Discard, screen, test.env, test.more...)
			if got := shown(); strings.Contains(got, cursorUp) != test.drawn {
				t.Errorf("stderr shows %q, progress wanted: %v", got, test.drawn)
			}
		})
	}
}

func TestTerminal_result_has_colour_there_and_none_in_a_pipe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env    map[string]string
		colour bool
	}{
		"terminal":      {nil, true},
		"no colour":     {map[string]string{"NO_COLOR": "1"}, false},
		"dumb terminal": {map[string]string{"TERM": "dumb"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			screen, shown := openTerminal(t)
			scanOn(t, "refuses", screen, io.Discard, test.env)
			got := shown()
			if strings.Contains(got, "\x1b[") != test.colour || !strings.Contains(got, "web1") {
				t.Errorf("stdout shows %q, colour wanted: %v", got, test.colour)
			}
		})
	}
	var pipe bytes.Buffer
	scanOn(t, "refuses", &pipe, io.Discard, nil)
	if strings.Contains(pipe.String(), "\x1b") || !strings.Contains(pipe.String(), "web1") {
		t.Errorf("a pipe gets %q", pipe.String())
	}
}

// A sentence in a column would widen each row.
func TestTerminal_hosts_tell_each_error_once(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(file, []byte("[web]\nweb[1:3] ansible_ssh_private_key_file=/nowhere/key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	screen, shown := openTerminal(t)
	var log bytes.Buffer
	app := &App{Stdin: strings.NewReader(""), Stdout: screen, Stderr: &log, Env: func(string) string { return "" }}
	if got := app.Main([]string{"hosts", "-F", "none", "-i", file}); got != exitUsage {
		t.Errorf("status %d: %s", got, log.String())
	}
	out := strings.ReplaceAll(shown(), "\r", "")
	if strings.Count(out, "/nowhere/key") != 1 || !strings.Contains(out, "\nweb[1-3]: identity file") || !strings.Contains(out, "web3  error    -") || strings.Contains(log.String(), "/nowhere") {
		t.Errorf("shows\n%s\nand says\n%s", out, log.String())
	}
}

func TestTerminal_width(t *testing.T) {
	t.Parallel()
	screen, shown := openTerminal(t)
	defer shown()
	env := map[string]string{}
	app := &App{Env: func(name string) string { return env[name] }}
	if got := app.width(screen); got != 100 {
		t.Errorf("width %d of a terminal of 100 columns", got)
	}
	if got := app.width(&bytes.Buffer{}); got != defaultWidth {
		t.Errorf("width %d of what is no terminal", got)
	}
	env["COLUMNS"] = "72"
	if got := app.width(screen); got != 72 {
		t.Errorf("width %d with COLUMNS=72", got)
	}
}

func TestTerminal_says_what_the_exit_status_means(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		more []string
		said bool
	}{
		"terminal": {nil, true},
		"--quiet":  {[]string{"--quiet"}, false},
	} {
		screen, shown := openTerminal(t)
		scanOn(t, "refuses", io.Discard, screen, nil, test.more...)
		if got := shown(); strings.Contains(got, "exit status 4: no host could be audited") != test.said {
			t.Errorf("%s: stderr shows %q, words wanted: %v", name, got, test.said)
		}
	}
	var log bytes.Buffer
	scanOn(t, "refuses", io.Discard, &log, nil)
	if strings.Contains(log.String(), "exit status") {
		t.Errorf("a log gets %q", log.String())
	}
}

// What was asked for is shown in the width of the terminal, with the command that
// shows one host of a run that was saved.
func TestTerminal_look(t *testing.T) {
	t.Parallel()
	screen, shown := openTerminal(t)
	app := &App{Stdin: strings.NewReader(""), Stdout: screen, Stderr: io.Discard, Env: func(name string) string { return map[string]string{"COLUMNS": "60"}[name] }}
	args := []string{"demo", "--save", t.TempDir() + "/it's", "--columns", "host,verdict,failure", "--sort", "name", "--group-by", "group"}
	if got := app.Main(args); got != exitOK {
		t.Errorf("status %d", got)
	}
	out := strings.ReplaceAll(shown(), "\r", "")
	for line := range strings.Lines(out) {
		if n := pretty.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")); n > 60 && !strings.HasPrefix(strings.TrimLeft(line, " "), "ssh-key") { // commands are there to be pasted
			t.Errorf("a line of %d cells: %q", n, line)
		}
	}
	for _, want := range []string{"group shop\x1b[0m: 3 hosts", "\x1b[2mhost", "twaudit show pay01.demo --from"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
}
