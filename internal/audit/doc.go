// Package audit is the vocabulary of twaudit: what a run, a host, a fact, a gap,
// a finding and a verdict are, and how they look in JSON, which is the contract
// with everything outside (schema 1).
//
// It holds data and the order of that data, nothing else: no I/O, no clock, no
// parsing of remote text, and it imports the standard library only. Every other
// package speaks in these types; none of them adds its own to a Run.
//
// Absent is not zero: whatever could not be read is a nil pointer, a nil map or
// an empty string, and is left out of the JSON. Start with Run.
package audit
