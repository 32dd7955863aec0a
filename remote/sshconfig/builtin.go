package sshconfig

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OpenSSH allows so many of each; beyond it, it refuses.
const maxFilesListed = 100

// found is what the sections of one host say, not yet expanded.
type found struct {
	first        map[string]setting // the first value of each keyword counts
	identities   []setting
	certificates []setting
	beyond       *beyond // what only ssh -G can answer, for this host
}

// builtin resolves q from the parsed files. The second result is what only
// ssh -G can answer, for this host.
func (r *Resolver) builtin(q Query) (*Settings, *beyond, error) {
	f, err := r.collect(q.Alias)
	if err != nil || f.beyond != nil {
		return nil, f.beyond, err
	}
	s := &Settings{
		Source:         SourceBuiltin,
		Port:           cmp.Or(q.Port, atoi(f.first["port"].value), 22),
		User:           cmp.Or(q.User, f.first["user"].value, r.options.LocalUser),
		IdentitiesOnly: isYes(f.first["identitiesonly"].value),
		HashKnownHosts: isYes(f.first["hashknownhosts"].value),
		HostKeyAlias:   strings.ToLower(f.first["hostkeyalias"].value),
		BindAddress:    f.first["bindaddress"].value,
		AddressFamily:  cmp.Or(strings.ToLower(f.first["addressfamily"].value), "any"),
		ConnectTimeout: time.Duration(atoi(f.first["connecttimeout"].value)) * time.Second,

		StrictHostKeyChecking: strictness(f.first["stricthostkeychecking"].value),
	}
	if s.User == "" { // as in a container whose user has no entry anywhere; ssh refuses to run there
		return nil, nil, &Error{Text: "nothing says which user to log in as", Hint: "name one with -l or by User in ssh_config"}
	}
	s.logins(func(keyword string) string { return f.first[keyword].value })
	name := f.first["hostname"]
	if s.HostName, err = expandTokens(cmp.Or(name.value, "%h"), tokens{'h': q.Alias}); err != nil {
		return nil, nil, at(err, name.place)
	}
	var sure bool
	if s.HostName, sure = hostAddress(s.HostName); !sure {
		return nil, &beyond{name.place, "the address " + strconv.Quote(s.HostName)}, nil
	}
	return s, nil, r.fill(s, f, q)
}

// collect walks the sections of a host once.
func (r *Resolver) collect(alias string) (*found, error) {
	f := &found{first: map[string]setting{}}
	err := r.config.settings(alias, func(s setting) error {
		switch s.keyword {
		case "identityfile":
			return add(&f.identities, s)
		case "certificatefile":
			return add(&f.certificates, s)
		case "proxycommand", "proxyjump":
			f.proxy(&s)
		case "connecttimeout", "serveraliveinterval":
			if s.value == "none" {
				return nil // the same as not set, so a later one counts
			}
		}
		if _, set := f.first[s.keyword]; !set {
			f.first[s.keyword] = s
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	for _, keyword := range []string{"bindinterface", "proxyusefdpass", "revokedhostkeys"} {
		if s, set := f.first[keyword]; set && !isNo(s.value) {
			return f, forbidden(s.place, keyword)
		}
	}
	return f, r.checkUnknown(f.first["ignoreunknown"])
}

// proxy makes one keyword of two that exclude each other: the first of either
// counts, even when it is none. Only OpenSSH since 10.3, and what distributions
// made of it, let ProxyCommand count after ProxyJump none.
func (f *found) proxy(s *setting) {
	jumpNone := isNone(strings.TrimPrefix(f.first["proxy"].value, "proxyjump "))
	if s.keyword == "proxycommand" && jumpNone && !isNone(s.value) {
		f.beyond = &beyond{s.place, "ProxyCommand after ProxyJump none"}
	}
	s.keyword, s.value = "proxy", s.keyword+" "+s.value
}

// forbidden refuses a keyword that says through what, or under which checks, to
// connect, and that nothing here can do.
func forbidden(at place, keyword string) error {
	return &Error{at, keyword + " is not supported: it would be wrong to connect without it", "remove it for this host, or use a file without it by -F"}
}

// add appends s unless it is there already, from files of the same kind.
func add(to *[]setting, s setting) error {
	if slices.ContainsFunc(*to, func(o setting) bool { return o.value == s.value && o.user == s.user }) {
		return nil
	}
	if *to = append(*to, s); len(*to) > maxFilesListed {
		return &Error{s.place, fmt.Sprintf("more than %d values of %s", maxFilesListed, s.keyword), ""}
	}
	return nil
}

// checkUnknown refuses unknown keywords of all sections, also those of other
// hosts, that this host's IgnoreUnknown does not cover or follows.
func (r *Resolver) checkUnknown(ignore setting) error {
	for _, u := range r.config.unknown {
		if ignore.value == "" || u.order < ignore.order || !matchList(ignore.value, u.keyword) {
			return u.refused()
		}
	}
	return nil
}

// strictness folds the spellings of StrictHostKeyChecking.
func strictness(value string) string {
	switch lower := strings.ToLower(value); lower {
	case "true", "yes":
		return "yes"
	case "false", "no", "off":
		return "no"
	default:
		return cmp.Or(lower, "ask")
	}
}

// hostAddress gives name the form that ssh works with: lower case, and the
// usual form of an address. It is not sure of the old forms such as 127.1.
func hostAddress(name string) (string, bool) {
	numeric := strings.Trim(name, "0123456789.") == ""
	if !numeric && !strings.ContainsAny(name, ":%") {
		name = strings.ToLower(name)
		return name, !strings.HasPrefix(name, "0x")
	}
	address, err := netip.ParseAddr(name)
	if err != nil {
		return name, !numeric
	}
	if usual := address.String(); !strings.EqualFold(usual, name) {
		return usual, true
	}
	return name, true
}

// fill expands what has tokens: all of it needs the host, port and user.
func (r *Resolver) fill(s *Settings, f *found, q Query) error {
	e := r.expander(s, q)
	var err error
	if s.IdentityFiles, err = e.files(f.identities); err != nil {
		return err
	}
	s.IdentityFilesSet = len(f.identities) > 0
	if !s.IdentityFilesSet {
		s.IdentityFiles = e.defaults()
	}
	if s.CertificateFiles, err = e.files(f.certificates); err != nil {
		return err
	}
	if s.IdentityAgent, err = e.agent(f.first["identityagent"]); err != nil {
		return err
	}
	if s.UserKnownHostsFiles, err = e.knownHosts(f.first["userknownhostsfile"]); err != nil {
		return err
	}
	s.GlobalKnownHostsFiles = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
	if global, set := f.first["globalknownhostsfile"]; set {
		s.GlobalKnownHostsFiles = e.tildes(strings.Fields(global.value))
	}
	proxy := f.first["proxy"]
	if err := e.proxy(s, proxy.value); err != nil {
		return at(err, proxy.place)
	}
	s.ControlPath, err = e.control(f.first["controlpath"], s.ProxyJump)
	return err
}

// logins fills in how to log in and with what: settings without tokens, which
// both ways to resolve a host give as text.
func (s *Settings) logins(value func(keyword string) string) {
	s.HostKeyAlgorithms, s.KexAlgorithms = value("hostkeyalgorithms"), value("kexalgorithms")
	s.Ciphers, s.MACs = value("ciphers"), value("macs")
	s.PubkeyAcceptedAlgorithms = value("pubkeyacceptedalgorithms")
	s.PubkeyAuthentication = !isNo(value("pubkeyauthentication"))
	s.PasswordAuthentication = !isNo(value("passwordauthentication"))
	s.KbdInteractiveAuthentication = !isNo(value("kbdinteractiveauthentication"))
	s.PreferredAuthentications = value("preferredauthentications")
	s.BatchMode = isYes(value("batchmode"))
	s.NumberOfPasswordPrompts = atoi(cmp.Or(value("numberofpasswordprompts"), "3"))
	s.ServerAliveInterval, _ = seconds(value("serveraliveinterval"))
	s.ServerAliveCountMax = atoi(cmp.Or(value("serveralivecountmax"), "3"))
}

// defaultKeys are the IdentityFiles of OpenSSH 10, in its order. Older versions
// add kinds of keys that nothing supports any more.
var defaultKeys = []string{"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"}

// defaults are paths from the home directory, as IdentityFiles are.
func (e *expander) defaults() []string {
	files := make([]string, len(defaultKeys))
	for i, name := range defaultKeys {
		files[i] = path.Join(e.home, ".ssh", name)
	}
	return files
}

// knownHosts expands UserKnownHostsFile; without one the default files are
// named, and the second of them rarely exists.
func (e *expander) knownHosts(s setting) ([]string, error) {
	if s.value == "" {
		return []string{path.Join(e.home, ".ssh/known_hosts"), path.Join(e.home, ".ssh/known_hosts2")}, nil
	}
	var files []setting
	for _, file := range strings.Fields(s.value) {
		files = append(files, setting{place: s.place, value: file})
	}
	return e.files(files)
}

// expander returns what the tokens mean for a resolved host.
func (r *Resolver) expander(s *Settings, q Query) *expander {
	name, _ := os.Hostname()
	short, _, _ := strings.Cut(name, ".")
	return &expander{
		home: r.options.Home,
		env:  r.options.Env,
		tokens: tokens{
			'h': s.HostName, 'n': q.Alias, 'p': strconv.Itoa(s.Port), 'r': s.User,
			'k': cmp.Or(s.HostKeyAlias, q.Alias),
			'd': r.options.Home, 'u': r.options.LocalUser, 'i': strconv.Itoa(os.Getuid()), 'l': name, 'L': short,
		},
	}
}
