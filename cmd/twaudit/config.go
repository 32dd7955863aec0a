package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxSettings bounds a configuration file, which people write by hand.
const maxSettings = 1 << 20

// noSettings is the name of no configuration file, as in ssh -F none.
const noSettings = "none"

// declareConfig adds the flags that every command understands.
func declareConfig(set *pflag.FlagSet) {
	set.String("config", "", "read settings from `FILE`; none reads none (default $XDG_CONFIG_HOME/twaudit/config.yaml)")
	set.String("profile", "", "use the settings of profile `NAME`, too")
}

// settingsPath is the file to read, and whether somebody named it. It is never
// looked for in the working directory: it names commands to run.
func (a *App) settingsPath(named string) (string, bool) {
	if named != "" {
		return named, true
	}
	dir := a.ownDir("XDG_CONFIG_HOME", ".config")
	if dir == "" {
		return noSettings, false
	}
	return filepath.Join(dir, "config.yaml"), false
}

// readSettings reads the configuration file. A file that nobody named may be
// missing.
func (a *App) readSettings(named string) (*settings, error) {
	path, wanted := a.settingsPath(named)
	if path == noSettings {
		return &settings{}, nil
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for ever
	if errors.Is(err, fs.ErrNotExist) && !wanted {
		return &settings{}, nil
	}
	if err != nil {
		return nil, &usageError{err, "--config names the file of settings; none reads none"}
	}
	defer file.Close()
	if err := trusted(file); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSettings+1))
	if err != nil {
		return nil, &usageError{fmt.Errorf("read %s: %w", path, err), ""}
	}
	if len(data) > maxSettings {
		return nil, &usageError{fmt.Errorf("%s is longer than %d bytes", path, maxSettings), ""}
	}
	s, err := parseSettings(path, data, a.home())
	if err != nil {
		return nil, &usageError{err, "twaudit config check looks through the whole file; twaudit config init writes an example"}
	}
	return s, nil
}

// trusted refuses a file that others can change: it says what commands run here.
func trusted(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return &usageError{err, ""}
	}
	if !info.Mode().IsRegular() {
		return &usageError{fmt.Errorf("%s is no regular file", file.Name()), "write the settings to a file, or read none with --config none"}
	}
	if info.Mode().Perm()&0o022 != 0 {
		return &usageError{fmt.Errorf("%s can be written by others", file.Name()), "it names commands to run; take that right away with chmod go-w"}
	}
	if dir, err := os.Stat(filepath.Dir(file.Name())); err == nil && dir.Mode().Perm()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return &usageError{fmt.Errorf("the directory of %s can be written by everybody", file.Name()), "whoever replaces the file names commands to run; take that right away with chmod o-w"}
	}
	if owner, ok := ownerOf(info); ok && owner != 0 && owner != os.Geteuid() {
		return &usageError{fmt.Errorf("%s belongs to another user (uid %d)", file.Name(), owner), "it names commands to run; make it your own with chown, or name another with --config"}
	}
	return nil
}

// bindSettings sets the flags that neither the command line nor a variable set.
// Commands that are there to mend or to try things work with a broken file, too.
func (a *App) bindSettings(cmd *cobra.Command) error {
	if !readsSettings(cmd) {
		return nil
	}
	named, profile := flagText(cmd, "config"), flagText(cmd, "profile")
	s, err := a.readSettings(named)
	if err != nil {
		return err
	}
	a.settings = s
	if err := s.check(cmd.Root(), profile); err != nil {
		return err
	}
	return s.apply(cmd.Flags(), profile)
}

// withoutSettings marks commands that read no configuration file.
const withoutSettings = "twaudit-without-settings"

// readsSettings says whether a command looks for a configuration file. Those that
// the library adds, for completion and help, do not.
func readsSettings(cmd *cobra.Command) bool {
	for ; cmd.HasParent(); cmd = cmd.Parent() {
		if cmd.Annotations[withoutSettings] != "" || slices.Contains([]string{"completion", "help", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, cmd.Name()) {
			return false
		}
	}
	return true
}

// flagText is the value of a flag that every command has.
func flagText(cmd *cobra.Command, name string) string {
	if flag := cmd.Flags().Lookup(name); flag != nil {
		return flag.Value.String()
	}
	return ""
}

// check refuses keys that are no flag of any command, and an unknown profile.
func (s *settings) check(root *cobra.Command, profile string) error {
	if profile != "" && s.profiles[profile] == nil {
		return s.unknownProfile(profile)
	}
	known := settingNames(root)
	var errs []error
	for _, part := range s.sections() {
		for _, name := range sortedKeys(part) {
			if slices.Contains(known, name) {
				continue
			}
			err := fmt.Errorf("%s:%d: unknown key %q", s.path, part[name].line, name)
			if near := similar(name, known); len(near) > 0 {
				err = fmt.Errorf("%w: did you mean %s?", err, near[0])
			}
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &usageError{errors.Join(errs...), "keys are the long names of flags; twaudit config show lists them"}
}

func (s *settings) unknownProfile(profile string) error {
	if s.path == "" {
		return &usageError{fmt.Errorf("there is no profile %q: no configuration file was read", profile), "twaudit config init writes one"}
	}
	hint := s.path + " has no profiles"
	if len(s.profiles) > 0 {
		hint = s.path + " has " + strings.Join(sortedKeys(s.profiles), ", ")
	}
	return &usageError{fmt.Errorf("there is no profile %q", profile), hint}
}

// sections are all parts that hold values, in a fixed order.
func (s *settings) sections() []section {
	parts := []section{s.top}
	for _, name := range sortedKeys(s.profiles) {
		parts = append(parts, s.profiles[name])
	}
	return parts
}

// apply sets flags from the profile, and from the top of the file where that says
// nothing.
func (s *settings) apply(flags *pflag.FlagSet, profile string) error {
	var errs []error
	for i, part := range []section{s.profiles[profile], s.top} {
		for _, name := range sortedKeys(part) {
			flag := flags.Lookup(name)
			if flag == nil || flag.Changed || flag.Annotations[noVariable] != nil {
				continue
			}
			place := fmt.Sprintf("%s:%d", s.path, part[name].line)
			if err := part[name].set(flags, flag); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", place, name, err))
				continue
			}
			mark(flag, place, []string{byProfile, ""}[i])
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &usageError{errors.Join(errs...), "a key takes what the flag of its name takes; the flag itself beats the file"}
}

func (v setting) set(flags *pflag.FlagSet, flag *pflag.Flag) error {
	list, ok := flag.Value.(pflag.SliceValue)
	switch {
	case ok:
		flag.Changed = true
		return list.Replace(v.values)
	case len(v.values) != 1:
		return fmt.Errorf("takes one value, not %d", len(v.values))
	}
	return setFlag(flags, flag, v.values[0])
}

// settingNames are the keys that a file may have: the flags of all commands, but
// for those that are about one command line.
func settingNames(root *cobra.Command) []string {
	var names []string
	for _, flag := range allFlags(root) {
		names = append(names, flag.Name)
	}
	return names
}

// allFlags are the flags that a file may set, each once, in the order in which the
// commands show them.
func allFlags(root *cobra.Command) []*pflag.Flag {
	var list []*pflag.Flag
	seen := map[string]bool{"help": true, "config": true, "profile": true}
	for _, cmd := range root.Commands() {
		if !readsSettings(cmd) {
			continue
		}
		for _, c := range append([]*cobra.Command{cmd}, cmd.Commands()...) {
			visit := func(flag *pflag.Flag) {
				if !seen[flag.Name] && flag.Annotations[noVariable] == nil {
					seen[flag.Name] = true
					list = append(list, flag)
				}
			}
			c.PersistentFlags().VisitAll(visit)
			c.LocalFlags().VisitAll(visit)
		}
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
