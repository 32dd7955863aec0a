package knownhosts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
)

// maxLine is the longest line that is read. The longest real ones, RSA keys of
// 16384 bits with many names, have some thousand bytes.
const maxLine = 64 << 10

// maxFile is how much of one file is read: a hundred times the largest that is
// known of. Without an end a device would be read for ever.
const maxFile = 256 << 20

// maxWarnings is how many lines of one file are named one by one: a file of
// another kind has thousands, and each says the same.
const maxWarnings = 3

// Warning is a line, or a whole file, that was not understood and is ignored.
type Warning struct {
	File string
	Line int    // 0: the whole file
	Text string // the reason
}

// Load reads files in order. Missing files are fine: the defaults of OpenSSH
// name some that few have.
func Load(files []string) (*Index, []Warning) {
	x := &Index{names: map[string][]int{}}
	var warnings []Warning
	for _, file := range files {
		f, err := Open(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNull) {
			continue
		}
		if err == nil {
			var bad []Warning
			rest := &io.LimitedReader{R: f, N: maxFile}
			bad, err = x.read(file, rest)
			if rest.N == 0 {
				bad = append(bad, Warning{file, 0, "read up to its first 256 MiB only"})
			}
			warnings = append(warnings, bad...)
			f.Close()
		}
		if err != nil {
			warnings = append(warnings, Warning{file, 0, err.Error()})
		}
	}
	return x, warnings
}

// read adds the lines of one file.
func (x *Index) read(file string, r io.Reader) (warnings []Warning, _ error) {
	more := 0
	defer func() {
		if more > 0 {
			warnings = append(warnings, Warning{file, 0, fmt.Sprintf("… and %s not understood", lines(more))})
		}
	}()
	in := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		data, err := in.ReadSlice('\n')
		reason := ""
		if errors.Is(err, bufio.ErrBufferFull) {
			reason = "longer than 64 KiB"
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
		} else {
			reason = x.add(file, number, data)
		}
		switch {
		case reason == "":
		case len(warnings) == maxWarnings:
			more++
		default:
			warnings = append(warnings, Warning{file, number, reason})
		}
		if errors.Is(err, io.EOF) {
			return warnings, nil
		}
		if err != nil {
			return warnings, err
		}
	}
}

func lines(n int) string {
	if n == 1 {
		return "1 more line is"
	}
	return fmt.Sprintf("%d more lines are", n)
}

// add puts one line into the index, or returns why it is skipped.
func (x *Index) add(file string, number int, data []byte) (skipped string) {
	trimmed := strings.Trim(string(data), " \t\r\n")
	if trimmed == "" || trimmed[0] == '#' {
		return ""
	}
	marker, names, key, _, _, err := ssh.ParseKnownHosts([]byte(trimmed))
	switch {
	case errors.Is(err, io.EOF):
		return "not host, key type and key"
	case err != nil:
		return text.CleanMax(strings.TrimPrefix(err.Error(), "ssh: "), 200)
	case marker != MarkerNone && marker != MarkerCA && marker != MarkerRevoked:
		return "unknown marker " + text.CleanMax("@"+marker, 60)
	}
	if _, certificate := key.(*ssh.Certificate); certificate {
		return "a certificate in the place of a key"
	}
	return x.addNames(Line{file, number, marker, key}, names)
}

// addNames files a line under its names.
func (x *Index) addNames(l Line, names []string) (skipped string) {
	id := len(x.lines)
	if strings.HasPrefix(names[0], "|") {
		h, ok := newHashedLine(names[0], id)
		if !ok || len(names) > 1 {
			return "a hashed name that is not |1|salt|hash"
		}
		x.lines, x.hashed = append(x.lines, l), append(x.hashed, h)
		return ""
	}
	x.lines = append(x.lines, l)
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	if slices.ContainsFunc(names, func(n string) bool { return strings.ContainsAny(n, "*?!") }) {
		x.patterns = append(x.patterns, patternLine{names, id})
		return ""
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		x.names[name] = append(x.names[name], id)
	}
	return ""
}
