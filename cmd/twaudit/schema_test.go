package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// followsSchema says what the published schema has against a text: a run, or
// lines that hold a host each. It has no opinion of other JSON.
func followsSchema(name string, text []byte) error {
	file, err := filepath.Abs(filepath.Join(schemaDir, "run-v1.json"))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	part, documents := "", [][]byte{text}
	if !bytes.HasPrefix(text, []byte("{\n")) { // as every run begins, and no line does
		part, documents = "#/$defs/HostResult", bytes.SplitAfter(text, []byte("\n"))
	}
	schema, err := compiler.Compile(file + part)
	if err != nil {
		return err
	}
	for i, document := range documents {
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
		if err != nil {
			return fmt.Errorf("%s, document %d: %w", name, i+1, err)
		}
		if err := schema.Validate(value); err != nil {
			return fmt.Errorf("%s, document %d: %w", name, i+1, err)
		}
	}
	return nil
}

// schemaDir is where the schema is, seen from this package; scripts run elsewhere.
const schemaDir = "../../docs/schema"

// cmdSchema checks files, or stdout, which must not be empty.
func cmdSchema(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := ts.ReadFile(name)
		if strings.TrimSpace(text) == "" {
			ts.Fatalf("%s is empty", name)
		}
		ts.Check(followsSchema(name, []byte(text)))
	}
}

// checkRuns looks at every run that a script has written and left, so that no
// script needs to ask for it. Runs that scripts made by hand begin otherwise, and
// those that they damaged are called odd.
func checkRuns(env *testscript.Env) {
	files, _ := filepath.Glob(filepath.Join(env.WorkDir, "*.json"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || strings.HasPrefix(filepath.Base(file), "odd") || !bytes.HasPrefix(text, []byte("{\n  \"schema\": 1,\n  \"tool\": {")) || !bytes.HasSuffix(text, []byte("\n}\n")) {
			continue
		}
		if err := followsSchema(filepath.Base(file), text); err != nil {
			env.T().Log(err)
			env.T().FailNow()
		}
	}
}
