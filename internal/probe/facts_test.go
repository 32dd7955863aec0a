package probe

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxFacts is how large the facts of one host may become, whatever it sends.
const maxFacts = 8 << 20

// checkFacts holds for every answer, however hostile: the facts are valid UTF-8
// without control characters, bounded, and no count is negative.
func checkFacts(t *testing.T, a *Answer) {
	t.Helper()
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatalf("facts that have no JSON: %v", err)
	}
	if len(raw) > maxFacts || len(a.Gaps) > maxGaps {
		t.Errorf("%d bytes of facts, %d gaps", len(raw), len(a.Gaps))
	}
	if !utf8.Valid(raw) {
		t.Error("facts that are not UTF-8")
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	walkFacts(t, "", tree)
}

// mayBeNegative are the numbers that are no counts: a setting, differences, and
// the value of a setting in a file.
var mayBeNegative = map[string]bool{
	"limit": true, "overflow_delta": true, "clock_skew_ms": true, "value": true,
	"buckets_per_container": true, "kmem_fraction": true,
}

func walkFacts(t *testing.T, path string, node any) {
	t.Helper()
	name := path[strings.LastIndexByte(path, '.')+1:]
	switch v := node.(type) {
	case map[string]any:
		for key, child := range v {
			walkFacts(t, path+"."+key, key)
			walkFacts(t, path+"."+key, child)
		}
	case []any:
		for _, child := range v {
			walkFacts(t, path, child)
		}
	case string:
		for _, r := range v {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				t.Errorf("%s holds the control character %U", path, r)
			}
		}
	case float64:
		if v < 0 && !mayBeNegative[name] {
			t.Errorf("%s is %v", path, v)
		}
	}
}
