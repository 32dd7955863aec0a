package main

import "testing"

func TestProcessors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ slots, there, want int }{
		{0, 8, 1}, {1, 8, 1}, {256, 8, 1}, {257, 8, 2}, {1024, 8, 4}, {1 << 16, 8, 8}, {1 << 16, 1, 1},
	} {
		if got := processors(c.slots, c.there); got != c.want {
			t.Errorf("%d slots on %d processors: %d, want %d", c.slots, c.there, got, c.want)
		}
	}
}
