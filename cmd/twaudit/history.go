package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"twaudit/internal/audit"
	"twaudit/internal/history"
	"twaudit/internal/inventory"
	"twaudit/internal/scan"
	"twaudit/internal/text"
	"twaudit/report"
)

// declareHistory: where runs are kept.
func (f *scanFlags) declareHistory(set *pflag.FlagSet) {
	declareHistoryFile(set, &f.history)
	set.BoolVar(&f.noHistory, "no-history", false, "know nothing of earlier runs, and do not keep this one")
}

// declareHistoryFile is for the commands that read what scans kept.
func declareHistoryFile(set *pflag.FlagSet, file *string) {
	set.StringVar(file, "history", "", "the `FILE` that keeps the runs (default $XDG_STATE_HOME/twaudit/history.db)")
}

// historyPath is where runs are kept: file, when it was given, else the place for
// state that a user's programs share.
func (a *App) historyPath(file string) (string, error) {
	if file != "" {
		return file, nil
	}
	dir := a.ownDir("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if dir == "" {
		return "", errors.New("there is no HOME and no XDG_STATE_HOME to keep it in")
	}
	return filepath.Join(dir, "history.db"), nil
}

// selection names what was asked for: key for programs, label for people. What
// standard input held is part of it, since its name says nothing, and so is what
// leads the same names to other machines. A file counts by its full path.
func (f *scanFlags) selection(names []string, jobs []scan.Job) (key, label string) {
	var words, parts []string
	add := func(flag string, values ...string) {
		for _, v := range slices.Sorted(slices.Values(values)) {
			words, parts = append(words, strings.TrimSpace(flag+" "+v)), append(parts, flag, v)
		}
	}
	for _, path := range f.inventories {
		if path == stdoutPath {
			for _, job := range jobs {
				parts = append(parts, job.Name)
			}
			slices.Sort(parts)
			add("-i", path)
			continue
		}
		add("-i", fullSource(path))
	}
	if f.allSSHHosts {
		add("-i", inventory.SSHConfigPrefix)
	}
	add("--limit", f.limit...)
	add("--exclude", f.exclude...)
	if f.local {
		add("--local")
		words, parts = append(words, "--local"), append(parts, "--local")
	}
	switch {
	case f.failedFrom == "":
	case storedRun.MatchString(f.failedFrom):
		add("--failed-from", f.failedFrom)
	default:
		add("--failed-from", fullPath(f.failedFrom))
	}
	f.addWay(add)
	add("", names...)
	return selectionKey(parts), text.CleanMax(strings.Join(words, " "), 500)
}

// addWay adds the flags that lead to other machines. Options of ssh keep their
// order, in which the first counts.
func (f *scanFlags) addWay(add func(string, ...string)) {
	if f.sshConfig != "" {
		file := f.sshConfig
		if file != "none" {
			file = fullPath(file)
		}
		add("-F", file)
	}
	for _, flag := range []struct{ name, value string }{{"--user", f.user}, {"--jump", f.jump}} {
		if flag.value != "" {
			add(flag.name, flag.value)
		}
	}
	if f.port.value != 0 {
		add("--port", strconv.Itoa(f.port.value))
	}
	for _, option := range f.sshOptions {
		key, _, _ := strings.Cut(option, "=")
		if slices.Contains(leading, strings.ToLower(strings.TrimSpace(key))) {
			add("--ssh-option", option)
		}
	}
}

// leading are the options of ssh that decide which machine a name leads to, in
// small letters. Others, such as a timeout, leave a selection what it is.
var leading = []string{"hostname", "port", "user", "proxyjump", "proxycommand", "canonicaldomains", "canonicalizehostname", "addressfamily", "bindaddress", "bindinterface"}

// fullSource is an inventory by a name that holds in every directory. Where
// ssh_config: alone leads, -F and the user say.
func fullSource(path string) string {
	file, isConfig := strings.CutPrefix(path, inventory.SSHConfigPrefix)
	switch {
	case !isConfig:
		return fullPath(path)
	case file == "":
		return path
	}
	return inventory.SSHConfigPrefix + fullPath(file)
}

func fullPath(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// selectionKey is short, and tells nothing of what went into it.
func selectionKey(parts []string) string {
	raw, err := json.Marshal(parts)
	if err != nil {
		return "" // words always have a JSON form
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// openHistory opens what scans kept, for a command that reads it, until its second
// result is called. Its error says what to do instead.
func (a *App) openHistory(ctx context.Context, file string) (*history.DB, func(), error) {
	path, err := a.historyPath(file)
	if err != nil {
		return nil, nil, &usageError{fmt.Errorf("no history: %w", err), "set one of them, or name a file with --history"}
	}
	db, err := history.Open(ctx, path, history.Options{Existing: true})
	var damaged *history.DamagedError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, &usageError{fmt.Errorf("there is no history yet: %s does not exist", path), "each scan adds its run; --history names another file"}
	case errors.As(err, &damaged):
		return nil, nil, &usageError{err, "the next scan sets it aside and begins anew"}
	case err != nil:
		return nil, nil, &usageError{err, "--history names another file"}
	}
	return db, func() { db.Close() }, nil
}

// storedRun is what names a run of the history and no file: latest, -1 for the one
// before it, or an id or the beginning of one.
var storedRun = regexp.MustCompile(`^(?:(?:latest)?-[0-9]{1,9}|latest|[0-9]{8}(?:T[0-9]{0,6}(?:Z(?:-[0-9a-f]{0,8})?)?)?)$`)

// namedRun returns the run that arg names: in the history (see storedRun), else in
// a file that holds it as JSON, - for standard input. file is --history.
func (a *App) namedRun(ctx context.Context, file, arg string) (*audit.Run, error) {
	if !storedRun.MatchString(arg) {
		return a.readRun(arg)
	}
	db, end, err := a.openHistory(ctx, file)
	if err != nil {
		return nil, err
	}
	defer end()
	entry, err := db.Find(ctx, arg)
	if err != nil {
		return nil, unknownRun(err)
	}
	return a.readStored(ctx, db, entry, "")
}

// readStored reads a run of the history as if it were a file: what is in it came
// from hosts.
func (a *App) readStored(ctx context.Context, db *history.DB, entry *history.Entry, host string) (*audit.Run, error) {
	text, err := db.Open(ctx, entry, host)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	run, err := report.Read(bufio.NewReaderSize(text, 1<<16))
	if err == nil {
		err = checkRun(run)
	}
	if err != nil {
		return nil, fmt.Errorf("run %s of the history: %w", entry.Meta.ID, err)
	}
	return run, nil
}

// unknownRun makes a run that is not there an error of usage.
func unknownRun(err error) error {
	var none *history.NoRunError
	if errors.As(err, &none) {
		return &usageError{err, "`twaudit runs` lists the runs; a file needs its path, such as ./latest"}
	}
	return err
}

// countedBack writes -1 so that it is taken for an argument and not for a flag, in
// the commands that take runs.
func countedBack(args []string) []string {
	if len(args) < 2 || !slices.Contains([]string{"diff", "report", "runs", "show"}, args[0]) {
		return args
	}
	args = slices.Clone(args)
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") && storedRun.MatchString(arg) {
			args[i] = history.Latest + arg
		}
	}
	return args
}
