package inventory

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// maxNesting bounds variables in the values of variables, which may go round in
// a circle.
const maxNesting = 10

// reference is the one kind of template whose value is beyond doubt: a variable,
// without filters.
var reference = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// evaluate is the text of a setting for this host. A template that asks for
// more than variables of the inventory is a faultError: a guess could lead to
// another machine.
func (c *candidate) evaluate(s setting, nesting int) (string, error) {
	v := s.value
	switch {
	case v.form == secret:
		return "", c.beyond(s, "is encrypted")
	case v.form == structure:
		return "", fmt.Errorf("%s: host %s: %s is a list or a mapping: it must be text", s.at, quote(c.member.name), s.name)
	case v.form == literal || !isTemplate(v.text):
		return v.text, nil
	case nesting > maxNesting:
		return "", c.beyond(s, "leads from variable to variable without end")
	}
	var failed error
	result := reference.ReplaceAllStringFunc(v.text, func(match string) string {
		name := reference.FindStringSubmatch(match)[1]
		replaced, err := c.variable(s, name, nesting)
		if err != nil && failed == nil {
			failed = err
		}
		return replaced
	})
	if failed != nil {
		return "", failed
	}
	// What is left was no reference, unless a value brought it in: then Ansible
	// would not look at it again either, and ssh's check refuses braces.
	if isTemplate(reference.ReplaceAllString(v.text, "")) {
		return "", c.beyond(s, "is a template that only Ansible can evaluate")
	}
	return result, nil
}

// isTemplate errs on the side of caution: a lone {{ is one too.
func isTemplate(s string) bool {
	return strings.Contains(s, "{{") || strings.Contains(s, "{%") || strings.Contains(s, "{#")
}

// variable is the value of name for this host, as a part of s.
func (c *candidate) variable(s setting, name string, nesting int) (string, error) {
	m := c.member
	if m.dir != "" && (name == "inventory_dir" || name == "inventory_file") {
		dir, err := filepath.Abs(m.dir)
		if name == "inventory_file" {
			dir = filepath.Join(dir, filepath.Base(m.at.File))
		}
		return dir, err
	}
	switch name {
	case "inventory_hostname":
		return m.name, nil
	case "inventory_hostname_short":
		short, _, _ := strings.Cut(m.name, ".")
		return short, nil
	}
	// Not kept is not unset: the next round keeps it.
	if _, kept := c.t.wanted[name]; !kept {
		c.t.missing = append(c.t.missing, name)
		return "", c.beyond(s, "needs "+name)
	}
	of, found := c.find(name)
	if !found {
		return "", c.beyond(s, "needs the variable "+name+", which the inventory does not set")
	}
	if of.value.form == structure {
		return "", c.beyond(s, "needs "+name+", which is no plain text")
	}
	return c.evaluate(of, nesting+1)
}

// beyond is the fault of a host whose setting s cannot be known. It does not
// quote an encrypted value.
func (c *candidate) beyond(s setting, why string) error {
	shown := ""
	if s.value.form != secret {
		shown = " " + quote(s.value.text)
	}
	return &faultError{fmt.Sprintf("%s: %s%s %s", s.at, s.name, shown, why)}
}
