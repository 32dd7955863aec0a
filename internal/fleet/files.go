package fleet

// spareFiles are the descriptors left to everything that is not a host: the
// standard streams, outputs, the history, the agent pool, name lookups.
const spareFiles = 64

// Concurrency lowers want so that a run with that many slots, and the default
// number of dials, fits into openFiles descriptors (RLIMIT_NOFILE; 0 means
// unknown). Each host at work has one connection, and one with a slot may have a
// second for its jump or its retry. The answer is never below 1.
func Concurrency(want int, openFiles uint64) int {
	want = max(want, 1)
	if openFiles == 0 {
		return want
	}
	const perSlot = dialsPerSlot + 1
	if openFiles < spareFiles+perSlot {
		return 1
	}
	if fits := (openFiles - spareFiles) / perSlot; fits < uint64(want) {
		return int(fits)
	}
	return want
}
