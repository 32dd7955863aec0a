package report

import (
	_ "embed"
	"net/netip"
	"regexp"
	"strings"
)

// ownWords is every word of the texts that this program writes into a run. A
// test compares the list with the sources, and -update makes it again.
//
//go:embed redactwords.txt
var ownWords string

// moreWords are words that hosts say of themselves and many share: kernels,
// systems, TCP states.
const moreWords = `aarch64 alma almalinux alpine amazon amd64 amzn arch arm64 armv7l asahi aws azure bookworm bullseye buster busybox centos
	close_wait closing cloud cloudlinux core debian debug deepin el5 el6 el7 el8 el9 el10 elementary elrepo enterprise established euleros
	extended fc39 fc40 fc41 fc42 fc43 fedora final fin_wait1 fin_wait2 flatcar focal gcp generic gentoo gke gnu hardened hwe i386 i586 i686
	jammy kali kernel kvm last_ack leap linode linux listen lowlatency lt lts mariner microos mint ml mlnx mips64 nixos noble openeuler
	opensuse openvz openwrt oracle os pae photon pop ppc64le pro proxmox pve raspbian raspi red redacted hat release rescue rhel riscv64 rocky rolling
	rpi rt s390x scientific server ses sles sparc64 sid stable stream stretch suse syn_recv syn_sent tencentos testing time_wait trixie
	tumbleweed ubuntu uek unstable v6 v7 v8 virtual void vz wheezy x86_64 xanmod xen xenial zen`

// hidden stands for words that are not ours.
const hidden = "[redacted]"

// Text is read in pieces: network namespaces; fingerprints; times; runs of colons, which are times of the day,
// IPv6 and hardware addresses; words. What is between them is blanks and
// punctuation.
var (
	pieces = regexp.MustCompile(`net:\[p?\d+\]|(?:SHA256|MD5):[0-9A-Za-z+/:]{8,}=*` +
		`|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?` +
		`|[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,}(?:%[0-9A-Za-z._-]+)?` +
		"|[^" + separators + "]+")
	namespaceID = regexp.MustCompile(`^net:\[(p?\d+)\]$`)
	stamp       = regexp.MustCompile(`^\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$`)
	fingerprint = regexp.MustCompile(`^(?:SHA256|MD5):`)
	clockTime   = regexp.MustCompile(`^\d{1,2}:\d\d:\d\d(?:\.\d+)?$`)
	number      = regexp.MustCompile(`^\d[\d,]*(?:\.\d+)?(?:ms|[smhdwxkKMGTPE])?(?:\d\dm)?$|^\d\.\d{1,2}\.\d+$|^0x[0-9a-f]{1,8}$`)
	manyGone    = regexp.MustCompile(regexp.QuoteMeta(hidden) + `(?:[\s.,:=]*` + regexp.QuoteMeta(hidden) + `)+`)
)

// separators end words. They are the inside of a character class.
const separators = `\s\pZ!"#$&'()*,:;<=>?@\[\\\]^{|}` + "`" + `“”‘’«»—×·→¦│`

func isNumber(s string) bool { return number.MatchString(s) }

// isOneWord reports whether text would find s as one piece.
func isOneWord(s string) bool {
	at := pieces.FindStringIndex(s)
	return at != nil && at[0] == 0 && at[1] == len(s) && strings.Trim(s, trimmed) == s
}

// trimmed is what may stand around a word without belonging to it.
const trimmed = ".-+~%…"

// maxCached bounds the memory of texts that were redacted before: most are the
// same on every host.
const maxCached = 1 << 16

// text keeps of a sentence what the program itself writes, and hides the rest.
func (r *Redactor) text(s string) string {
	if done, known := r.cache[s]; known {
		return done
	}
	if r.subst == nil {
		r.subst = replacer(r.odd)
	}
	redacted := r.subst.Replace(s)
	redacted = pieces.ReplaceAllStringFunc(redacted, r.piece)
	redacted = manyGone.ReplaceAllString(redacted, hidden)
	if len(r.cache) < maxCached {
		r.cache[s] = redacted
	}
	return redacted
}

// term is text in which no name is looked for: a host that is called "log" does
// not change the name of a section.
func (r *Redactor) term(s string) string {
	if done, known := r.terms[s]; known {
		return done
	}
	redacted := manyGone.ReplaceAllString(pieces.ReplaceAllStringFunc(s, func(word string) string {
		core := strings.Trim(word, trimmed)
		if core == "" || !isAddress(core) && (r.isOwn(core) || r.allOwn(core)) {
			return word
		}
		return hidden
	}), hidden)
	if len(r.terms) < maxCached {
		r.terms[s] = redacted
	}
	return redacted
}

// isAddress also finds networks.
func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	_, noPrefix := netip.ParsePrefix(s)
	return err == nil || noPrefix == nil
}

// piece is what becomes of one match of pieces.
func (r *Redactor) piece(word string) string {
	core := strings.Trim(word, trimmed)
	at := strings.Index(word, core)
	lead, tail := word[:at], word[at+len(core):]
	switch name := r.named(core); {
	case core == "" || stamp.MatchString(core) || pseudonymous.MatchString(core) || runID.MatchString(core):
		return word
	case name != "":
		return lead + name + tail
	case namespaceID.MatchString(core):
		return lead + "net:[" + r.inode(core[len("net:["):len(core)-1]) + "]" + tail
	case fingerprint.MatchString(word):
		return r.pseudonym(kindKey, word)
	case strings.Count(word, ":") >= 2:
		return r.colons(word)
	}
	if prefix, err := netip.ParsePrefix(core); err == nil {
		_, bits, _ := strings.Cut(core, "/")
		return lead + r.address(prefix.Addr().String()) + "/" + bits + tail
	}
	switch _, err := netip.ParseAddr(core); {
	case err == nil:
		return lead + r.address(core) + tail
	case strings.Contains(word, "/"):
		return r.path(word)
	case r.isOwn(core):
		return word
	}
	return lead + hidden + tail
}

// named is the pseudonym of a name; empty for other words.
func (r *Redactor) named(word string) string { return r.names[strings.ToLower(word)] }

// pseudonymous are pseudonyms, which odd names have left in the text, and which
// text has that is redacted again.
var pseudonymous = regexp.MustCompile(`^(?:run|host|group|label|namespace|container|addr|machine|boot|key|path)-[0-9a-f]{10}$` +
	`|^(?:\d{1,3}-)?path-[0-9a-f]{10}(?:\.[a-z0-9]{1,4})*$`)

// isOwn reports whether a word says nothing about the fleet.
func (r *Redactor) isOwn(word string) bool {
	if isNumber(word) || stamp.MatchString(word) {
		return true
	}
	lower := strings.ToLower(word)
	return r.words[lower] || r.words[strings.TrimSuffix(lower, "s")]
}

// allOwn is isOwn of every part of a composed word.
func (r *Redactor) allOwn(word string) bool {
	for _, part := range strings.FieldsFunc(word, func(c rune) bool { return strings.ContainsRune("._-+~/", c) }) {
		if !r.isOwn(part) {
			return false
		}
	}
	return true
}

// colons is a time of the day, an address with or without its zone, or something
// like it, which is hidden.
func (r *Redactor) colons(s string) string {
	core := strings.TrimRight(s, ".")
	if !strings.HasSuffix(core, "::") { // as in 2001:db8::
		core = strings.TrimRight(s, ":.")
	}
	tail := s[len(core):]
	if clockTime.MatchString(core) {
		return s
	}
	if a, err := netip.ParseAddr(core); err == nil {
		return r.address(a.WithZone("").String()) + tail
	}
	if a, err := netip.ParseAddrPort(core); err == nil { // before a colon
		return r.address(a.Addr().String()) + strings.TrimPrefix(core, a.Addr().String()) + tail
	}
	return hidden + tail
}

// path keeps elements that systems have in common, and of others the number in
// front, which says in which order files are read, and the ending.
func (r *Redactor) path(s string) string {
	elements := strings.Split(s, "/")
	for i, element := range elements {
		core := strings.Trim(element, trimmed)
		switch name := r.named(core); {
		case core == "" || pseudonymous.MatchString(core):
		case inDropIn(elements, i) && !systemFile.MatchString(core) && name == "":
			elements[i] = r.pseudonymousFile(element)
		case !isAddress(core) && (r.isOwn(core) || r.allOwn(core)): // first: a host may be called "log"
		case name != "":
			elements[i] = name
		default:
			elements[i] = r.pseudonymousFile(element)
		}
	}
	return strings.Join(elements, "/")
}

func (r *Redactor) pseudonymousFile(element string) string {
	order, rest := "", element
	if m := fileOrder.FindString(element); m != "" {
		order, rest = m, element[len(m):]
	}
	return order + r.pseudonym(kindPath, element) + fileEnding.FindString(rest)
}

// inDropIn reports whether an element is in a directory such as sysctl.d. What
// people put there they name after what the host is for, often in our own words.
func inDropIn(elements []string, i int) bool {
	return i > 0 && strings.HasSuffix(elements[i-1], ".d") && elements[i-1] != "init.d"
}

// systemFile are names of such files that distributions have.
var systemFile = regexp.MustCompile(`^(?:README(?:\.sysctl)?|99-sysctl\.conf|50-(?:default|redhat|coredump|pid-max|bubblewrap)\.conf|99-protect-links\.conf|` +
	`00-(?:alpine|system)\.conf|10-(?:network-security|kernel-hardening|magic-sysrq|console-messages|ipv6-privacy|zeropage|ptrace|bufferbloat|map-count|default)\.conf|1[01]-default\.conf)$`)

var (
	fileOrder  = regexp.MustCompile(`^\d{1,3}-`)
	fileEnding = regexp.MustCompile(`(?:\.(?:conf|log|txt|json|gz|xz|bz2|zst|\d{1,3}))+$`)
)

// kernel keeps the numbers and what distributions add to them; what a company
// called its own build is hidden.
func (r *Redactor) kernel(release string) string {
	if !kernelNumber.MatchString(release) {
		return hidden
	}
	return kernelPart.ReplaceAllStringFunc(release, func(part string) string {
		if r.isOwn(part) || kernelTag.MatchString(part) {
			return part
		}
		return "x"
	})
}

var (
	kernelNumber = regexp.MustCompile(`^[1-9]\.\d`)
	kernelPart   = regexp.MustCompile(`[^-.+~ ]+`)
	kernelTag    = regexp.MustCompile(`^(?:\d+|\d+stab\d+|deb\d+u\d+|el\d+_\d+|(?:el|fc|al|an|tl|oe|ky|amzn|bpo|rc|lts|arch|vz|ph|lp|mlnx)\d*)$`)
)
