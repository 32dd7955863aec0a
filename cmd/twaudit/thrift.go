package main

import (
	"runtime"
	"runtime/debug"
)

// slotsPerProcessor is how many hosts at a time one processor serves: each takes
// it for a few milliseconds of the second or so that the host needs to answer.
const slotsPerProcessor = 256

// processors is how many of those there are a run with so many slots may use. A
// scan waits for small packets, and each that arrives would wake the processors
// that have nothing to do: that cost more than the packets themselves.
func processors(slots, there int) int {
	return max(1, min(there, (slots+slotsPerProcessor-1)/slotsPerProcessor))
}

// manyHosts is from when on the results of a fleet, and the garbage beside them, are
// what the process weighs: it is then collected sooner, for a few per cent of time.
const (
	manyHosts   = 500
	soonGarbage = 60 // per cent of growth; the usual is 100
)

// thrifty sets the runtime for a scan, until its result is called.
func thrifty(slots, hosts int) func() {
	all := runtime.GOMAXPROCS(processors(slots, runtime.GOMAXPROCS(0)))
	if hosts < manyHosts {
		return func() { runtime.GOMAXPROCS(all) }
	}
	usual := debug.SetGCPercent(soonGarbage)
	return func() {
		runtime.GOMAXPROCS(all)
		debug.SetGCPercent(usual)
	}
}
