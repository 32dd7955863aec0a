package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// told remembers from one process to the next when somebody was told something, in
// a small file beside the history. An empty path remembers nothing.
type told struct{ path string }

// telling is the last time of one kind.
type telling struct {
	At   time.Time `json:"at"`
	Held bool      `json:"held,omitempty"` // since then there was something to tell, and it is not known to have arrived
}

// forgotten is how long a telling is kept that nobody asks for.
const forgotten = 400 * 24 * time.Hour

// toldBeside is the memory that belongs to the history of a scan.
func (a *App) toldBeside(flags *scanFlags) told {
	if flags.noHistory {
		return told{}
	}
	path, err := a.historyPath(flags.history)
	if err != nil {
		return told{} // the history has said what is missing
	}
	t := told{path + ".told.json"}
	damage, aside, err := t.setAside(a.Now())
	if err != nil {
		a.print(err.Error())
	}
	if aside != "" {
		a.print(damage.Error() + ": it is set aside as " + aside + ", and when somebody was told last is not known")
	}
	return t
}

// setAside renames a file that is no memory, so that it is met once. Its results are
// what is wrong with it and the new name; both are zero where there is no such file.
func (t told) setAside(now time.Time) (damage error, aside string, err error) {
	if _, err := t.read(); !damaged(err) {
		return nil, "", nil // who cannot open it, says so when it is needed
	}
	err = t.locked(func() error {
		if _, damage = t.read(); !damaged(damage) {
			return nil // another process was faster
		}
		name := t.path + ".damaged-" + now.UTC().Format("20060102T150405Z")
		if err := os.Rename(t.path, name); err != nil {
			return err
		}
		aside = name
		return nil
	})
	return damage, aside, err
}

// damaged reports whether err is about what is in a file, not about reaching it.
func damaged(err error) bool {
	var path *fs.PathError
	return err != nil && !errors.As(err, &path)
}

// last is the telling under key; the zero value when there is none.
func (t told) last(key string) (telling, error) {
	all, err := t.read()
	return all[key], err
}

func (t told) read() (map[string]telling, error) {
	all := map[string]telling{}
	if t.path == "" {
		return all, nil
	}
	data, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return all, err
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return map[string]telling{}, fmt.Errorf("%s: %w", t.path, err)
	}
	if all == nil {
		return map[string]telling{}, fmt.Errorf("%s: it holds null", t.path)
	}
	return all, nil
}

// set stores a telling. Two processes that tell at the same time wait for each
// other; a file that cannot be read is begun anew.
func (t told) set(key string, value telling) error {
	if t.path == "" {
		return nil
	}
	return t.locked(func() error { return t.put(key, value) })
}

// locked calls do when no other process that heeds the lock changes the file.
func (t told) locked(do func() error) error {
	if err := os.MkdirAll(filepath.Dir(t.path), 0o700); err != nil {
		return err
	}
	guard, err := os.OpenFile(t.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer guard.Close()
	if err := waitLock(guard); err != nil {
		return err
	}
	return do()
}

// put is set, with the lock held.
func (t told) put(key string, value telling) error {
	all, err := t.read()
	if err != nil {
		all = map[string]telling{}
	}
	all[key] = value
	for old, other := range all {
		if !other.Held && value.At.Sub(other.At) > forgotten {
			delete(all, old)
		}
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return t.replace(data)
}

// replace is called with the lock held, so that what stands under the temporary
// name is of a process that was killed.
func (t told) replace(data []byte) error {
	temporary := t.path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(temporary, t.path)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}
