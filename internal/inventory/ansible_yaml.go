package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of one YAML file. Aliases let a short text stand for a long one: what
// they stand for may be so many entries, and four more for each byte of the file.
const (
	maxYAMLDepth   = 100
	maxYAMLAliases = 1 << 18
)

// yamlReader reads one file of Ansible's YAML.
type yamlReader struct {
	t       *tree
	from    origin
	depth   int
	aliased int // how many aliases the current node stands behind
	budget  int // of nodes behind aliases
}

// readYAML adds one file to the tree. The top is a mapping of groups, of which all
// is one like the others.
func (t *tree) readYAML(data []byte, from origin) error {
	r := &yamlReader{t: t, from: from, budget: maxYAMLAliases + 4*len(data)}
	top, err := parseYAML(data, from.file)
	switch {
	case err != nil:
		return err
	case top == nil:
		return nil
	case top.Kind != yaml.MappingNode:
		return r.fault(top, "the file holds %s: it must begin with a group, such as all:", kindOf(top))
	}
	return r.mapping(top, true, func(key, node *yaml.Node) error {
		if key.Value == "plugin" {
			return r.fault(key, "these are the settings of an Ansible plugin: use --inventory-kind ansible-inventory")
		}
		_, err := r.group(key, node)
		return err
	})
}

// yamlLine finds where the parser stumbled.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// parseYAML returns the top of the one document in data; nil when it is empty.
func parseYAML(data []byte, file string) (*yaml.Node, error) {
	if line := badText(data); line > 0 {
		return nil, fmt.Errorf("%s: binary data: an inventory is text in UTF-8", Position{file, line})
	}
	if bytes.HasPrefix(data, []byte("$ANSIBLE_VAULT;")) {
		return nil, fmt.Errorf("%s: %w", Position{file, 1}, errVault)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		if err = decoder.Decode(&second); err == nil {
			return nil, fmt.Errorf("%s: a second document begins here: an inventory is one", Position{file, second.Line})
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return nil, yamlFault(err, data, file)
	}
	if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" {
		return nil, nil
	}
	return doc.Content[0], nil
}

var errVault = errors.New("the file is encrypted by ansible-vault")

// badText is the first line that is no text; 0 when there is none.
func badText(data []byte) int {
	if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 {
		return 0
	}
	number := 0
	for line := range bytes.Lines(data) {
		if number++; !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return number
		}
	}
	return 1
}

// yamlFault says of an error of the parser where it is, and shows the line.
func yamlFault(err error, data []byte, file string) error {
	said := err.Error()
	at := Position{File: file}
	if parts := yamlLine.FindStringSubmatch(said); parts != nil {
		at.Line, _ = strconv.Atoi(parts[1])
		said = said[len(parts[0]):]
	}
	number, shown := 0, ""
	for line := range bytes.Lines(data) {
		if number++; number == at.Line {
			shown = string(bytes.TrimRight(line, "\r\n"))
		}
	}
	hint := ""
	if indent := shown[:len(shown)-len(strings.TrimLeft(shown, " \t"))]; strings.Contains(indent, "\t") {
		hint = ": indent with blanks, not with tabs"
	}
	return fmt.Errorf("%s: %s is no YAML: %s%s", at, quote(shown), quote(said), hint)
}

// fault is an error with the line of a node.
func (r *yamlReader) fault(node *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s: %s", r.from.at(node.Line), fmt.Sprintf(format, args...))
}

// kindOf names what stands where something else should, for people.
func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	return quote(node.Value)
}

// enter resolves an alias and counts what stands behind it. The caller defers
// leave.
func (r *yamlReader) enter(node *yaml.Node) (*yaml.Node, error) {
	if r.depth++; r.depth > maxYAMLDepth {
		return nil, r.fault(node, "nested more than %d levels deep", maxYAMLDepth)
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
		r.aliased++
	}
	return node, nil
}

// mapping calls each for the pairs of a mapping in Ansible's order: first those
// that << brings in, then its own. With once, a key that stands there twice is
// an error: Ansible would drop the first, with all hosts in it.
func (r *yamlReader) mapping(node *yaml.Node, once bool, each func(key, value *yaml.Node) error) error {
	depth, aliased := r.depth, r.aliased
	defer func() { r.depth, r.aliased = depth, aliased }()
	node, err := r.enter(node)
	if err != nil {
		return err
	}
	if node.Kind != yaml.MappingNode {
		return r.fault(node, "%s where a mapping is merged", kindOf(node))
	}
	// What stands in the text itself is bounded by its size.
	if r.aliased > 0 {
		if r.budget -= len(node.Content) + 1; r.budget < 0 {
			return r.fault(node, "aliases stand for more entries than an inventory can have")
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].ShortTag() == "!!merge" {
			if err := r.merge(node.Content[i+1], once, each); err != nil {
				return err
			}
		}
	}
	return r.own(node, once, each)
}

// merge takes the value of <<: a mapping or a list of them, of which the first
// counts most.
func (r *yamlReader) merge(node *yaml.Node, once bool, each func(key, value *yaml.Node) error) error {
	if node.Kind != yaml.SequenceNode {
		return r.mapping(node, once, each)
	}
	for i := len(node.Content) - 1; i >= 0; i-- {
		if err := r.mapping(node.Content[i], once, each); err != nil {
			return err
		}
	}
	return nil
}

// own calls each for what the mapping itself says.
func (r *yamlReader) own(node *yaml.Node, once bool, each func(key, value *yaml.Node) error) error {
	var seen map[string]int // line by key
	if once {
		seen = make(map[string]int, len(node.Content)/2)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.ShortTag() == "!!merge" { // was first
			continue
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return r.fault(key, "%s is no name", kindOf(key))
		}
		if first := seen[key.Value]; first > 0 {
			return r.fault(key, "%s stands here again, first in line %d: Ansible takes the last alone; put them together", quote(key.Value), first)
		}
		if once {
			seen[key.Value] = key.Line
		}
		if err := each(key, node.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// resolved is what an alias stands for.
func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// isNull is also true for a key with nothing behind it.
func isNull(node *yaml.Node) bool { return resolved(node).ShortTag() == "!!null" }

// group reads one group and what is in it.
func (r *yamlReader) group(key, node *yaml.Node) (*group, error) {
	if key.ShortTag() != "!!str" {
		return nil, r.fault(key, "the group %s is no text: put it in quotes", quote(key.Value))
	}
	g, err := r.t.group(key.Value, r.from.at(key.Line))
	switch {
	case err != nil:
		return nil, err
	case isNull(node):
		return g, nil
	case resolved(node).Kind != yaml.MappingNode:
		return nil, r.fault(node, "the group %s holds %s: it must hold hosts:, vars: or children:", quote(key.Value), kindOf(resolved(node)))
	}
	return g, r.mapping(node, true, func(part, content *yaml.Node) error {
		switch part.Value {
		case "hosts", "vars", "children":
			return r.part(g, part, content)
		}
		r.t.notes = append(r.t.notes, Note(fmt.Sprintf("%s: %s of the group %s is skipped, as Ansible does: a group holds hosts, vars and children",
			r.from.at(part.Line), quote(part.Value), quote(key.Value))))
		return nil
	})
}

// part reads the hosts, vars or children of g.
func (r *yamlReader) part(g *group, part, content *yaml.Node) error {
	target := resolved(content)
	switch {
	case isNull(content):
		return nil
	case target.Kind == yaml.ScalarNode && target.ShortTag() == "!!str" && part.Value != "vars":
		// Ansible lets one name stand for a mapping.
		return r.entry(g, part.Value, target, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: target.Line})
	case target.Kind != yaml.MappingNode:
		return r.fault(content, "%s of the group %s is %s: write a mapping, one \"NAME:\" a line", part.Value, quote(g.name), kindOf(target))
	}
	return r.mapping(content, part.Value != "vars", func(key, node *yaml.Node) error { return r.entry(g, part.Value, key, node) })
}

// entry reads one host, variable or child of g.
func (r *yamlReader) entry(g *group, part string, key, node *yaml.Node) error {
	switch part {
	case "hosts":
		return r.host(g, key, node)
	case "vars":
		return r.t.groupVar(g, key.Value, yamlValue(node), r.from.at(key.Line))
	}
	child, err := r.group(key, node)
	if err != nil {
		return err
	}
	return r.t.contain(g, child, r.from.at(key.Line))
}

// host reads one key of hosts, which may be a pattern, and its variables.
func (r *yamlReader) host(g *group, key, node *yaml.Node) error {
	if key.ShortTag() != "!!str" {
		return r.fault(key, "the host %s is no text: put it in quotes", quote(key.Value))
	}
	members, err := r.t.named(key.Value, g, r.from, key.Line)
	switch {
	case err != nil:
		return err
	case isNull(node):
		return nil
	case resolved(node).Kind != yaml.MappingNode:
		return r.fault(node, "the host %s holds %s: it must hold variables, one \"NAME: VALUE\" a line", quote(key.Value), kindOf(resolved(node)))
	}
	return r.mapping(node, false, func(name, content *yaml.Node) error {
		if _, wanted := r.t.wanted[name.Value]; !wanted {
			return nil
		}
		v, at := yamlValue(content), r.from.at(name.Line)
		for _, m := range members {
			r.t.keep(&m.vars, name.Value, v, at)
		}
		return nil
	})
}

// yamlValue reads a scalar as Ansible does.
func yamlValue(node *yaml.Node) scalar {
	node = resolved(node)
	if node.Kind != yaml.ScalarNode {
		return scalar{form: structure}
	}
	switch node.ShortTag() {
	case "!!null":
		return scalar{form: null}
	case "!vault", "!vault-encrypted":
		return scalar{form: secret}
	case "!unsafe":
		return scalar{text: node.Value, form: literal}
	case "!!bool":
		return scalar{text: strings.ToUpper(node.Value[:1]) + strings.ToLower(node.Value[1:])}
	case "!!int":
		var n int64
		if node.Decode(&n) == nil {
			return scalar{text: strconv.FormatInt(n, 10)}
		}
	}
	return scalar{text: node.Value}
}
