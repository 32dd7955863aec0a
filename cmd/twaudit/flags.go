package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/text"
)

// The types of our flags. Set is called once for each time that a flag is given,
// and its error is shown to the user behind the flag's name; String is also what
// --help shows as the default, so that it writes what Set reads.

// durationFlag is a duration that also takes days and weeks.
type durationFlag time.Duration

func (d *durationFlag) Set(s string) error {
	parsed, err := text.ParseDuration(s)
	*d = durationFlag(parsed)
	return err
}

// String prefers one unit: 90s says more than 1m30s when it is to be changed.
func (d *durationFlag) String() string {
	const day = 24 * time.Hour
	switch v := time.Duration(*d); {
	case v == 0:
		return "0"
	case v%day == 0:
		return fmt.Sprintf("%dd", v/day)
	case v%time.Hour == 0:
		return fmt.Sprintf("%dh", v/time.Hour)
	case v%time.Second == 0 && v < time.Hour:
		return fmt.Sprintf("%ds", v/time.Second)
	default:
		return v.String()
	}
}

func (*durationFlag) Type() string { return "DURATION" }

// shareFlag is a share of a whole, as 80% or 0.8. A bare 80 is refused: whoever
// writes it may mean either, and 8000 % would silence every alarm.
type shareFlag float64

func (p *shareFlag) Set(s string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	value, err := strconv.ParseFloat(number, 64)
	if percent {
		value /= 100
	}
	// The negation also refuses NaN.
	if err != nil || !(value > 0 && value <= 1) {
		return fmt.Errorf("%q is no share of a whole: write a percentage such as 80%%, or a fraction such as 0.8", s)
	}
	*p = shareFlag(value)
	return nil
}

func (p *shareFlag) String() string {
	return strconv.FormatFloat(float64(*p)*100, 'f', -1, 64) + "%"
}

func (*shareFlag) Type() string { return "SHARE" }

// rateFlag is a number of events a second, written N or N/s; 0 is no limit.
type rateFlag float64

func (r *rateFlag) Set(s string) error {
	value, err := strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64)
	if err != nil || !(value >= 0 && value <= 1e6) {
		return fmt.Errorf("%q is no rate: write hosts per second, such as 20/s", s)
	}
	*r = rateFlag(value)
	return nil
}

func (r *rateFlag) String() string { return strconv.FormatFloat(float64(*r), 'f', -1, 64) + "/s" }

func (*rateFlag) Type() string { return "N/s" }

// countFlag is a whole number between 1 and max. Its value is 0 as long as it
// was not given and has no default, which String shows as nothing.
type countFlag struct {
	value int
	max   int
}

func (c *countFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > c.max {
		return fmt.Errorf("%q is no number from 1 to %d", s, c.max)
	}
	c.value = n
	return nil
}

func (c *countFlag) String() string {
	if c.value == 0 {
		return ""
	}
	return strconv.Itoa(c.value)
}

func (*countFlag) Type() string { return "N" }

// maxRetries is far more than helps: what fails ten times is no accident.
const maxRetries = 10

// retryFlag is a whole number from 0 to maxRetries.
type retryFlag int

func (r *retryFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxRetries {
		return fmt.Errorf("%q is no number from 0 to %d", s, maxRetries)
	}
	*r = retryFlag(n)
	return nil
}

func (r *retryFlag) String() string { return strconv.Itoa(int(*r)) }

func (*retryFlag) Type() string { return "N" }

// sizeFlag is a number of bytes, with a unit: 500MB, 1GiB. 0 is none.
type sizeFlag int64

func (b *sizeFlag) Set(s string) error {
	n, err := text.ParseBytes(s)
	*b = sizeFlag(n)
	return err
}

func (b *sizeFlag) String() string { return text.Bytes(int64(*b)) }

func (*sizeFlag) Type() string { return "SIZE" }

// choiceFlag is one of a few words. The error lists them, because the next thing
// that a user wants to know is what would have been right.
type choiceFlag struct {
	value   string
	choices []string
}

func (c *choiceFlag) Set(s string) error {
	if !slices.Contains(c.choices, s) {
		return fmt.Errorf("unknown value %q: choose %s", s, alternatives(c.choices))
	}
	c.value = s
	return nil
}

func (c *choiceFlag) String() string { return c.value }

func (*choiceFlag) Type() string { return "WORD" }

// alternatives lists words for people: a, b or c.
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
