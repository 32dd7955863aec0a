package inventory

import (
	"context"
	"fmt"
	"path/filepath"
)

// The readers of what Ansible users have. Each takes a whole source: data is at
// most MaxBytes, file is its name in messages, and dir is the directory whose
// group_vars and host_vars belong to it: that of the file, "" for standard
// input. A directory and a program bring their own.

// parseAnsibleINI reads sections of hosts, vars and children.
func parseAnsibleINI(data []byte, file, dir string) ([]Host, []Note, error) {
	return fromTree(dir, func(t *tree) error {
		return t.readINI(data, origin{file: file, dir: dir})
	})
}

// parseAnsibleYAML reads groups as mappings of hosts, vars and children.
func parseAnsibleYAML(data []byte, file, dir string) ([]Host, []Note, error) {
	return fromTree(dir, func(t *tree) error {
		return t.readYAML(data, origin{file: file, dir: dir})
	})
}

// parseDynamic reads the JSON that an inventory script prints for --list, and
// inventories in YAML's shape that are written as JSON.
func parseDynamic(data []byte, file, dir string) ([]Host, []Note, error) {
	return fromTree(dir, func(t *tree) error {
		_, err := t.readJSON(data, origin{file: file, dir: dir})
		return err
	})
}

// runInventory starts the program at path and reads what it prints.
func runInventory(ctx context.Context, path string) ([]Host, []Note, error) {
	answer, err := runScript(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	hosts, notes, err := fromTree(filepath.Dir(path), answer.fill)
	return hosts, append(answer.notes, notes...), err
}

// askAnsible lets ansible-inventory read path, which may be a directory. What it
// answers holds group_vars and host_vars already.
func askAnsible(ctx context.Context, path string) ([]Host, []Note, error) {
	answer, err := runAnsible(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	hosts, notes, err := fromTree("", answer.fill)
	return hosts, append(answer.notes, notes...), err
}

// origin is the file that is being read.
type origin struct {
	file      string // its name in messages
	dir       string // where it lies; "": nowhere
	generated bool   // a program wrote it: a bad host is that host's failure, because nobody can mend the text
}

func (o origin) at(line int) Position { return Position{o.file, line} }

// maxRounds bounds how far one variable may be defined by the next.
const maxRounds = 8

// fromTree makes hosts of what fill reads. Only variables that concern the way
// to a host are kept; when one of them is made of others, as in
// "{{ stage }}.example.com", everything is read once more for those.
func fromTree(varsDir string, fill func(*tree) error) ([]Host, []Note, error) {
	var also []string
	for range maxRounds {
		t := newTree(also)
		if err := fill(t); err != nil {
			return nil, nil, err
		}
		if varsDir != "" {
			if err := t.readVarsFiles(varsDir); err != nil {
				return nil, nil, err
			}
		}
		hosts, err := t.resolve()
		switch {
		case err != nil:
			return nil, nil, err
		case len(t.missing) == 0:
			return hosts, t.said(), nil
		}
		also = append(also, t.missing...)
	}
	return nil, nil, fmt.Errorf("variables lead from one to the next more than %d times: write the value of %s out", maxRounds, quote(also[len(also)-1]))
}
