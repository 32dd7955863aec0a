package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"twaudit/internal/text"
)

// maxNested bounds directories in directories, which links may close to a circle.
const maxNested = 16

// varsEndings are the names of a file of variables after that of its group or
// host, in the order in which Ansible looks; the first that exists counts.
var varsEndings = [...]string{"", ".yml", ".yaml", ".json"}

// readVarsFiles gives groups and hosts the variables of group_vars and host_vars
// in dir. Each of the two is listed once, so that hosts without a file cost
// nothing.
func (t *tree) readVarsFiles(dir string) error {
	left := int64(MaxBytes)
	found, err := listed(filepath.Join(dir, "group_vars"))
	if err != nil {
		return err
	}
	for _, g := range t.listed {
		if len(found) == 0 {
			break
		}
		if err := t.varsOf(found, g.name, &g.files, &left); err != nil {
			return err
		}
	}
	if found, err = listed(filepath.Join(dir, "host_vars")); err != nil || len(found) == 0 {
		return err
	}
	for _, m := range t.members {
		if err := t.varsOf(found, m.name, &m.files, &left); err != nil {
			return err
		}
	}
	return nil
}

// listed are the paths in dir by name; none when there is no such directory.
func listed(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err != nil && !isDir(dir) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inventory %s: %w", text.CleanMax(dir, 200), bare(err))
	}
	found := make(map[string]string, len(entries))
	for _, e := range entries {
		found[e.Name()] = filepath.Join(dir, e.Name())
	}
	return found, nil
}

// isDir follows links, as Ansible does: shared directories of variables are often
// links.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// varsOf reads the files of one group or host.
func (t *tree) varsOf(found map[string]string, name string, to *settings, left *int64) error {
	for _, ending := range varsEndings {
		path, exists := found[name+ending]
		if !exists {
			continue
		}
		if !isDir(path) {
			return t.varsFile(path, to, left)
		}
		files, err := varsBelow(path, 0)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := t.varsFile(file, to, left); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// varsBelow lists the files of a directory of variables as Ansible reads them:
// sorted, without hidden ones and backups, and directories without an ending.
func varsBelow(dir string, depth int) ([]string, error) {
	if depth > maxNested {
		return nil, fmt.Errorf("inventory %s: directories nested more than %d levels deep", text.CleanMax(dir, 200), maxNested)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("inventory %s: %w", text.CleanMax(dir, 200), bare(err))
	}
	var files []string
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		ending := filepath.Ext(name)
		switch {
		case name[0] == '.' || strings.HasSuffix(name, "~"):
		case isDir(path):
			if ending == "" {
				more, err := varsBelow(path, depth+1)
				if err != nil {
					return nil, err
				}
				files = append(files, more...)
			}
		case slices.Contains(varsEndings[:], ending):
			files = append(files, path)
		}
	}
	return files, nil
}

// varsFile reads one mapping of variables. An encrypted file is noted: it may
// say nothing about the way to a host, and mostly does not.
func (t *tree) varsFile(path string, to *settings, left *int64) error {
	name := text.CleanMax(path, 200)
	data, err := readSome(path, left)
	if err != nil {
		return fmt.Errorf("inventory %s: %w", name, err)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	top, err := parseYAML(data, name)
	switch {
	case errors.Is(err, errVault):
		t.notes = append(t.notes, Note(name+" is encrypted by ansible-vault: what it may say about reaching hosts is not known"))
		return nil
	case err != nil:
		return err
	case top == nil:
		return nil
	case top.Kind != yaml.MappingNode:
		return fmt.Errorf("%s: the file holds %s: it must hold variables, one \"NAME: VALUE\" a line", Position{name, top.Line}, kindOf(top))
	}
	r := &yamlReader{t: t, from: origin{file: name}, budget: maxYAMLAliases + 4*len(data)}
	return r.mapping(top, false, func(key, node *yaml.Node) error {
		t.keep(to, key.Value, yamlValue(node), r.from.at(key.Line))
		return nil
	})
}

// readSome reads a regular file, and takes its size from left.
func readSome(path string, left *int64) ([]byte, error) {
	info, err := os.Stat(path) // before the opening, which waits for ever on a pipe
	switch {
	case err != nil:
		return nil, bare(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("is no file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, *left+1))
	if err != nil {
		return nil, bare(err)
	}
	if *left -= int64(len(data)); *left < 0 {
		return nil, errTooBig
	}
	return data, nil
}
