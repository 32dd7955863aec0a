package inventory

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// sshArgs are arguments of ssh as they stand in an inventory. In ssh the first
// value counts.
type sshArgs struct {
	user     string
	port     int
	config   string
	settings []string // Key=Value
	forgets  bool     // host keys are to be forgotten, which is not done
}

// The letters of ssh's options.
const (
	flagLetters  = "1246AaCfGgKkMNnqsTtVvXxYy"
	valueLetters = "BbcDEeFIiJLlmOopPQRSWw"
)

// parseArgs reads one line of arguments. Many hosts have the same.
func (t *tree) parseArgs(line string) (*sshArgs, error) {
	if known := t.args[line]; known != nil {
		return known, nil
	}
	words, err := shellWords(line, false)
	if err != nil {
		return nil, err
	}
	args := &sshArgs{}
	for i := 0; i < len(words); i++ {
		word := words[i]
		// ssh would take it for the host, and the host for a command.
		if len(word) < 2 || word[0] != '-' {
			return nil, fmt.Errorf("%s is no option of ssh", quote(word))
		}
		at := strings.IndexFunc(word[1:], func(r rune) bool { return !strings.ContainsRune(flagLetters, r) }) + 1
		if at == 0 {
			args.flags(word[1:])
			continue
		}
		args.flags(word[1:at])
		if strings.IndexByte(valueLetters, word[at]) < 0 {
			return nil, fmt.Errorf("ssh has no option -%s", strings.TrimSpace(quote(word[at:])))
		}
		given := word[at+1:]
		if given == "" {
			if i++; i == len(words) {
				return nil, fmt.Errorf("the value of -%c is missing", word[at])
			}
			given = words[i]
		}
		if err := args.option(word[at], given); err != nil {
			return nil, fmt.Errorf("-%c %s: %w", word[at], quote(given), err)
		}
	}
	t.args[line] = args
	return args, nil
}

// flags takes over the options without a value that concern the way to a host.
func (a *sshArgs) flags(letters string) {
	for _, c := range letters {
		switch c {
		case '4':
			a.settings = append(a.settings, "AddressFamily=inet")
		case '6':
			a.settings = append(a.settings, "AddressFamily=inet6")
		}
	}
}

// option takes over one option with its value.
func (a *sshArgs) option(letter byte, given string) error {
	if given == "" || strings.ContainsAny(given, "\n\r\x00") {
		return errors.New("must be one line of text")
	}
	key := ""
	switch letter {
	case 'o':
		return a.keyValue(given)
	case 'l':
		return a.keyValue("User=" + given)
	case 'p':
		return a.keyValue("Port=" + given)
	case 'F': // the one option of which the last counts
		a.config = given
		return nil
	case 'J':
		key = "ProxyJump"
	case 'i':
		key, given = "IdentityFile", strconv.Quote(given)
	case 'b':
		key = "BindAddress"
	case 'B':
		key = "BindInterface"
	case 'c':
		key = "Ciphers"
	case 'm':
		key = "MACs"
	case 'S':
		key = "ControlPath"
	default: // forwardings and the like: they change nothing of the way
		return nil
	}
	a.settings = append(a.settings, key+"="+given)
	return nil
}

// keyValue takes over what follows -o.
func (a *sshArgs) keyValue(s string) error {
	end := strings.IndexAny(s, "= \t")
	if end <= 0 {
		return errors.New("write Key=Value")
	}
	given := strings.Trim(strings.TrimLeft(s[end:], "= \t"), `"`)
	switch strings.ToLower(s[:end]) {
	case "user":
		if a.user == "" {
			a.user = given
		}
		return checkUser(given)
	case "port":
		n, err := number(given)
		if err != nil || n < 1 || n > 65535 {
			return errors.New("is no port from 1 to 65535")
		}
		if a.port == 0 {
			a.port = n
		}
		return nil
	case "userknownhostsfile", "globalknownhostsfile":
		// A habit of throw-away machines. Without known keys no host could be
		// audited, as there is no way here not to check them.
		if given == "/dev/null" {
			a.forgets = true
			return nil
		}
	}
	a.settings = append(a.settings, s)
	return nil
}

// complete fills in what host has from nowhere else. The variables with
// arguments come in the order of ssh's command line.
func (a *sshArgs) complete(host *Host) {
	if host.Target.User == "" {
		host.Target.User = a.user
	}
	if host.Target.Port == 0 {
		host.Target.Port = a.port
	}
	if a.config != "" {
		host.SSH.Config = a.config
	}
}

// shellWords parts a line as a shell does, and as Ansible: quotes and
// backslashes, and with comments everything from # on is none of it.
func shellWords(line string, comments bool) ([]string, error) {
	var words []string
	var word strings.Builder
	open, quoted := false, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted == '\'' && c != '\'', quoted == '"' && c != '"' && c != '\\':
			word.WriteByte(c)
		case quoted != 0 && c == quoted:
			quoted = 0
		case quoted == 0 && (c == '\'' || c == '"'):
			open, quoted = true, c
		case c == '\\':
			if i++; i == len(line) {
				return nil, errors.New(`nothing follows the last '\'`)
			}
			if quoted == '"' && line[i] != '"' && line[i] != '\\' {
				word.WriteByte('\\')
			}
			open = true
			word.WriteByte(line[i])
		case c == ' ' || c == '\t' || c == '\r' || c == '\n', comments && c == '#':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
			if c == '#' {
				return words, nil
			}
		default:
			open = true
			word.WriteByte(c)
		}
	}
	switch {
	case quoted != 0:
		return nil, fmt.Errorf("the quote %c is not closed", quoted)
	case open:
		words = append(words, word.String())
	}
	return words, nil
}
