package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// result is hosts[] of a run's JSON by name: what a reader of the contract sees,
// not what our own types would make of it.
type result map[string]any

// parseRun returns the hosts of a run by name.
func parseRun(t *testing.T, out string) map[string]result {
	t.Helper()
	var run struct {
		Schema int
		Hosts  []result
	}
	if err := json.Unmarshal([]byte(out), &run); err != nil {
		t.Fatalf("not a run: %v\n%s", err, out)
	}
	if run.Schema != 1 {
		t.Fatalf("schema is %d, want 1", run.Schema)
	}
	hosts := map[string]result{}
	for _, h := range run.Hosts {
		hosts[fmt.Sprint(h["name"])] = h
	}
	return hosts
}

// at follows a dotted path; "namespaces.1.limit" indexes. It is nil where the
// path leads nowhere.
func (r result) at(path string) any {
	var v any = map[string]any(r)
	for key := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// check holds one expectation against the host: "PATH VALUE", "PATH >= N",
// "PATH <= N", "PATH absent", "PATH has WORD", "PATH lacks WORD", "PATH ago D", a
// time within two minutes of D before now, or "findings are RULE/SEVERITY...", all
// of them in their order.
func (r result) check(expectation string, now time.Time) error {
	path, want, _ := strings.Cut(strings.TrimSpace(expectation), " ")
	got := r.at(path)
	op, operand, _ := strings.Cut(want, " ")
	ok := false
	switch op {
	case "absent":
		ok = got == nil
	case ">=", "<=":
		n, isNumber := got.(float64)
		limit, err := strconv.ParseFloat(operand, 64)
		ok = err == nil && isNumber && (op == ">=" && n >= limit || op == "<=" && n <= limit)
	case "has", "lacks":
		ok = holds(got, operand) == (op == "has")
	case "are":
		ok = rules(got) == operand
	case "ago":
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got))
		ago, err2 := parseAgo(operand)
		ok = err == nil && err2 == nil && now.Add(-ago).Sub(at).Abs() < 2*time.Minute
	default:
		ok = got != nil && text(got) == want
	}
	if !ok {
		return fmt.Errorf("%s: got %s, want %s", path, text(got), want)
	}
	return nil
}

func holds(got any, word string) bool {
	list, isList := got.([]any)
	if !isList {
		return got != nil && strings.Contains(text(got), word)
	}
	return slices.ContainsFunc(list, func(v any) bool { return text(v) == word })
}

// rules lists findings as an expectation does.
func rules(findings any) string {
	list, _ := findings.([]any)
	var words []string
	for _, v := range list {
		f, _ := v.(map[string]any)
		words = append(words, text(f["rule"])+"/"+text(f["severity"]))
	}
	return strings.Join(words, " ")
}

// text writes a JSON value as an expectation would name it.
func text(v any) string {
	switch x := v.(type) {
	case nil:
		return "absent"
	case string:
		return x
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// checkAll reports every expectation that does not hold, with the host's JSON
// once when any failed.
func (r result) checkAll(t *testing.T, name string, expectations []string, now time.Time) {
	t.Helper()
	if r == nil {
		t.Errorf("%s is not in the run", name)
		return
	}
	failed := false
	for _, e := range expectations {
		if err := r.check(e, now); err != nil {
			t.Errorf("%s: %v", name, err)
			failed = true
		}
	}
	if failed {
		b, _ := json.MarshalIndent(r, "", " ")
		t.Logf("%s:\n%s", name, b)
	}
}

// parseAgo reads 20d, 3h or 20d3h2m.
func parseAgo(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.Atoi(days)
	if err != nil {
		return 0, err
	}
	total := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	return total + d, err
}
