package sshconfig

import (
	"crypto/sha1" // what ssh names its sockets by; nothing is secured with it
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// tokens are the replacements of %x.
type tokens map[byte]string

// proxyTokens are those that ProxyCommand and ProxyJump know.
const proxyTokens = "hknpr"

// expander expands the values of one resolved host.
type expander struct {
	home   string
	env    func(string) string
	tokens tokens
}

// at gives an error without a place the place of its setting.
func at(err error, where place) error {
	var e *Error
	if errors.As(err, &e) && e.File == "" {
		return &Error{where, e.Text, e.Hint}
	}
	return err
}

// expandTokens replaces %x, and %% by %.
func expandTokens(s string, known tokens) (string, error) {
	return expandAll(s, known, nil)
}

// expandAll replaces %x and, with an env, ${NAME}, in one pass: what it puts in
// is not looked at again.
func expandAll(s string, known tokens, env func(string) string) (string, error) {
	if !strings.ContainsAny(s, "%$") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case env != nil && strings.HasPrefix(s[i:], "${"):
			name, _, closed := strings.Cut(s[i+2:], "}")
			value := env(name)
			if !closed || value == "" {
				return "", &Error{Text: fmt.Sprintf("the environment variable %q is not set", name), Hint: "ssh refuses this, too: set the variable"}
			}
			b.WriteString(value)
			i += len("${}") + len(name) - 1
		case s[i] == '%' && i+1 < len(s) && s[i+1] == '%':
			b.WriteByte('%')
			i++
		case s[i] == '%':
			i++
			value, ok := known[(s + " ")[i]]
			if !ok {
				return "", &Error{Text: fmt.Sprintf("the token %%%s is not known here", s[i:min(i+1, len(s))]), Hint: "write the value itself"}
			}
			b.WriteString(value)
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// tilde expands a leading ~; ~user is beyond the guard.
func (e *expander) tilde(file string) string {
	if file == "~" || strings.HasPrefix(file, "~/") {
		return strings.TrimSuffix(e.home, "/") + "/" + strings.TrimLeft(file[1:], "/")
	}
	return file
}

// tildes expands file names that know no tokens; none alone is no file.
func (e *expander) tildes(files []string) []string {
	if len(files) == 1 && isNone(files[0]) {
		return nil
	}
	for i := range files {
		files[i] = e.tilde(files[i])
	}
	return files
}

// files expands file names; none is no file.
func (e *expander) files(settings []setting) ([]string, error) {
	var files []string
	for _, s := range settings {
		if isNone(s.value) {
			continue
		}
		file, err := expandAll(e.tilde(s.value), e.tokens, e.env)
		if err != nil {
			return nil, at(err, s.place)
		}
		files = append(files, file)
	}
	return files, nil
}

// control expands ControlPath, which knows two tokens more. What %C stands for
// holds the jump host since OpenSSH 9.8: with an older ssh its master behind a
// jump host is not found, which costs a connection and nothing else.
func (e *expander) control(s setting, jump string) (string, error) {
	if s.value == "" || isNone(s.value) {
		return "", nil
	}
	known := maps.Clone(e.tokens)
	known['j'] = jump
	sum := sha1.Sum([]byte(known['l'] + known['h'] + known['p'] + known['r'] + jump))
	known['C'] = hex.EncodeToString(sum[:])
	path, err := expandAll(e.tilde(s.value), known, e.env)
	return path, at(err, s.place)
}

// agent expands IdentityAgent, which may also be none, SSH_AUTH_SOCK or $NAME.
func (e *expander) agent(s setting) (string, error) {
	if s.value == "" {
		return "", nil
	}
	socket, err := expandAll(e.tilde(s.value), e.tokens, e.env)
	if err != nil {
		return "", at(err, s.place)
	}
	return e.agentSocket(socket), nil
}

// agentSocket resolves the old forms. A variable that is not set means that no
// agent is used, not that SSH_AUTH_SOCK is.
func (e *expander) agentSocket(socket string) string {
	switch {
	case socket == "SSH_AUTH_SOCK":
		return ""
	case strings.HasPrefix(socket, "$"):
		if socket = e.env(socket[1:]); socket == "" {
			return "none"
		}
	}
	return socket
}

// proxy sets ProxyJump or ProxyCommand from "keyword value".
func (e *expander) proxy(s *Settings, value string) error {
	keyword, value, _ := strings.Cut(value, " ")
	if value == "" || isNone(value) {
		return nil
	}
	known := tokens{}
	for i := range len(proxyTokens) {
		known[proxyTokens[i]] = e.tokens[proxyTokens[i]]
	}
	value, err := expandTokens(value, known)
	if err != nil {
		return err
	}
	if keyword == "proxycommand" {
		s.ProxyCommand = value
		return nil
	}
	s.ProxyJump, err = s.jump(value)
	return err
}
