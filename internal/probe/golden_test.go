package probe

import (
	"bytes"
	"encoding/json"
	cmdflag "flag" // flag is a function of this package
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = cmdflag.Bool("update", false, "write the golden files anew")

// TestParse_recorded reads whole answers that the script gave. Each .txt has a
// .json beside it with all that was made of it.
func TestParse_recorded(t *testing.T) {
	t.Parallel()
	answers, err := filepath.Glob("testdata/answers/*.txt")
	if err != nil || len(answers) == 0 {
		t.Fatalf("no recorded answers: %v", err)
	}
	for _, path := range answers {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			a, err := Parse(raw, "", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			checkFacts(t, a)
			got, err := json.MarshalIndent(a, "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".txt")+".json", append(got, '\n'))
		})
	}
}

// golden compares with a file; a missing one is a failure, not an empty one.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it):\n%s", path, firstDifference(got, want))
	}
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one is longer"
}
