package sshconfig

import (
	"fmt"
	"strings"
)

// Error is a setting that is refused, or that nobody could read. Text holds no
// path and no user name; the place and the hint may.
type Error struct {
	place
	Text string
	Hint string // the way out; empty when there is none to offer
}

// Error says the place, too; Text alone does not.
func (e *Error) Error() string {
	if e.File == "" {
		return e.Text
	}
	return e.place.String() + ": " + e.Text
}

// place is where something is written. An empty File is no file at all.
type place struct {
	File string // commandLine for Options.Settings
	Line int    // 0: the whole file
}

// String is FILE:LINE, as editors and compilers write it.
func (p place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// commandLine stands for a file name in the place of an Options.Settings entry.
const commandLine = "command line"

const (
	hintNoSSH   = "install the OpenSSH client, or write a file without it and name that with -F"
	hintBuiltin = "let ssh be asked (without --no-exec and --ssh-config-resolver builtin), or write a file without it and name that with -F"
	hintUnknown = "correct or remove the line, or name the keyword in IgnoreUnknown before it"
)

// beyond is a construct that only OpenSSH reads rightly.
type beyond struct {
	place
	what string // such as: Match exec
}

// unknown is a keyword that OpenSSH does not have.
type unknown struct {
	place
	keyword string
	order   int // among all settings of all files
}

// refused is the error that ssh calls a bad configuration option.
func (u unknown) refused() error {
	return &Error{u.place, fmt.Sprintf("unknown keyword %q", u.keyword), hintUnknown}
}

// CheckHost tells whether ssh itself would take name as a host name: names
// reach shell commands through tokens, so it refuses what a shell could read.
func CheckHost(name string) error {
	switch {
	case name == "":
		return &Error{Text: "the host name is empty"}
	case name[0] == '-':
		return &Error{Text: fmt.Sprintf("the host name %q begins with a dash", name)}
	}
	for i := range len(name) {
		if isControl(name[i]) || name[i] == ' ' || strings.IndexByte("'`\"$\\;&<>|(){},", name[i]) >= 0 {
			return &Error{Text: fmt.Sprintf("the host name %q holds a character that ssh does not allow", name)}
		}
	}
	return nil
}

// CheckUser tells whether ssh itself would take name as a login name.
func CheckUser(name string) error {
	switch {
	case name == "":
		return &Error{Text: "the user name is empty"}
	case name[0] == '-':
		return badUser(name, "begins with a dash")
	case name[len(name)-1] == '\\' || strings.Contains(name, " -"):
		return badUser(name, "could be read as an option")
	}
	for i := range len(name) {
		if isControl(name[i]) || strings.IndexByte("'`\";&<>|(){}", name[i]) >= 0 {
			return badUser(name, "holds a character that ssh does not allow")
		}
	}
	return nil
}

// badUser keeps the name out of the text, as messages name no user.
func badUser(name, why string) error {
	return &Error{Text: "the user name " + why, Hint: fmt.Sprintf("it is %q", name)}
}

// isControl is iscntrl of the C locale, in which ssh checks names.
func isControl(c byte) bool { return c < ' ' || c == 0x7f }

// check refuses what ssh would refuse, and what it would take apart: ssh reads
// user@host and ssh://host in the place of a host name.
func (q Query) check() error {
	if err := CheckHost(q.Alias); err != nil {
		return err
	}
	if strings.ContainsAny(q.Alias, "@/") {
		return &Error{Text: fmt.Sprintf("the host name %q is more than a name", q.Alias), Hint: "give user and port apart"}
	}
	if q.User != "" {
		if err := CheckUser(q.User); err != nil {
			return err
		}
	}
	if q.Port < 0 || q.Port > 65535 {
		return &Error{Text: fmt.Sprintf("port %d is not between 1 and 65535", q.Port)}
	}
	return nil
}
