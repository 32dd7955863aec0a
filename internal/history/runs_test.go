package history

import (
	"maps"
	"testing"
	"time"

	"twaudit/internal/audit"
)

func TestBaseline_takesAHostFromTheRunThatCameToIt(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	store(t, db, runAt(0, web("w1"), web("w2", verdict(audit.VerdictNearLimit)), cutOff("w3", audit.StageDeadline)))
	store(t, db, runAt(time.Hour, web("w1"), cutOff("w2", audit.StageInterrupted), cutOff("w3", audit.StageDeadline)))
	store(t, db, runAt(2*time.Hour, silent("w1"), cutOff("w2", audit.StageInterrupted), cutOff("w3", audit.StageInterrupted)))
	newest, err := db.Find(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	side, err := db.Baseline(t.Context(), newest)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]audit.Verdict{}
	for _, s := range side.Hosts {
		found[s.Name] = s.Verdict
	}
	if want := map[string]audit.Verdict{"w1": "", "w2": audit.VerdictNearLimit}; !maps.Equal(found, want) {
		t.Errorf("known are %v, want %v", found, want)
	}
}

// cutOff is a host that its run did not come to.
func cutOff(name string, stage audit.Stage) audit.HostResult {
	h := silent(name)
	h.Failure.Stage = stage
	return h
}
