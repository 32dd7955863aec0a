package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Where the value of a flag comes from, weakest first.
const (
	fromDefault = iota
	fromFile
	fromProfile
	fromVariable
	fromCommandLine
)

// origin marks a flag with the place that its value comes from; the command line
// leaves no mark.
const origin = "twaudit-origin"

// byProfile stands beside the place when that is in a profile.
const byProfile = "profile"

func mark(flag *pflag.Flag, place ...string) {
	if flag.Annotations == nil {
		flag.Annotations = map[string][]string{}
	}
	flag.Annotations[origin] = place
}

// strength says how much the value of a flag counts against another's.
func strength(flag *pflag.Flag) int {
	place := flag.Annotations[origin]
	switch {
	case !flag.Changed:
		return fromDefault
	case place == nil:
		return fromCommandLine
	case place[0] == variable(flag.Name):
		return fromVariable
	case slices.Contains(place[1:], byProfile):
		return fromProfile
	}
	return fromFile
}

// leaning are flags that mean nothing beside what another one may say, or would
// undo it: a key of a file that leans so must not stand against a stronger word.
var leaning = []struct {
	flag, on string
	against  func(*pflag.Flag) bool // whether the value of on leaves flag no meaning
}{
	{"wait-lock", "lock", isOff},
	{"ask-sudo-pass", "sudo", isOff},
	{"redact-key", "redact", isOff},
	{"only-changes", "no-history", isOn},
	{"retry-failed", "no-history", isOn},
	{"remind", "only-changes", isOff}, // also where that has just yielded
	{"ssh-config-resolver", "no-exec", isOn},
	{"output", "format", namesFiles},
}

func isOff(flag *pflag.Flag) bool { return flag.Value.String() == "false" }
func isOn(flag *pflag.Flag) bool  { return flag.Value.String() == "true" }

// namesFiles reports whether --format leaves no file for --output to name.
func namesFiles(flag *pflag.Flag) bool {
	list, ok := flag.Value.(pflag.SliceValue)
	if !ok {
		return false // another command has a flag of this name
	}
	formats := list.GetSlice()
	return len(formats) > 1 || len(formats) == 1 && strings.Contains(formats[0], "=")
}

// yield takes back the values of leaning flags that a stronger word leaves no
// meaning. Two of the same strength stay: that is a mistake, which is said.
func yield(flags *pflag.FlagSet) {
	beaten := map[string]int{} // by how strong a word, the flags that yielded
	for _, l := range leaning {
		flag, on := flags.Lookup(l.flag), flags.Lookup(l.on)
		if flag == nil || on == nil || !flag.Changed || !l.against(on) {
			continue
		}
		word := max(strength(on), beaten[l.on])
		if strength(flag) >= word {
			continue
		}
		beaten[l.flag] = word
		if err := flag.Value.Set(flag.DefValue); err != nil {
			panic(err) // a default that cannot be set: a mistake that the test of this list meets
		}
		flag.Changed = false
		delete(flag.Annotations, origin)
	}
}
