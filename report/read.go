package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"twaudit/internal/audit"
	"twaudit/internal/text"
)

// Caps of a saved run. They are far above what a scan writes, and keep a file
// that somebody else made from filling the memory.
const (
	maxRunBytes    = 2 << 30
	maxHosts       = 250_000
	maxStringBytes = 16 << 10
)

// Read loads a run that was saved as JSON. The file may come from a stranger:
// every string is cleaned, sizes are bounded, and hosts are put in the order of
// every report. A run of this program is the same after Read, to the byte.
// Fields that this version does not know are dropped.
func Read(r io.Reader) (*audit.Run, error) {
	input := &io.LimitedReader{R: r, N: maxRunBytes}
	run, err := readRun(json.NewDecoder(input))
	switch {
	case input.N <= 0:
		return nil, fmt.Errorf("read run: it is larger than %s", text.Bytes(maxRunBytes))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("read run: the file is empty or cut off")
	case err != nil:
		return nil, fmt.Errorf("read run: %w", err)
	}
	audit.SortHosts(run.Hosts)
	return run, nil
}

// readRun reads one object and makes sure that nothing follows it. Hosts are
// decoded and cleaned one by one: the text of a fleet is never in memory.
func readRun(d *json.Decoder) (*audit.Run, error) {
	if err := expect(d, json.Delim('{')); err != nil {
		return nil, err
	}
	var run audit.Run
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, readError(err)
		}
		if err := readField(d, &run, fmt.Sprint(key)); err != nil {
			return nil, err
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return nil, err
	}
	if run.Schema == 0 {
		return nil, errors.New(`it has no "schema": this is no run saved with --format json`)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the run: JSON lines are no saved run, save with --format json")
	}
	hosts := run.Hosts
	run.Hosts = nil
	run = tidyText(run, cleanSaved)
	run.Hosts = hosts
	return &run, nil
}

// readField takes the fields in any order: tools that edit JSON sort the keys.
func readField(d *json.Decoder, run *audit.Run, key string) error {
	switch key {
	case "schema":
		return readSchema(d, run)
	case "tool":
		return readError(d.Decode(&run.Tool))
	case "run":
		return readError(d.Decode(&run.Meta))
	case "summary":
		return readError(d.Decode(&run.Summary))
	case "findings":
		return readError(d.Decode(&run.Findings))
	case "notes":
		return readError(d.Decode(&run.Notes))
	case "hosts":
		return readHosts(d, run)
	}
	var unknown json.RawMessage
	return readError(d.Decode(&unknown))
}

// readSchema stops at once: in another schema the same names mean other things,
// and errors about them would mislead.
func readSchema(d *json.Decoder, run *audit.Run) error {
	if err := d.Decode(&run.Schema); err != nil {
		if mismatch := (*json.UnmarshalTypeError)(nil); errors.As(err, &mismatch) {
			return fmt.Errorf(`"schema" is a %s where a number belongs: this is no run saved with --format json`, text.CleanMax(mismatch.Value, 40))
		}
		return readError(err)
	}
	if run.Schema != audit.Schema {
		return fmt.Errorf("it has schema %d, and this twaudit reads schema %d: use the version that wrote it, or scan again",
			run.Schema, audit.Schema)
	}
	return nil
}

// readHosts counts before it decodes: a host of two bytes becomes half a kilobyte.
func readHosts(d *json.Decoder, run *audit.Run) error {
	token, err := d.Token()
	if err != nil {
		return readError(err)
	}
	if token != json.Delim('[') {
		return fmt.Errorf(`byte %d: "hosts" is no list: this is no run saved with --format json`, d.InputOffset())
	}
	run.Hosts = []audit.HostResult{}
	for d.More() {
		if len(run.Hosts) == maxHosts {
			return fmt.Errorf("it has more than %s hosts", text.Count(maxHosts))
		}
		var host audit.HostResult
		if err := d.Decode(&host); err != nil {
			return fmt.Errorf("host %d: %w", len(run.Hosts)+1, readError(err))
		}
		run.Hosts = append(run.Hosts, tidyText(host, cleanSaved))
	}
	return expect(d, json.Delim(']'))
}

// expect takes one bracket. The decoder itself makes sure that they are in pairs.
func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return readError(err)
	}
	if token != want {
		return fmt.Errorf("byte %d: want %v: this is no run saved with --format json", d.InputOffset(), want)
	}
	return nil
}

// readError says where the text is wrong. Its words may quote the file.
func readError(err error) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("byte %d: no JSON: %s", syntax.Offset, text.CleanMax(syntax.Error(), 200))
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return fmt.Errorf("byte %d: a %s where %s belongs", mismatch.Offset, text.CleanMax(mismatch.Value, 40), jsonKind(mismatch.Type))
	case errors.As(err, &mismatch):
		return fmt.Errorf("byte %d: a %s where %s belongs", mismatch.Offset,
			text.CleanMax(mismatch.Value, 40), text.CleanMax(mismatch.Field, 200))
	}
	return err
}

// jsonKind is what JSON calls the values that a type is read from.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	}
	return "a number"
}

// cleanSaved changes nothing a second time: see text.CleanMax.
func cleanSaved(s string) string { return text.CleanMax(s, maxStringBytes) }
