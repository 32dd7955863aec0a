package sshconfig

import (
	"context"
	"slices"
	"strings"

	"twaudit/internal/text"
)

// Algorithms is what spec, a setting such as Ciphers, makes of defaults: instead
// of them, or with + after them, with ^ before them, and with - without what it
// names. Names may be patterns. Only those of all are in the answer, which is
// empty when nothing is left; all should hold defaults.
func Algorithms(spec string, defaults, all []string) []string {
	if spec == "" {
		return defaults
	}
	form := spec[0]
	names := strings.Split(strings.TrimLeft(spec[:1], "+-^")+spec[1:], ",")
	var chosen []string
	for _, pattern := range names {
		for _, name := range all {
			if text.Match(pattern, name) && !slices.Contains(chosen, name) {
				chosen = append(chosen, name)
			}
		}
	}
	others := slices.DeleteFunc(slices.Clone(defaults), func(name string) bool { return slices.Contains(chosen, name) })
	switch form {
	case '+':
		// What is there already keeps its place.
		added := slices.DeleteFunc(chosen, func(name string) bool { return slices.Contains(defaults, name) })
		return append(slices.Clone(defaults), added...)
	case '^':
		return append(chosen, others...)
	case '-':
		return others
	}
	return chosen
}

// dropDefaults empties the algorithm lists of s that are no more than what ssh
// prints when nobody chose: its own defaults are not ours.
func (c *openSSH) dropDefaults(ctx context.Context, s *Settings) error {
	lists := map[string]*string{
		"hostkeyalgorithms": &s.HostKeyAlgorithms, "kexalgorithms": &s.KexAlgorithms, "ciphers": &s.Ciphers,
		"macs": &s.MACs, "pubkeyacceptedalgorithms": &s.PubkeyAcceptedAlgorithms,
	}
	for keyword, list := range lists {
		if *list == "" {
			continue
		}
		defaults, err := c.unset(ctx)
		if err != nil {
			return err
		}
		if printed := defaults[keyword]; len(printed) > 0 && printed[0] == *list {
			*list = ""
		}
	}
	return nil
}

// unset asks once what ssh -G prints without any file.
func (c *openSSH) unset(ctx context.Context) (map[string][]string, error) {
	select {
	case c.plain <- struct{}{}:
		defer func() { <-c.plain }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.defaults == nil {
		out, err := c.run(ctx, []string{"-G", "-F", "none", "--", "localhost"})
		if err != nil {
			return nil, err
		}
		c.defaults = parseAnswer(out)
	}
	return c.defaults, nil
}

// parseAnswer reads what ssh -G prints: a keyword and its value on each line.
func parseAnswer(out []byte) map[string][]string {
	values := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		keyword, value, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		values[keyword] = append(values[keyword], value)
	}
	return values
}
