package audit

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write docs/schema")

var schemaFile = filepath.Join("..", "..", "docs", "schema", "run-v1.json")

// TestSchema_isThatOfTheTypes compares the published schema with one made of the
// types: their fields, their constants, and their comments as descriptions.
func TestSchema_isThatOfTheTypes(t *testing.T) { // not parallel: with -update it writes what the others read
	var made bytes.Buffer
	encoder := json.NewEncoder(&made)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(newSchemaMaker(t).schema()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, made.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if diff := cmp.Diff(string(published), made.String()); diff != "" {
		t.Errorf("%s is not that of the types, make update writes it (-published +types):\n%s", schemaFile, diff)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSchema_acceptsARun(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]Run{
		"every field": fullRun(t),
		"no hosts":    {Schema: Schema, Summary: Summarize(nil), Findings: []Finding{}, Notes: []string{}, Hosts: []HostResult{}},
	} {
		if err := compiled(t).Validate(marshal(t, run)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fullRun has every field filled, words of the vocabulary with their first.
func fullRun(t *testing.T) Run {
	t.Helper()
	var run Run
	fill(reflect.ValueOf(&run).Elem())
	speak(reflect.ValueOf(&run).Elem(), newSchemaMaker(t).words)
	run.Schema, run.Summary = Schema, Summarize(nil)
	run.Hosts[0].Status = StatusAudited
	return run
}

// speak puts a word of the vocabulary where fill has an x.
func speak(v reflect.Value, words map[string][]string) {
	switch v.Kind() {
	case reflect.String:
		if list := words[v.Type().Name()]; list != nil {
			v.SetString(list[0])
		}
	case reflect.Pointer:
		speak(v.Elem(), words)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				speak(v.Field(i), words)
			}
		}
	case reflect.Slice:
		speak(v.Index(0), words)
	case reflect.Map:
		for _, old := range v.MapKeys() {
			key, value := reflect.New(old.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
			key.Set(old)
			value.Set(v.MapIndex(old))
			v.SetMapIndex(old, reflect.Value{})
			speak(key, words)
			speak(value, words)
			v.SetMapIndex(key, value)
		}
	}
}

func TestSchema_refusesWhatIsNoRun(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(run, host map[string]any){
		"another schema":     func(run, _ map[string]any) { run["schema"] = json.Number("2") },
		"no hosts":           func(run, _ map[string]any) { delete(run, "hosts") },
		"null for a list":    func(run, _ map[string]any) { run["notes"] = nil },
		"a verdict unknown":  func(_, host map[string]any) { host["verdict"] = "fine" },
		"no verdict":         func(_, host map[string]any) { delete(host, "verdict") },
		"failed, and no why": func(_, host map[string]any) { host["status"] = "failed"; delete(host, "failure") },
		"a count as text":    func(_, host map[string]any) { host["timing"].(map[string]any)["bytes"] = "7" },
		"a time of nobody":   func(run, _ map[string]any) { run["run"].(map[string]any)["started_at"] = "yesterday" },
	} {
		run := marshal(t, fullRun(t)).(map[string]any)
		damage(run, run["hosts"].([]any)[0].(map[string]any))
		if err := compiled(t).Validate(run); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// schemaMaker makes a JSON Schema of the types of this package.
type schemaMaker struct {
	docs  map[string]string   // comments of types and of fields (Type.Field)
	words map[string][]string // constants of the types that are words
	defs  map[string]any
}

func newSchemaMaker(t *testing.T) *schemaMaker {
	t.Helper()
	m := &schemaMaker{docs: map[string]string{}, words: map[string][]string{}, defs: map[string]any{}}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok {
				m.read(d)
			}
		}
	}
	return m
}

// read keeps the comments of types and fields, and the constants with a type.
func (m *schemaMaker) read(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			if of, ok := s.Type.(*ast.Ident); ok && decl.Tok == token.CONST {
				word, _ := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
				m.words[of.Name] = append(m.words[of.Name], word)
			}
		case *ast.TypeSpec:
			m.docs[s.Name.Name] = sentence(decl.Doc)
			if object, ok := s.Type.(*ast.StructType); ok {
				for _, field := range object.Fields.List {
					for _, name := range field.Names {
						m.docs[s.Name.Name+"."+name.Name] = sentence(field.Doc) + sentence(field.Comment)
					}
				}
			}
		}
	}
}

func sentence(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

func (m *schemaMaker) schema() map[string]any {
	root := m.of(reflect.TypeFor[Run]())
	run := m.defs["Run"].(map[string]any)
	run["properties"].(map[string]any)["schema"] = map[string]any{"const": Schema, "description": m.docs["Schema"]}
	host := m.defs["HostResult"].(map[string]any)
	when := func(status Status, fields ...string) map[string]any {
		return map[string]any{
			"if":   map[string]any{"properties": map[string]any{"status": map[string]any{"const": status}}},
			"then": map[string]any{"required": fields},
		}
	}
	host["allOf"] = []any{when(StatusAudited, "verdict", "coverage", "facts"), when(StatusFailed, "failure")}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "A run of twaudit, as --format json writes it; a line of --format jsonl is a HostResult",
		"$ref":    root["$ref"], "$defs": m.defs,
	}
}

// of is the schema of a type; structs and words are references.
func (m *schemaMaker) of(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return m.of(t.Elem())
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": m.of(t.Elem())}
	case t.Kind() == reflect.Map:
		return m.ofMap(t)
	case t.Kind() == reflect.Struct:
		m.define(t)
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	case m.words[t.Name()] != nil:
		m.defs[t.Name()] = map[string]any{"enum": m.words[t.Name()], "description": m.docs[t.Name()]}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	names := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Float64: "number"}
	return map[string]any{"type": names[t.Kind()]}
}

func (m *schemaMaker) ofMap(t reflect.Type) map[string]any {
	schema := map[string]any{"type": "object", "additionalProperties": m.of(t.Elem())}
	if words := m.words[t.Key().Name()]; words != nil {
		schema["propertyNames"] = m.of(t.Key())
	}
	return schema
}

// define adds a struct. Fields that later versions add are no error.
func (m *schemaMaker) define(t reflect.Type) {
	if m.defs[t.Name()] != nil {
		return
	}
	properties, required := map[string]any{}, []string{}
	object := map[string]any{"type": "object", "properties": properties, "description": m.docs[t.Name()]}
	m.defs[t.Name()] = object
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		schema := m.of(field.Type)
		if doc := m.docs[t.Name()+"."+field.Name]; doc != "" {
			schema["description"] = doc
		}
		properties[name] = schema
		if !slices.Contains(strings.Split(options, ","), "omitempty") {
			required = append(required, name)
		}
	}
	if slices.Sort(required); len(required) > 0 {
		object["required"] = required
	}
}
