// Package diagnose judges what the probe read: facts in, verdict and findings
// out. It is pure: no clock, no files, no network; the same facts give the same
// words for ever.
//
// It never guesses. Absent evidence is a gap and leads to unknown, never to ok;
// a rule whose facts are absent stays silent. Start with Host, which judges one
// host, then rules.go, where every rule is listed; each rule is the file of its
// name. Fleet comes last and looks at a whole run.
package diagnose
