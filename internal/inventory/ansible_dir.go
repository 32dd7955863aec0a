package inventory

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"twaudit/internal/text"
)

// skipped are the names in an inventory directory that Ansible does not read.
var (
	skippedNames   = [...]string{"group_vars", "host_vars", "vars_plugins"}
	skippedEndings = [...]string{".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".ini", ".cfg", ".retry"}
)

// directory is an inventory in several files.
type directory struct {
	parts []func(*tree) error // one for each file; they may be called several times
	notes []Note
	left  int64 // bytes that may still be read
	// plugin is the first file that only Ansible can read. What such a file says
	// may depend on all the others.
	plugin string
}

// readAnsibleDir reads every file of a directory in the order of their names, as
// one inventory.
func readAnsibleDir(ctx context.Context, path string) ([]Host, []Note, error) {
	d := &directory{left: MaxBytes}
	if err := d.collect(ctx, path, 0); err != nil {
		return nil, nil, err
	}
	// A plugin such as constructed makes groups of what the other files say, so
	// that its own file alone would mean nothing.
	if d.plugin != "" {
		return askAnsible(ctx, path)
	}
	if len(d.parts) == 0 {
		return nil, nil, fmt.Errorf("inventory %s: no inventory in this directory: put files such as hosts or hosts.yml into it (Ansible reads no %s there)",
			text.CleanMax(path, 200), strings.Join(skippedEndings[:], " "))
	}
	hosts, notes, err := fromTree(path, func(t *tree) error {
		for _, read := range d.parts {
			if err := read(t); err != nil {
				return err
			}
		}
		return nil
	})
	return hosts, append(d.notes, notes...), err
}

// collect takes in what is below dir.
func (d *directory) collect(ctx context.Context, dir string, depth int) error {
	name := text.CleanMax(dir, 200)
	if depth > maxNested {
		return fmt.Errorf("inventory %s: directories nested more than %d levels deep", name, maxNested)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("inventory %s: %w", name, bare(err))
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case d.plugin != "":
			return nil
		case skipped(e.Name()):
			if strings.HasSuffix(e.Name(), ".ini") {
				d.notes = append(d.notes, Note(fmt.Sprintf("inventory %s: %s is skipped, as Ansible skips *.ini in a directory: name it with -i to read it", name, text.Clean(e.Name()))))
			}
		case isDir(path):
			if err := d.collect(ctx, path, depth+1); err != nil {
				return err
			}
		default:
			if err := d.file(ctx, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// skipped reports whether Ansible would not read a file or directory of this
// name. Its own setting for that is in ansible.cfg, which is not read here.
func skipped(name string) bool {
	if name[0] == '.' {
		return true
	}
	for _, s := range skippedNames {
		if name == s {
			return true
		}
	}
	for _, s := range skippedEndings {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// file takes in one file, as what its name and its text say that it is.
func (d *directory) file(ctx context.Context, path string) error {
	name := text.CleanMax(path, 200)
	data, err := readSome(path, &d.left)
	if err != nil {
		return fmt.Errorf("inventory %s: %w", name, err)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	from := origin{file: name, dir: filepath.Dir(path)}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("inventory %s: %w", name, bare(err))
	}
	ending := filepath.Ext(path)
	yaml := ending == ".yml" || ending == ".yaml"
	switch {
	case isStuck(info.Mode(), data):
		return errStuck(name)
	case isProgram(info.Mode(), data):
		d.parts = append(d.parts, d.program(ctx, path))
	case ending == ".toml" || yaml && looksLikePlugin(data):
		d.plugin = path
	case (ending == "" || ending == ".json") && looksLikeDynamic(data):
		d.parts = append(d.parts, func(t *tree) error { _, err := t.readJSON(data, from); return err })
	case yaml || ending == ".json" || ending == "" && looksLikeYAML(data):
		d.parts = append(d.parts, func(t *tree) error { return t.readYAML(data, from) })
	default:
		d.parts = append(d.parts, func(t *tree) error { return t.readINI(data, from) })
	}
	return nil
}

// program is started when everything is found, and once: nothing is when a
// plugin means that Ansible itself has to read the directory.
func (d *directory) program(ctx context.Context, path string) func(*tree) error {
	var said *answer
	return func(t *tree) error {
		if said == nil {
			a, err := runScript(ctx, path)
			if err != nil {
				return err
			}
			said = a
			d.notes = append(d.notes, a.notes...)
		}
		return said.fill(t)
	}
}
