package main

import (
	"bytes"
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
	yaml "go.yaml.in/yaml/v3"
)

// maxSettings bounds a configuration file, which people write by hand.
const maxSettings = 1 << 20

// noSettings is the name of no configuration file, as in ssh -F none.
const noSettings = "none"

// settings is a configuration file whose shape is right. Its keys are the names of
// flags; whether a value suits its flag is found out when it is used. The zero
// value has no keys.
type settings struct {
	path     string // empty: there is none
	top      section
	profiles map[string]section
	alarms   map[string]*yaml.Node
}

// section holds values by the name of their flag.
type section map[string]setting

// setting is one value, or those of a repeatable flag.
type setting struct {
	values []string
	line   int
}

// origin marks a flag with where its value came from, for config show.
const origin = "twaudit-origin"

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
	base := a.Env("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		home := a.home()
		if home == "" {
			return noSettings, false
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "twaudit", "config.yaml"), false
}

// home is the user's, as the environment or else the user database has it; empty
// where both have none.
func (a *App) home() string {
	for _, dir := range []string{a.Env("HOME"), a.Home} {
		if filepath.IsAbs(dir) {
			return dir
		}
	}
	return ""
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

// parseSettings takes a file apart. All that is wrong is said at once, a line each.
func parseSettings(path string, data []byte, home string) (*settings, error) {
	s := &settings{path: path, top: section{}, profiles: map[string]section{}, alarms: map[string]*yaml.Node{}}
	var document, another yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&another); err == nil {
		return nil, fmt.Errorf("%s:%d: a second document begins here: one file has one", path, another.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(document.Content) == 0 {
		return s, nil
	}
	p := settingsParser{path: path, home: home}
	for _, e := range p.entries(document.Content[0], "the file") {
		switch e.key {
		case "profiles":
			for _, profile := range p.entries(e.value, "profiles") {
				s.profiles[profile.key] = p.section(profile.value, "profile "+profile.key)
			}
		case "alarms":
			for _, alarm := range p.entries(e.value, "alarms") {
				s.alarms[alarm.key] = alarm.value
			}
		default:
			p.add(s.top, e)
		}
	}
	return s, errors.Join(p.errs...)
}

// settingsParser collects what is wrong with a file.
type settingsParser struct {
	path, home string
	errs       []error
}

// entry is a key of a mapping, with its value.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

func (p *settingsParser) fail(line int, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s:%d: %s", p.path, line, fmt.Sprintf(format, args...)))
}

// entries are those of a mapping, which what names. An empty value has none.
func (p *settingsParser) entries(node *yaml.Node, what string) []entry {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		p.fail(node.Line, "%s has to be a list of KEY: VALUE lines", what)
		return nil
	}
	var list []entry
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Value == "" || key.Tag == "!!merge" {
			p.fail(key.Line, "a key of %s is no plain word", what)
			continue
		}
		if first, twice := seen[key.Value]; twice {
			p.fail(key.Line, "%s stands in line %d already", key.Value, first)
			continue
		}
		seen[key.Value] = key.Line
		list = append(list, entry{key.Value, key.Line, node.Content[i+1]})
	}
	return list
}

func (p *settingsParser) section(node *yaml.Node, what string) section {
	into := section{}
	for _, e := range p.entries(node, what) {
		p.add(into, e)
	}
	return into
}

// add takes a value, or a list of values.
func (p *settingsParser) add(into section, e entry) {
	nodes := []*yaml.Node{e.value}
	if e.value.Kind == yaml.SequenceNode {
		nodes = e.value.Content
	}
	found := setting{line: e.line, values: []string{}}
	for _, node := range nodes {
		switch {
		case node.Kind != yaml.ScalarNode:
			p.fail(node.Line, "%s has to be a plain value or a list of them", e.key)
			return
		case node.Tag == "!!null":
			p.fail(node.Line, "%s has no value: write one, or take the line out", e.key)
			return
		}
		found.values = append(found.values, p.expand(node.Value))
	}
	into[e.key] = found
}

// expand does what a shell does with ~ on the command line.
func (p *settingsParser) expand(value string) string {
	if rest, ok := strings.CutPrefix(value, "~/"); ok && p.home != "" {
		return filepath.Join(p.home, rest)
	}
	return value
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
	for _, part := range []section{s.profiles[profile], s.top} {
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
			flag.Annotations = withOrigin(flag.Annotations, place)
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

func withOrigin(annotations map[string][]string, place string) map[string][]string {
	if annotations == nil {
		annotations = map[string][]string{}
	}
	annotations[origin] = []string{place}
	return annotations
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
