package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/text"
	"twaudit/remote"
)

// resolve makes hosts of the tree, in the order in which they were named. Hosts
// that cannot be audited over SSH are left out, with a note.
func (t *tree) resolve() ([]Host, error) {
	if err := t.rank(); err != nil {
		return nil, err
	}
	hosts := make([]Host, 0, len(t.members))
	for _, m := range t.members {
		set, err := t.setOf(m)
		if err != nil {
			return nil, err
		}
		c := candidate{t: t, member: m, set: set}
		host, here, err := c.host()
		if err != nil {
			return nil, err
		}
		if here {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(t.missing)
	t.missing = slices.Compact(t.missing)
	return hosts, nil
}

// candidate is a host on its way out of the tree.
type candidate struct {
	t      *tree
	member *member
	set    *groupSet
}

// find returns the value of a variable that Ansible would use. One that is null
// is not set.
func (c *candidate) find(name string) (setting, bool) {
	// host_vars beat the line of the host, and both beat every group, also one
	// whose group_vars were written later.
	for _, s := range []settings{c.member.files, c.member.vars, c.set.vars} {
		if i := s.index(name); i >= 0 {
			return s[i], s[i].value.form != null
		}
	}
	return setting{}, false
}

// text is the value of the last of names that is set: of two spellings Ansible
// takes the later one. Without any it is empty, and from has no line.
func (c *candidate) text(names ...string) (s string, from setting, err error) {
	for _, name := range slices.Backward(names) {
		if v, found := c.find(name); found {
			s, err = c.evaluate(v, 0)
			return s, v, err
		}
	}
	return "", setting{}, nil
}

// host is the member as a Host; here is false when it is left out. What only
// this host suffers from, and no line of the inventory could mend, is its Fault.
func (c *candidate) host() (host Host, here bool, err error) {
	host = Host{Name: c.member.name, Groups: c.set.names, At: c.member.at}
	here, err = c.overSSH()
	if err == nil && here {
		err = c.target(&host)
	}
	if err == nil && here {
		err = c.ssh(&host)
	}
	var fault *faultError
	switch {
	case err == nil:
		return host, here, nil
	case errors.As(err, &fault) || c.member.generated:
		// The alias keeps two such hosts apart; nobody connects to it.
		host.Target, host.SSH = remote.Target{Alias: c.member.name}, SSH{}
		host.Fault = text.CleanMax(err.Error(), 300)
		return host, true, nil
	}
	return Host{}, false, err
}

// faultError is about a value that is right for Ansible, and beyond us.
type faultError struct{ text string }

func (e *faultError) Error() string { return e.text }

// overSSH reports whether Ansible reaches the host by SSH, and notes what it is
// otherwise.
func (c *candidate) overSSH() (bool, error) {
	how, _, err := c.text("ansible_connection")
	if err != nil {
		return false, err
	}
	switch name := how[strings.LastIndexByte(how, '.')+1:]; name {
	case "", "ssh", "smart", "paramiko", "paramiko_ssh", "libssh":
		c.countPasswords()
		return true, nil
	case "local":
		c.t.apart.add("local", c.member.name)
	default:
		c.t.apart.add("connection "+text.CleanMax(how, 60), c.member.name)
	}
	return false, nil
}

// countPasswords remembers that the inventory holds a password. It is not read:
// one that lies in a file for all to see should not get into another program, and
// a prompt can ask for it.
func (c *candidate) countPasswords() {
	for _, name := range []string{"ansible_password", "ansible_ssh_pass", "ansible_ssh_password"} {
		if _, found := c.find(name); found {
			c.t.apart.add("password", c.member.name)
			return
		}
	}
}

// target finds address, port and user.
func (c *candidate) target(host *Host) error {
	address, from, err := c.text("ansible_host", "ansible_ssh_host")
	switch {
	case err != nil:
		return err
	case from.name != "":
		host.Target.Alias, err = c.address(address, from)
	default:
		host.Target, err = parseTarget(bracketed(c.member.name))
		if err != nil {
			err = fmt.Errorf("%s: host %s: %w", c.member.at, quote(c.member.name), err)
		}
	}
	if err != nil {
		return err
	}
	port, from, err := c.text("ansible_port", "ansible_ssh_port")
	if err != nil {
		return err
	}
	if from.name != "" {
		if host.Target.Port, err = number(port); err != nil || host.Target.Port < 1 || host.Target.Port > 65535 {
			return c.wrong(from, port, "is no port from 1 to 65535")
		}
	}
	// An empty user is none, as for Ansible; one of the name, in user@host, stays.
	user, from, err := c.text("ansible_user", "ansible_ssh_user")
	if err != nil || from.name == "" || user == "" {
		return err
	}
	if err := checkUser(user); err != nil {
		return c.wrong(from, user, err.Error())
	}
	host.Target.User = user
	return nil
}

// bracketed keeps an IPv6 address with a zone from being read as host and port.
func bracketed(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil && addr.Is6() {
		return "[" + name + "]"
	}
	return name
}

// address checks a value of ansible_host: it goes to ssh as it is.
func (c *candidate) address(s string, from setting) (string, error) {
	if err := checkHost(s); err != nil {
		return "", c.wrong(from, s, err.Error())
	}
	_, err := netip.ParseAddr(s)
	switch {
	case err == nil:
		return s, nil
	case strings.Contains(s, ":"):
		return "", c.wrong(from, s, "is no address: write the port as ansible_port")
	case strings.ContainsAny(s, "@/[]"):
		return "", c.wrong(from, s, "is no name or address: write a user as ansible_user")
	}
	return s, nil
}

// wrong is an error about the value of a variable of this host.
func (c *candidate) wrong(from setting, got, why string) error {
	return fmt.Errorf("%s: host %s: %s %s: %s", from.at, quote(c.member.name), from.name, quote(got), why)
}

// ssh finds the key file and the arguments of ssh.
func (c *candidate) ssh(host *Host) (err error) {
	if host.SSH.Identity, _, err = c.text("ansible_private_key_file", "ansible_ssh_private_key_file"); err != nil {
		return err
	}
	if strings.ContainsAny(host.SSH.Identity, "\"\n\x00") {
		return fmt.Errorf("%s: host %s: the key file %s: quotes and line ends are not possible", host.At, quote(host.Name), quote(host.SSH.Identity))
	}
	var settings []string
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		line, from, err := c.text(name)
		if err != nil {
			return err
		}
		if line == "" {
			continue
		}
		args, err := c.t.parseArgs(line)
		if err != nil {
			return c.wrong(from, line, err.Error())
		}
		if args.forgets {
			c.t.apart.add("forgets", c.member.name)
		}
		args.complete(host)
		settings = append(settings, args.settings...)
	}
	host.SSH.Settings = strings.Join(settings, "\n")
	return nil
}

// number reads digits alone, which strconv does not insist on.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err == nil && s[0] == '+' {
		err = strconv.ErrSyntax
	}
	return int(n), err
}

// tally collects what is said once for many hosts.
type tally struct {
	names map[string][]string
	order []string
}

// add files name under what; the notes come in the order in which the first host
// of each was met.
func (t *tally) add(what, name string) {
	if t.names == nil {
		t.names = map[string][]string{}
	}
	if t.names[what] == nil {
		t.order = append(t.order, what)
	}
	t.names[what] = append(t.names[what], name)
}

// said is every note about the tree.
func (t *tree) said() []Note {
	notes := t.notes
	for _, what := range t.apart.order {
		who := t.apart.names[what]
		hosts := fmt.Sprintf("%s hosts (%s)", text.Count(int64(len(who))), text.CleanMax(text.Fold(who), 200))
		verb := "have"
		if len(who) == 1 {
			hosts, verb = "host "+text.CleanMax(who[0], 200), "has"
		}
		notes = append(notes, Note(apartSaid(what, hosts, verb)))
	}
	return notes
}

// apartSaid is the sentence for one kind of note; what no case names is a way of
// connecting.
func apartSaid(what, hosts, verb string) string {
	switch what {
	case "local":
		return fmt.Sprintf("%s %s ansible_connection=local and is not audited over SSH: --local audits this machine", hosts, verb)
	case "password":
		return fmt.Sprintf("%s %s a password in the inventory: it is not used; --ask-pass asks for one", hosts, verb)
	case "forgets":
		return fmt.Sprintf("%s %s UserKnownHostsFile=/dev/null in the arguments of ssh: host keys are checked all the same", hosts, verb)
	case "unreferenced":
		return fmt.Sprintf("%s %s variables, but no group names them: left out, as Ansible does", hosts, verb)
	}
	return fmt.Sprintf("%s %s ansible_%s: left out, because twaudit speaks SSH only", hosts, verb, strings.Replace(what, " ", "=", 1))
}
