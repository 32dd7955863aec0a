package scan

import (
	"testing"
	"testing/synctest"
	"time"
)

// A host has its time from its slot on, and beside it the time in which people
// were asked since then.
func TestGate_aQuestionIsNoTimeOfTheHost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begins, ends, want time.Duration // of the question, and of the host, from the slot on
	}{
		"none":               {0, 0, 10 * time.Second},
		"within":             {2 * time.Second, 5 * time.Second, 13 * time.Second},
		"longer than all":    {1 * time.Second, 61 * time.Second, 70 * time.Second},
		"over before":        {-9 * time.Second, -4 * time.Second, 10 * time.Second},
		"open at the slot":   {-5 * time.Second, 6 * time.Second, 16 * time.Second},
		"after the end":      {11 * time.Second, 12 * time.Second, 10 * time.Second},
		"open over the end":  {9 * time.Second, 12 * time.Second, 13 * time.Second},
		"begins at the rest": {9500 * time.Millisecond, 10500 * time.Millisecond, 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now().Add(10 * time.Second)
				asked := func() time.Duration {
					now := time.Since(begun)
					return max(0, min(now, test.ends)-test.begins)
				}
				expired := make(chan time.Duration, 1)
				g := &gate{slot: free, limit: 10 * time.Second, asked: asked, expire: func() { expired <- time.Since(begun) }}
				defer g.close()
				time.Sleep(10 * time.Second)
				if _, err := g.admit(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := <-expired; got != test.want {
					t.Errorf("expired after %s, want %s", got, test.want)
				}
			})
		})
	}
}
