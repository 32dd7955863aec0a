package report

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
)

// Redactor makes runs that may be shared: host names, addresses, users, paths
// and other names that people gave become pseudonyms, hints go. Equal names have
// equal pseudonyms, for one key in every run, so that hosts can still be told
// apart and followed. Numbers, times and kernel versions stay.
//
// Text is redacted by default: of a sentence only numbers and words that the
// program itself writes stay (see redactText). A Redactor is for one goroutine.
type Redactor struct {
	key   []byte
	names map[string]string // name in lower case -> its pseudonym, for names that are one word
	odd   map[string]string // likewise, for the others
	subst *strings.Replacer // of odd; nil when that has changed
	words map[string]bool   // what the program itself writes, in lower case
	cache map[string]string // text -> redacted text, since names last changed
	terms map[string]string // likewise of terms, which no name changes

	textless map[reflect.Type]bool
}

// RedactKeyBytes is the length of a good key.
const RedactKeyBytes = 32

// NewRedactor takes a secret key: who has it can test guesses of names.
func NewRedactor(key []byte) *Redactor {
	r := &Redactor{key: key, names: map[string]string{}, odd: map[string]string{}, words: map[string]bool{},
		cache: map[string]string{}, terms: map[string]string{}, textless: map[reflect.Type]bool{}}
	for word := range strings.FieldsSeq(ownWords + " " + moreWords) {
		r.words[word] = true
	}
	return r
}

// Know announces hosts, so that they are recognised in the text of other hosts
// that are redacted before them.
func (r *Redactor) Know(names ...string) {
	for _, name := range names {
		r.register(kindHost, name)
	}
}

// Run is a redacted copy of run, in the order of the new names.
func (r *Redactor) Run(run *audit.Run) *audit.Run {
	r.visit(reflect.ValueOf(*run), kindText)
	copied := r.value(reflect.ValueOf(*run), kindText).Interface().(audit.Run)
	copied.Tool = run.Tool // says nothing about the fleet
	copied.Meta.Redacted = true
	copied.Notes = append([]string{"redacted: names, addresses, users and paths are pseudonyms, and hints are left out"}, copied.Notes...)
	audit.SortHosts(copied.Hosts)
	return &copied
}

// Host is a redacted copy of one host.
func (r *Redactor) Host(h *audit.HostResult) audit.HostResult {
	r.visit(reflect.ValueOf(*h), kindText)
	return r.value(reflect.ValueOf(*h), kindText).Interface().(audit.HostResult)
}

// Label is the pseudonym of the key of a label.
func (r *Redactor) Label(key string) string { return r.pseudonym(kindLabel, key) }

// kind says what a string is, and so what becomes of it.
type kind string

// The kinds of names that get a pseudonym are also its first part.
const (
	kindText      kind = ""     // sentences that may quote anything
	kindTerm      kind = "term" // words of ours or of a kernel: no name is looked for in them
	kindDrop      kind = "drop"
	kindKernel    kind = "kernel"
	kindRun       kind = "run"
	kindHost      kind = "host"
	kindGroup     kind = "group"
	kindLabel     kind = "label"
	kindNamespace kind = "namespace"
	kindContainer kind = "container"
	kindInode     kind = "inode" // of a network namespace
	kindAddress   kind = "addr"
	kindMachine   kind = "machine"
	kindBoot      kind = "boot"
	kindKey       kind = "key"  // the fingerprint of one
	kindPath      kind = "path" // one element of a path
)

// redactKind lists the fields that are no text, by type and name. What is not in
// here, such as a field that is added later, is redacted as text, which leaves
// nothing but words of ours. The kind of a map is that of its keys and values.
func redactKind(t reflect.Type, field string) kind {
	switch t.Name() + "." + field {
	case "HostResult.Name", "HostFacts.Hostname", "Failure.Via", "Log.OtherHosts":
		return kindHost
	case "HostResult.Groups":
		return kindGroup
	case "HostResult.Labels":
		return kindLabel
	case "Namespace.ID", "History.NamespaceRises": // keys
		return kindInode
	case "Namespace.Name", "Namespace.Netns":
		return kindNamespace
	case "Log.Containers", "Beancounter.UID":
		return kindContainer
	case "PeerCount.Address":
		return kindAddress
	case "HostFacts.MachineID":
		return kindMachine
	case "HostFacts.BootID":
		return kindBoot
	case "HostFacts.Kernel":
		return kindKernel
	case "Failure.Hint", "Meta.Selection", "HostResult.Target": // hashes of names, without a key
		return kindDrop
	case "Meta.ID", "Kept.Run":
		return kindRun
	case "HostResult.Flags", "Finding.Rule", "Gap.Section", "Facts.TCPStates", "Facts.TCPStatesSource", "Facts.Sysctl", "Facts.Tables",
		"Counters.First", "Counters.Last", "ConfigFile.Kind", "ConfigEntry.Key", "Log.Siblings", "Beancounter.Resource",
		"HostFacts.Arch", "HostFacts.OS", "HostFacts.OSID", "HostFacts.UTCOffset", "HostFacts.Sudo", "HostFacts.Virtualization", "HostFacts.Init",
		"HostFacts.ProbeVersion":
		return kindTerm
	}
	return kindText
}

// visit registers every name in v, before any text is read.
func (r *Redactor) visit(v reflect.Value, k kind) {
	switch v.Kind() {
	case reflect.String:
		r.register(k, v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			r.visit(v.Elem(), k)
		}
	case reflect.Struct:
		if r.isTextless(v.Type()) {
			return
		}
		for i := range v.NumField() {
			r.visit(v.Field(i), redactKind(v.Type(), v.Type().Field(i).Name))
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.visit(v.Index(i), k)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			r.visit(key, k)
			r.visit(v.MapIndex(key), k)
		}
	}
}

// register makes a name known to text. A name of a host hides every equal word
// there, even one of ours; others, of which text says little, do not: a group
// that is called "all" must not make every sentence unreadable.
func (r *Redactor) register(k kind, name string) {
	lower := strings.ToLower(name)
	switch k {
	case kindText, kindTerm, kindDrop, kindAddress, kindInode: // text has inodes in brackets only
		return
	}
	own := r.words[lower] && k != kindHost && k != kindNamespace
	if _, known := r.names[lower]; known || own || len(name) < 2 || isNumber(lower) || r.odd[name] != "" {
		return
	}
	redacted := r.replace(k, name)
	if redacted == name {
		return
	}
	clear(r.cache)
	if isOneWord(name) {
		r.names[lower] = redacted
	} else {
		r.odd[name], r.odd[lower], r.subst = redacted, redacted, nil
	}
	// The log of a host has its short name.
	if short, _, dotted := strings.Cut(name, "."); dotted && k == kindHost && !r.words[strings.ToLower(short)] {
		if _, err := netip.ParseAddr(name); err != nil {
			r.register(kindHost, short)
		}
	}
}

// replacer finds the longest name first: one may be the beginning of another.
func replacer(odd map[string]string) *strings.Replacer {
	var names []string
	for name := range odd {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, name, odd[name])
	}
	return strings.NewReplacer(pairs...)
}

// value is v redacted. It shares with v what has no text to hide: most of a run
// are numbers under names that kernels gave.
func (r *Redactor) value(v reflect.Value, k kind) reflect.Value {
	if r.isTextless(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.String:
		// Words of the vocabulary have types of their own.
		if v.Type() != reflect.TypeFor[string]() {
			k = kindTerm
		}
		out := reflect.New(v.Type()).Elem()
		out.SetString(r.replace(k, v.String()))
		return out
	case reflect.Pointer:
		if !v.IsNil() {
			out := reflect.New(v.Type().Elem())
			out.Elem().Set(r.value(v.Elem(), k))
			return out
		}
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			out.Field(i).Set(r.value(v.Field(i), redactKind(v.Type(), v.Type().Field(i).Name)))
		}
		return out
	case reflect.Slice:
		if !v.IsNil() {
			out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				out.Index(i).Set(r.value(v.Index(i), k))
			}
			return out
		}
	case reflect.Map:
		return r.mapValue(v, k)
	}
	return v
}

// mapValue visits keys in their order: when two become the same, the first keeps
// its value in every run.
func (r *Redactor) mapValue(v reflect.Value, k kind) reflect.Value {
	if v.IsNil() || k == kindTerm && r.isHarmless(v) {
		return v
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		if name := r.value(key, k); !out.MapIndex(name).IsValid() {
			out.SetMapIndex(name, r.value(v.MapIndex(key), k))
		}
	}
	return out
}

// isHarmless reports whether a map of terms stays as it is.
func (r *Redactor) isHarmless(v reflect.Value) bool {
	for _, key := range v.MapKeys() {
		value := v.MapIndex(key)
		if r.term(key.String()) != key.String() || value.Kind() == reflect.String && r.term(value.String()) != value.String() {
			return false
		}
		if value.Kind() != reflect.String && !r.isTextless(value.Type()) {
			return false
		}
	}
	return true
}

// isTextless reports whether values of a type cannot hold text.
func (r *Redactor) isTextless(t reflect.Type) bool {
	if textless, known := r.textless[t]; known {
		return textless
	}
	textless := true
	switch t.Kind() {
	case reflect.String, reflect.Interface:
		textless = false
	case reflect.Pointer, reflect.Slice:
		textless = r.isTextless(t.Elem())
	case reflect.Map:
		textless = r.isTextless(t.Key()) && r.isTextless(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			// What is not exported, as in time.Time, is not written either.
			textless = textless && (!t.Field(i).IsExported() || r.isTextless(t.Field(i).Type))
		}
	}
	r.textless[t] = textless
	return textless
}

// replace is what becomes of one string.
func (r *Redactor) replace(k kind, s string) string {
	switch {
	case s == "" || k == kindDrop:
		return ""
	case k == kindText:
		return r.text(s)
	case k == kindTerm:
		return r.term(s)
	case k == kindKernel:
		return r.kernel(s)
	case k == kindAddress:
		return r.address(s)
	case k == kindInode:
		return r.inode(s)
	case k == kindNamespace && s == "host", k == kindContainer && isNumber(s), k == kindRun && runID.MatchString(s):
		return s // names that nobody gave
	}
	return r.pseudonym(k, s)
}

// runID is the shape of the names that runs of this program get.
var runID = regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{1,16}$`)

// pseudonym is the same for the same name in whatever case. 40 bits keep a fleet
// of 50,000 hosts apart, but for one chance in a thousand.
func (r *Redactor) pseudonym(k kind, name string) string {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(string(k) + "\x00" + strings.ToLower(name)))
	return string(k) + "-" + hex.EncodeToString(mac.Sum(nil)[:5])
}

// inode is a number for a number, with the p in front that tells what kind it is.
// Kernels have inodes of 32 bits: a larger one is a pseudonym already.
func (r *Redactor) inode(s string) string {
	digits := strings.TrimPrefix(s, "p")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return hidden
	}
	if n >= inodePseudonyms && n < 2*inodePseudonyms {
		return s
	}
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(string(kindInode) + "\x00" + digits))
	n = inodePseudonyms + binary.BigEndian.Uint64(mac.Sum(nil))%inodePseudonyms
	return strings.TrimSuffix(s, digits) + strconv.FormatUint(n, 10)
}

// inodePseudonyms is the first of them, and how many there are: all have 10 digits.
const inodePseudonyms = 5_000_000_000

// address keeps the ones that every host has.
func (r *Redactor) address(s string) string {
	a, err := netip.ParseAddr(s)
	if err == nil && (a.Unmap().IsLoopback() || a.Unmap().IsUnspecified()) {
		return s
	}
	return r.pseudonym(kindAddress, s)
}
