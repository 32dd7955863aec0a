package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	yaml "go.yaml.in/yaml/v3"

	"twaudit/internal/inventory"
	"twaudit/internal/notify"
)

// configCommand declares config and its parts, which work with a broken file.
func (a *App) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config show|check|init",
		Short: "Show, check or begin the configuration file",
		Long: `The configuration file gives flags their values: each key is the long name of a
flag. A flag on the command line beats its variable TWAUDIT_NAME, which beats the
file. Under profiles are sets of further keys, one of which --profile chooses and
which beat the others; under alarms is who is told what (see --notify).

The file is the one that --config names, else twaudit/config.yaml in
$XDG_CONFIG_HOME or ~/.config. It is never looked for in the working directory,
and nobody else may be able to write it: it names commands that are run.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{errors.New("config: show, check or init?"), "twaudit config --help explains them"}
			}
			return &usageError{fmt.Errorf("config: unknown word %q", args[0]), "choose show, check or init"}
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // cobra checks arguments of what runs only
	}
	for _, sub := range []*cobra.Command{
		{Use: "show", Short: "Print every setting and where it comes from", RunE: a.configShow},
		{Use: "check", Short: "Look for mistakes in the whole file", RunE: a.configCheck},
		{Use: "init", Short: "Write a file with every key, commented out", RunE: a.configInit},
	} {
		sub.Args = cobra.NoArgs
		sub.Annotations = map[string]string{withoutSettings: "yes"}
		cmd.AddCommand(sub)
	}
	cmd.Annotations = map[string]string{withoutSettings: "yes"}
	return cmd
}

// configShow prints the settings as a file that has the same effect.
func (a *App) configShow(cmd *cobra.Command, _ []string) error {
	s, err := a.readSettings(flagText(cmd, "config"))
	if err != nil {
		return err
	}
	profile := flagText(cmd, "profile")
	root := a.root() // flags of its own, which nobody has set
	if err := s.check(root, profile); err != nil {
		return err
	}
	var out bytes.Buffer
	if s.path == "" {
		fmt.Fprintln(&out, "# no configuration file was read")
	} else {
		fmt.Fprintf(&out, "# %s\n", s.path)
	}
	if err := a.applyEverywhere(s, root, profile); err != nil {
		return err
	}
	for _, flag := range allFlags(root) {
		line, err := settingLine(flag)
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%-40s # %s\n", line, sourceOf(flag))
	}
	_, err = a.Stdout.Write(out.Bytes())
	return err
}

// applyEverywhere sets the flags of all commands as a run of theirs would. The
// environment is read first: it beats the file.
func (a *App) applyEverywhere(s *settings, root *cobra.Command, profile string) error {
	var errs []error
	for _, cmd := range root.Commands() {
		if !readsSettings(cmd) {
			continue
		}
		for _, c := range append([]*cobra.Command{cmd}, cmd.Commands()...) {
			for _, set := range []*pflag.FlagSet{c.PersistentFlags(), c.LocalNonPersistentFlags()} {
				errs = append(errs, bindEnvironment(set, a.Env), s.apply(set, profile))
				yield(set)
			}
		}
	}
	return once(errs)
}

// once joins errors, each text a single time: several commands share a flag.
func once(errs []error) error {
	seen := map[string]bool{}
	var kept []error
	hint := ""
	for _, err := range errs {
		if err == nil {
			continue
		}
		var usage *usageError
		if errors.As(err, &usage) {
			hint = usage.hint
		}
		for line := range strings.Lines(err.Error()) {
			if line = strings.TrimSuffix(line, "\n"); !seen[line] {
				seen[line] = true
				kept = append(kept, errors.New(line))
			}
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return &usageError{errors.Join(kept...), hint}
}

// settingLine is a flag and its value in YAML. What has no value yet stands behind
// a #: a file that sets it to nothing would be wrong.
func settingLine(flag *pflag.Flag) (string, error) {
	var value any = flag.Value.String()
	if value == "" && flag.Value.Type() != "string" {
		return "#" + flag.Name + ":", nil
	}
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		value = list.GetSlice()
	}
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return "", fmt.Errorf("%s: %w", flag.Name, err)
	}
	node.Style |= yaml.FlowStyle
	if node.Kind == yaml.ScalarNode && flag.Value.Type() != "string" {
		node.Tag, node.Style = "", 0 // numbers and truth values need no quotes
	}
	text, err := yaml.Marshal(map[string]*yaml.Node{flag.Name: &node})
	return strings.TrimSpace(string(text)), err
}

// sourceOf says where the value of a flag comes from.
func sourceOf(flag *pflag.Flag) string {
	if place := flag.Annotations[origin]; place != nil {
		return place[0]
	}
	return "default"
}

// configCheck finds everything that is wrong with a file: keys, values of every
// profile, alarms.
func (a *App) configCheck(cmd *cobra.Command, _ []string) error {
	s, err := a.readSettings(flagText(cmd, "config"))
	if err != nil {
		return err
	}
	path, _ := a.settingsPath(flagText(cmd, "config"))
	if path == noSettings {
		return &usageError{errors.New("--config none reads no file: there is nothing to check"), ""}
	}
	if s.path == "" {
		return &usageError{fmt.Errorf("there is no configuration file %s", path), "twaudit config init writes one"}
	}
	errs := []error{s.check(a.root(), flagText(cmd, "profile")), s.checkFiles()}
	for _, profile := range append([]string{""}, sortedKeys(s.profiles)...) {
		errs = append(errs, a.withoutVariables().applyEverywhere(s, a.root(), profile), s.checkScan(profile))
	}
	if err := once(append(errs, a.checkAlarms(s))); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "%s is good: settings: %d, profiles: %s, alarms: %s\n", s.path, len(s.top), orNone(sortedKeys(s.profiles)), orNone(sortedKeys(s.alarms)))
	return err
}

// checkScan looks at what scan makes of the settings, beyond each value alone.
func (s *settings) checkScan(profile string) error {
	flags, cmd := newScanFlags(), &cobra.Command{}
	flags.declare(cmd)
	if err := s.apply(cmd.Flags(), profile); err != nil {
		return nil // said already
	}
	yield(cmd.Flags())
	var errs []error
	for _, name := range flags.notify {
		if s.alarms[name] == nil && name != noAlarm {
			errs = append(errs, fmt.Errorf("%s: notify: there is no alarm %q", s.path, name))
		}
	}
	_, err := parseOutputs(flags.formats, flags.output)
	for _, err := range []error{err, flags.checkMeasures(), flags.checkCron()} {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.path, err))
		}
	}
	return errors.Join(errs...)
}

// checkAlarms also looks for the programs that alarms start. A scan does not: one that
// is missing for an hour must not keep it from its work.
func (a *App) checkAlarms(s *settings) error {
	alarms, err := a.alarms(s)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range sortedKeys(alarms) {
		if command, ok := alarms[name].sink.(notify.Command); ok {
			if err := command.Check(); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: alarm %s: %w", s.path, s.alarms[name].Line, name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// readKeys are the settings that name files which have to be there.
var readKeys = []string{"identity", "inventory", "passphrase-file", "ssh-config"}

// checkFiles looks for the files that scans will read. What is in them is theirs.
func (s *settings) checkFiles() error {
	var errs []error
	for _, part := range s.sections() {
		for _, key := range readKeys {
			for _, path := range part[key].values {
				path = strings.TrimPrefix(path, inventory.SSHConfigPrefix)
				if path == "" || path == stdoutPath || key == "ssh-config" && path == noSettings {
					continue
				}
				if _, err := os.Stat(path); err != nil {
					errs = append(errs, fmt.Errorf("%s:%d: %s: %w", s.path, part[key].line, key, err))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// withoutVariables is this program as it would be without its variables, which
// would hide what they beat.
func (a *App) withoutVariables() *App {
	return &App{Env: func(string) string { return "" }, Home: a.Home}
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// configInit writes a file that changes nothing, and never replaces one.
func (a *App) configInit(cmd *cobra.Command, _ []string) error {
	path, _ := a.settingsPath(flagText(cmd, "config"))
	if path == noSettings {
		return &usageError{errors.New("there is no home directory for a configuration file"), "name the file with --config"}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &usageError{fmt.Errorf("%s is there already, and stays as it is", path), "twaudit config check looks through it"}
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(exampleSettings(a.root()))
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = fmt.Fprintln(a.Stdout, path)
	return err
}

// exampleSettings explains every key with the words of its flag.
func exampleSettings(root *cobra.Command) string {
	var out strings.Builder
	out.WriteString("# Settings of twaudit: keys are the long names of flags. A flag on the command\n# line beats its variable TWAUDIT_NAME, which beats this file.\n")
	commands := commandsOf(root)
	for _, flag := range allFlags(root) {
		line, err := settingLine(flag)
		if err != nil {
			continue // a flag without a text has no example
		}
		_, usage := pflag.UnquoteUsage(flag)
		fmt.Fprintf(&out, "\n# %s\n# (%s)\n#%s\n", usage, strings.Join(commands[flag.Name], ", "), strings.TrimPrefix(line, "#"))
	}
	out.WriteString(exampleRest)
	return out.String()
}

// commandsOf are the commands that each flag is for.
func commandsOf(root *cobra.Command) map[string][]string {
	names := map[string][]string{}
	for _, cmd := range root.Commands() {
		for _, c := range append([]*cobra.Command{cmd}, cmd.Commands()...) {
			c.LocalFlags().VisitAll(func(flag *pflag.Flag) {
				if flag.Annotations[noVariable] == nil && readsSettings(c) {
					names[flag.Name] = append(names[flag.Name], strings.TrimPrefix(c.CommandPath(), root.Name()+" "))
				}
			})
		}
	}
	return names
}

// exampleRest is what has no flag.
const exampleRest = `
# Sets of keys that --profile chooses:
#profiles:
#  prod:
#    inventory: [/etc/twaudit/prod.txt]
#    fail-on: overflowed
#    notify: [chat, mail]

# Who is told, by --notify NAME or the key notify:
#alarms:
#  chat:
#    on: change                # or problem, or always
#    every: 1h                 # at most once in that time, for each selection
#    webhook:
#      url_file: /etc/twaudit/chat.url
#      format: slack           # or alertmanager, or body: a template
#  pager:
#    command: [/usr/local/bin/page, --now]
#  mail:
#    mail:
#      server: "localhost:25"
#      encryption: none        # or starttls, or tls
#      from: twaudit@example.net
#      to: [ops@example.net]
`
