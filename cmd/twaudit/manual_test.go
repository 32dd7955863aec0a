package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What is made of the tree of commands is made by a test, because the program that
// is shipped needs none of it: `make man` runs this one.
var generateDir = flag.String("generate", "", "write manual pages to this directory's man, and completions to its completions")

// The manual has a page for each command, which man formats without a warning and
// in which every flag and every example of --help is found.
func TestManual(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if *generateDir != "" {
		dir = filepath.Join(*generateDir, "man")
		generateCompletions(t, filepath.Join(*generateDir, "completions"))
	}
	root := (&App{}).root()
	root.InitDefaultCompletionCmd()
	commands := documented(root)
	if len(commands) < 15 {
		t.Fatalf("%d commands only", len(commands))
	}
	for _, cmd := range commands {
		page := manual(cmd, manualDate(t))
		path := filepath.Join(dir, pageName(cmd)+".1")
		if err := os.WriteFile(path, page, 0o644); err != nil {
			t.Fatal(err)
		}
		if *generateDir != "" {
			continue // no man is needed to make the pages
		}
		shown := formatted(t, path)
		wanted := slices.Collect(strings.Lines(cmd.Example))
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { wanted = append(wanted, "--"+f.Name) })
		for _, want := range wanted {
			if want = strings.TrimSpace(want); !strings.Contains(shown, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, shown)
			}
		}
	}
}

func generateCompletions(t *testing.T, dir string) {
	t.Helper()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := outputOf(t, &App{}, exitOK, "completion", shell)
		if err := os.WriteFile(filepath.Join(dir, "twaudit."+shell), []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// manualDate is the day of the release, where the packager names it: the same
// sources give the same bytes.
func manualDate(t *testing.T) time.Time {
	t.Helper()
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now()
	}
	var seconds int64
	if _, err := fmt.Sscan(epoch, &seconds); err != nil {
		t.Fatalf("SOURCE_DATE_EPOCH %q: %v", epoch, err)
	}
	return time.Unix(seconds, 0)
}

// formatted is a page as a reader sees it, without the overstriking of bold.
func formatted(t *testing.T, path string) string {
	t.Helper()
	if _, err := exec.LookPath("man"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("man is missing: install man-db")
		}
		t.Skip("needs man (man-db)")
	}
	cmd := exec.Command("man", "--warnings", "--local-file", "--encoding=UTF-8", path)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=200", "MAN_KEEP_FORMATTING=", "MANROFFSEQ=", "GROFF_NO_SGR=1")
	var out, warnings bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &warnings
	if err := cmd.Run(); err != nil || warnings.Len() > 0 {
		t.Errorf("man %s: %v\n%s", path, err, warnings.String())
	}
	return out.String()
}

// documented are the commands that have a page: all but help and the shells of
// completion, which say what they do themselves.
func documented(root *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			continue
		}
		list = append(list, cmd)
		if cmd.Name() != "completion" {
			list = append(list, cmd.Commands()...)
		}
	}
	return list
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// page collects roff.
type page struct{ bytes.Buffer }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// plain is text that means nothing to roff.
var plain = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// text writes one line of words; a dot at its beginning would be a request.
func (p *page) text(words string) {
	words = plain.Replace(words)
	if strings.HasPrefix(words, ".") {
		words = `\&` + words
	}
	p.line("%s", words)
}

// manual is the page of one command.
func manual(cmd *cobra.Command, date time.Time) []byte {
	p := &page{}
	p.line(`.TH "%s" 1 "%s" "twaudit %s" "twaudit"`, plain.Replace(strings.ToUpper(pageName(cmd))), date.UTC().Format(time.DateOnly), plain.Replace(toolVersion()))
	p.line(".nh\n.ad l") // a hyphen in a flag that man made could not be told from its own
	p.line(".SH NAME")
	p.text(pageName(cmd) + " - " + strings.ToLower(cmd.Short[:1]) + cmd.Short[1:])
	p.line(".SH SYNOPSIS")
	p.line(`.B %s`, plain.Replace(cmd.CommandPath()))
	arguments := strings.TrimSpace(strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath()))
	if !cmd.HasParent() {
		arguments = "COMMAND [ARGUMENT...] [flags]"
	}
	if arguments != "" {
		p.text(arguments)
	}
	p.line(".SH DESCRIPTION")
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	for i, paragraph := range strings.Split(long, "\n\n") {
		p.paragraph(paragraph, i == 0)
	}
	p.commands(cmd)
	p.flags("OPTIONS", cmd.LocalFlags())
	p.flags("OPTIONS OF ALL COMMANDS", cmd.InheritedFlags())
	if cmd.Example != "" {
		p.line(".SH EXAMPLES")
		p.example(strings.Split(cmd.Example, "\n"))
	}
	p.places(cmd)
	p.seeAlso(cmd)
	return p.Bytes()
}

// paragraph keeps the lines of what is indented; exit statuses have a section.
func (p *page) paragraph(text string, first bool) {
	lines := strings.Split(text, "\n")
	if lines[0] == "Exit status:" {
		p.line(".SH EXIT STATUS")
		for _, line := range lines[1:] {
			status, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
			p.line(".TP")
			p.line(".B %s", status)
			p.text(strings.TrimSpace(meaning))
		}
		return
	}
	if !first {
		p.line(".PP")
	}
	for i := 0; i < len(lines); i++ {
		if from := i; strings.HasPrefix(lines[i], "  ") {
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  ") {
				i++
			}
			p.example(lines[from : i+1])
			continue
		}
		p.text(lines[i])
	}
}

func (p *page) example(lines []string) {
	p.line(".RS\n.nf")
	for _, line := range lines {
		p.text(strings.TrimPrefix(line, "  "))
	}
	p.line(".fi\n.RE")
}

func (p *page) commands(cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	p.line(".SH COMMANDS")
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			p.line(".TP\n.B %s", plain.Replace(sub.Name()))
			p.text(sub.Short)
		}
	}
}

// flags writes them with the words of --help.
func (p *page) flags(heading string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	p.line(".SH %s", heading)
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		one := pflag.NewFlagSet("", pflag.ContinueOnError)
		one.AddFlag(flag)
		names, usage, _ := strings.Cut(strings.TrimSpace(one.FlagUsages()), "   ")
		p.line(".TP\n.B %s", plain.Replace(names))
		p.text(strings.TrimSpace(usage))
	})
}

// places are the files and variables that all commands share.
func (p *page) places(cmd *cobra.Command) {
	if cmd.HasParent() {
		return
	}
	p.line(".SH ENVIRONMENT")
	for _, about := range [][2]string{
		{envPrefix + "FLAG", "The value of --flag, where the command line does not have it: " + variable("connect-timeout") + " is --connect-timeout. A repeatable flag takes one value a line."},
		{"SSH_AUTH_SOCK, SSH_ASKPASS, SSH_ASKPASS_REQUIRE", "As for ssh(1)."},
		{"NO_COLOR", "If it is not empty, nothing is coloured."},
	} {
		p.line(".TP\n.B %s", plain.Replace(about[0]))
		p.text(about[1])
	}
	p.line(".SH FILES")
	for _, about := range [][2]string{
		{"$XDG_CONFIG_HOME/twaudit/config.yaml, ~/.config/twaudit/config.yaml", "Settings; see twaudit-config(1)."},
		{"$XDG_STATE_HOME/twaudit/history.db, ~/.local/state/twaudit/history.db", "The runs so far; see twaudit-runs(1)."},
		{"~/.ssh/config, ~/.ssh/known_hosts, /etc/ssh/ssh_config, /etc/ssh/ssh_known_hosts", "As for ssh(1)."},
	} {
		p.line(".TP\n.I %s", plain.Replace(about[0]))
		p.text(about[1])
	}
}

func (p *page) seeAlso(cmd *cobra.Command) {
	var pages []string
	for _, other := range documented(cmd.Root()) {
		if other.Parent() == cmd || cmd.Parent() == other {
			pages = append(pages, fmt.Sprintf(`\fB%s\fR(1)`, plain.Replace(pageName(other))))
		}
	}
	slices.Sort(pages)
	p.line(".SH SEE ALSO")
	p.line("%s", strings.Join(append(pages, `\fBssh\fR(1)`, `\fBssh_config\fR(5)`), ",\n"))
}
