package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"twaudit/internal/text"
)

// jsonReader reads what a script prints for --list.
type jsonReader struct {
	t       *tree
	from    origin
	data    []byte
	decoder *json.Decoder
	line    int   // of the last offset that was asked for
	offset  int64 // likewise

	meta bool                // _meta.hostvars was there
	vars map[string]settings // of _meta, for hosts that groups may name later
}

// errYAMLShape says that hosts or children are mappings: that is YAML's shape.
var errYAMLShape = errors.New("an inventory in the shape of YAML")

// readJSON reports whether _meta.hostvars was there: then no host is asked for
// its variables one by one.
func (t *tree) readJSON(data []byte, from origin) (meta bool, err error) {
	if line := badText(data); line > 0 {
		return false, fmt.Errorf("%s: binary data: an inventory is text in UTF-8", from.at(line))
	}
	r := newJSONReader(t, data, from)
	switch err := r.top(); {
	case errors.Is(err, errYAMLShape):
		// JSON is YAML, and what was read so far is read again alike.
		return true, t.readYAML(data, from)
	case err != nil:
		return false, err
	}
	r.apply()
	return r.meta, nil
}

// newJSONReader reads with a decoder, not into one big value: the facts of a
// cloud about 50,000 machines are mostly dropped.
func newJSONReader(t *tree, data []byte, from origin) *jsonReader {
	return &jsonReader{t: t, from: from, data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1, vars: map[string]settings{}}
}

// variables reads one object of variables, such as a script prints for --host.
func (r *jsonReader) variables() (settings, error) {
	var all map[string]json.RawMessage
	if err := r.decode(&all); err != nil {
		return nil, err
	}
	return r.settings(all), nil
}

// at is the line of what the decoder has just read.
func (r *jsonReader) at() Position {
	offset := min(r.decoder.InputOffset(), int64(len(r.data)))
	r.line += bytes.Count(r.data[r.offset:offset], []byte("\n"))
	r.offset = offset
	return r.from.at(r.line)
}

// fault says where the decoder gave up. Its own words name only an offset.
func (r *jsonReader) fault(err error) error {
	var syntax *json.SyntaxError
	line := r.at().Line
	if errors.As(err, &syntax) {
		line = 1 + bytes.Count(r.data[:min(syntax.Offset, int64(len(r.data)))], []byte("\n"))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = errors.New("it ends in the middle")
		line = 1 + bytes.Count(r.data, []byte("\n"))
	}
	return fmt.Errorf("%s: no inventory in JSON: %s", r.from.at(line), text.CleanMax(err.Error(), 200))
}

// object calls each for every key of the object that comes next.
func (r *jsonReader) object(what string, each func(key string) error) error {
	token, err := r.decoder.Token()
	if err != nil {
		return r.fault(err)
	}
	if token != json.Delim('{') {
		return fmt.Errorf("%s: %s is no JSON object", r.at(), what)
	}
	for r.decoder.More() {
		key, err := r.decoder.Token()
		if err != nil {
			return r.fault(err)
		}
		if err := each(key.(string)); err != nil { // within an object a key is a string
			return err
		}
	}
	if _, err := r.decoder.Token(); err != nil {
		return r.fault(err)
	}
	return nil
}

// top reads the whole answer. Text after it is an error: two answers in a row are
// a script that went wrong.
func (r *jsonReader) top() error {
	err := r.object("the inventory", func(key string) error {
		if key == "_meta" {
			return r.object("_meta", r.metaPart)
		}
		return r.group(key)
	})
	if err != nil {
		return err
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: text after the end of the JSON object", r.at())
	}
	return nil
}

// metaPart reads one key of _meta; others than hostvars are for caches.
func (r *jsonReader) metaPart(key string) error {
	if key != "hostvars" {
		var skipped json.RawMessage
		return r.decode(&skipped)
	}
	r.meta = true
	return r.object("_meta.hostvars", func(host string) error {
		vars, err := r.variables()
		r.vars[host] = vars
		return err
	})
}

func (r *jsonReader) decode(to any) error {
	if err := r.decoder.Decode(to); err != nil {
		return r.fault(err)
	}
	return nil
}

// settings keeps the variables that count.
func (r *jsonReader) settings(all map[string]json.RawMessage) settings {
	var kept settings
	at := r.at()
	for name := range r.t.wanted {
		if raw, found := all[name]; found {
			r.t.keep(&kept, name, jsonValue(raw), at)
		}
	}
	slices.SortFunc(kept, bySettingName)
	return kept
}

// group reads one group: an object, or in the oldest form a list of hosts.
func (r *jsonReader) group(name string) error {
	g, err := r.t.group(name, r.at())
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := r.decode(&raw); err != nil {
		return err
	}
	at := r.at()
	if raw[0] == '[' {
		return r.hosts(g, raw, at)
	}
	var parts map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &parts) != nil {
		return fmt.Errorf("%s: the group %s holds %s: it must be an object or a list of hosts", at, quote(name), quote(string(raw)))
	}
	hosts, vars, children := parts["hosts"], parts["vars"], parts["children"]
	// Anything else beside the three known keys is ignored by Ansible.
	if hosts == nil && vars == nil && children == nil && len(parts) > 0 {
		// A host with its variables, written as if it were a group.
		if _, err := r.t.host(name, g, r.from, at.Line); err != nil {
			return err
		}
		r.vars[name] = append(r.settings(parts), r.vars[name]...)
		return nil
	}
	if isObject(hosts) || isObject(children) {
		return errYAMLShape
	}
	if err := r.hosts(g, hosts, at); err != nil {
		return err
	}
	if err := r.groupVars(g, vars, at); err != nil {
		return err
	}
	return r.children(g, children, at)
}

func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// hosts adds the members of g. Scripts name them one by one: brackets are no
// ranges here.
func (r *jsonReader) hosts(g *group, raw json.RawMessage, at Position) error {
	names, err := jsonNames(raw)
	if err != nil {
		return fmt.Errorf("%s: hosts of the group %s are %s: they must be a list of names", at, quote(g.name), quote(string(raw)))
	}
	for _, name := range names {
		if _, err := r.t.host(name, g, r.from, at.Line); err != nil {
			return err
		}
	}
	return nil
}

// groupVars reads vars; absent and null are none.
func (r *jsonReader) groupVars(g *group, raw json.RawMessage, at Position) error {
	var vars map[string]json.RawMessage
	if raw != nil && json.Unmarshal(raw, &vars) != nil {
		return fmt.Errorf("%s: vars of the group %s are %s: they must be an object", at, quote(g.name), quote(string(raw)))
	}
	for _, v := range r.settings(vars) {
		r.t.keep(&g.vars, v.name, v.value, at)
	}
	if priority := vars["ansible_group_priority"]; priority != nil {
		return r.t.groupVar(g, "ansible_group_priority", jsonValue(priority), at)
	}
	return nil
}

// children adds groups to g. One that is described nowhere exists all the same,
// as for Ansible: clouds name groups before anything is in them.
func (r *jsonReader) children(g *group, raw json.RawMessage, at Position) error {
	names, err := jsonNames(raw)
	if err != nil {
		return fmt.Errorf("%s: children of the group %s are %s: they must be a list of groups", at, quote(g.name), quote(string(raw)))
	}
	for _, name := range names {
		child, err := r.t.group(name, at)
		if err != nil {
			return err
		}
		if err := r.t.contain(g, child, at); err != nil {
			return err
		}
	}
	return nil
}

// apply gives the variables of _meta to the hosts that groups named.
func (r *jsonReader) apply() {
	var unknown []string
	for name, vars := range r.vars {
		m := r.t.hosts[name]
		if m == nil {
			unknown = append(unknown, text.Clean(name))
			continue
		}
		for _, v := range vars {
			m.vars.set(v)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		r.t.apart.add("unreferenced", name)
	}
}

// jsonNames reads a list of names; null and nothing are an empty one.
func jsonNames(raw json.RawMessage) (names []string, err error) {
	if raw == nil {
		return nil, nil
	}
	err = json.Unmarshal(raw, &names)
	return names, err
}

// jsonValue reads one variable. ansible-inventory marks text that is no
// template, and what it could not decrypt.
func jsonValue(raw json.RawMessage) scalar {
	var s string
	switch {
	case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		return scalar{text: s}
	case string(raw) == "null":
		return scalar{form: null}
	case string(raw) == "true":
		return scalar{text: "True"}
	case string(raw) == "false":
		return scalar{text: "False"}
	case raw[0] == '{':
		var marked struct {
			Unsafe *string `json:"__ansible_unsafe"`
			Vault  *string `json:"__ansible_vault"`
		}
		if json.Unmarshal(raw, &marked) == nil && marked.Unsafe != nil {
			return scalar{text: *marked.Unsafe, form: literal}
		}
		if marked.Vault != nil {
			return scalar{form: secret}
		}
		return scalar{form: structure}
	case raw[0] == '[':
		return scalar{form: structure}
	}
	return scalar{text: string(raw)} // a number
}
