package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"twaudit/internal/text"
)

// Bounds of a plain list, each far beyond any use.
const (
	maxLine  = 64 << 10
	maxHosts = 1 << 20
)

// parseList reads a plain list: hosts as names reads them, then any number of
// key=value words. groups=a,b names groups; address, user and port say how the
// hosts are reached; every other key is a label. Blank lines, comments from # (at
// the start or after a blank) to the end of the line and CRLF are fine. A host
// that stands there twice is returned twice: Load merges.
func parseList(r *reader, in input) ([]Host, []Note, error) {
	hosts := make([]Host, 0, min(bytes.Count(in.data, []byte("\n"))+1, maxHosts))
	at := Position{File: in.file}
	for line := range bytes.Lines(in.data) {
		at.Line++
		if len(line) > maxLine {
			return nil, nil, fmt.Errorf("%s: a line of more than %s: is this a list of hosts?", at, text.Bytes(maxLine))
		}
		var err error
		if hosts, err = r.line(hosts, line, at); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", at, err)
		}
		if len(hosts) > maxHosts {
			return nil, nil, fmt.Errorf("%s: more than %s hosts", at, text.Count(maxHosts))
		}
	}
	if len(hosts) == 0 {
		return nil, nil, fmt.Errorf("empty inventory: %s names no host; write one host a line, such as root@web1:2222", in.file)
	}
	return hosts, nil, nil
}

// line appends the hosts of one line.
func (r *reader) line(hosts []Host, line []byte, at Position) ([]Host, error) {
	if bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line) {
		return nil, errors.New("binary data: an inventory is text in UTF-8")
	}
	first, rest, err := word(strings.TrimSuffix(string(line), "\n"))
	if err != nil || first == "" || first[0] == '#' {
		return hosts, err
	}
	names, err := r.names(first)
	if err != nil {
		return nil, err
	}
	own, err := r.details(rest)
	if err != nil {
		return nil, err
	}
	return own.hosts(hosts, names, at)
}

// maxSeen bounds how many different ends of lines are remembered.
const maxSeen = 4096

// details reads what follows the names on a line. Many lines end alike: their
// hosts share what it says.
func (r *reader) details(rest string) (details, error) {
	if own, seen := r.seen[rest]; seen {
		return own, nil
	}
	var own details
	for left := rest; ; {
		key, after, err := word(left)
		if err != nil {
			return own, err
		}
		if key == "" || key[0] == '#' {
			break
		}
		if err := own.word(key); err != nil {
			return own, err
		}
		left = after
	}
	if r.seen == nil {
		r.seen = map[string]details{}
	}
	if len(r.seen) < maxSeen {
		r.seen[strings.Clone(rest)] = own
	}
	return own, nil
}

// word cuts the first word off s. Only blanks, tabs and a carriage return part
// words: any other white space belongs to the word, whose check then names it.
// Blanks may stand in the value of key="a value", with \" and \\ in it.
func word(s string) (first, rest string, err error) {
	const blanks = " \t\r"
	s = strings.TrimLeft(s, blanks)
	end := strings.IndexAny(s, blanks)
	if end < 0 {
		end = len(s)
	}
	if key, _, found := strings.Cut(s[:end], `="`); found && isKey(key) {
		value, after, closed := unquote(s[len(key)+2:])
		if !closed || after != "" && strings.IndexByte(blanks, after[0]) < 0 {
			return "", "", fmt.Errorf("label %s: the quote is not closed, or something follows it", quote(s))
		}
		return key + "=" + value, after, nil
	}
	return s[:end], s[end:], nil
}

// unquote reads up to the closing quote.
func unquote(s string) (value, rest string, closed bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// details are what the words after a host say, or the cells beside it.
type details struct {
	address, user string
	port          int
	groups        []string
	labels        map[string]string
}

// elsewhere are keys that people write for what a list cannot say, and where it
// belongs. As labels they would be ignored when it comes to connecting.
var elsewhere = map[string]string{
	"hostname": "write address=", "host": "write address=", "ip": "write address=",
	"login": "write user=", "username": "write user=",
	"identity": "write IdentityFile into ssh_config, or use --identity", "identity_file": "write IdentityFile into ssh_config, or use --identity",
	"identityfile": "write IdentityFile into ssh_config, or use --identity",
	"jump":         "write ProxyJump into ssh_config, or use -J", "proxyjump": "write ProxyJump into ssh_config, or use -J",
	"proxy_jump": "write ProxyJump into ssh_config, or use -J", "proxycommand": "write ProxyCommand into ssh_config",
	"password": "a list is no place for a password: use --ask-pass",
	"group":    "write groups=",
}

// word adds one key=value word.
func (s *details) word(word string) error {
	key, value, found := strings.Cut(word, "=")
	if !found {
		return fmt.Errorf("second word %s is no label: write key=value, or one host a line", quote(word))
	}
	if !isKey(key) {
		return fmt.Errorf("label %s: the name before = is made of letters, digits, '_', '-', '.' and '/'", quote(word))
	}
	switch lower := strings.ToLower(key); {
	case elsewhere[lower] != "":
		return fmt.Errorf("%s is not read from a list: %s", quote(word), elsewhere[lower])
	case lower != key && slices.Contains(reserved, lower):
		return fmt.Errorf("%s: write %s= in small letters", quote(word), lower)
	case strings.HasPrefix(key, "ansible_"):
		return fmt.Errorf("%s is for Ansible: write address=, user= and port=, or read the file with --inventory-kind ansible", quote(word))
	case key == "groups":
		return s.addGroups(word, strings.Split(value, ","))
	}
	return s.set(key, value)
}

// reserved are the keys that are no labels.
var reserved = []string{"address", "groups", "port", "user"}

// set takes the value of one key.
func (s *details) set(key, value string) error {
	var err error
	switch key {
	case "address":
		err = s.setAddress(value)
	case "user":
		if s.user != "" {
			return twice(key, value)
		}
		err, s.user = checkUser(value), value
	case "port":
		if s.port != 0 {
			return twice(key, value)
		}
		s.port, err = parsePort(value)
	default:
		return s.label(key, value)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", quote(key+"="+value), err)
	}
	return nil
}

func (s *details) setAddress(value string) error {
	if s.address != "" {
		return errors.New("address has a value already")
	}
	host, port, err := splitPort(value)
	if err == nil && port != nil {
		err = errors.New("the port goes into port=")
	}
	if err != nil {
		return err
	}
	s.address = host
	return checkHost(host)
}

func twice(key, value string) error {
	return fmt.Errorf("label %s: %s has a value already", quote(key+"="+value), key)
}

func (s *details) label(key, value string) error {
	if s.labels == nil {
		s.labels = map[string]string{}
	}
	if _, exists := s.labels[key]; exists {
		return twice(key, value)
	}
	s.labels[key] = text.Clean(value)
	return nil
}

// addGroups takes names of groups; word is what they were written in.
func (s *details) addGroups(word string, groups []string) error {
	for _, group := range groups {
		if !isKey(group) {
			return fmt.Errorf("label %s: a group is made of letters, digits, '_', '-', '.' and '/'", quote(word))
		}
	}
	s.groups = append(s.groups, groups...)
	slices.Sort(s.groups)
	s.groups = slices.Compact(s.groups)
	return nil
}

// hosts appends names with what was said beside them. They share groups and
// labels, which nobody changes in place.
func (s *details) hosts(hosts []Host, names []named, at Position) ([]Host, error) {
	if s.address != "" && len(names) > 1 {
		return nil, fmt.Errorf("address=%s is for one host, and these are %d", s.address, len(names))
	}
	for _, n := range names {
		target := n.target
		switch {
		case s.user != "" && target.User != "" && s.user != target.User:
			return nil, fmt.Errorf("host %s: user=%s and the user before '@' differ", quote(n.name), text.CleanMax(s.user, 80))
		case s.port != 0 && target.Port != 0 && s.port != target.Port:
			return nil, fmt.Errorf("host %s: port=%d and the port in the name differ", quote(n.name), s.port)
		}
		if s.user != "" {
			target.User = s.user
		}
		if s.port != 0 {
			target.Port = s.port
		}
		if s.address != "" {
			target.Alias = s.address
		}
		hosts = append(hosts, Host{Name: n.name, Groups: s.groups, Labels: s.labels, Target: target, At: at})
	}
	return hosts, nil
}

func isKey(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// parsePort takes digits alone: Atoi would also take a sign.
func parsePort(s string) (int, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("port %s is no number from 1 to 65535", quote(s))
	}
	return int(port), nil
}
