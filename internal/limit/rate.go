// Package limit says when somebody asks too often. Redis counts for all API
// processes together; while it is away, each process counts for itself.
package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may be done: so many times in a while, also all
// at once. The zero value is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// UnmarshalText reads a rate like 60/1m, or off.
func (r *Rate) UnmarshalText(text []byte) error {
	*r = Rate{}
	if string(text) == "off" {
		return nil
	}
	count, per, found := strings.Cut(string(text), "/")
	var countErr, perErr error
	r.Count, countErr = strconv.Atoi(count)
	r.Per, perErr = time.ParseDuration(per)
	if !found || countErr != nil || perErr != nil || r.Count < 1 || r.Count > 1e9 || r.Per < time.Second || r.Per > 24*time.Hour {
		*r = Rate{}
		return fmt.Errorf(`%q is no rate: use a number and a time, like "60/1m", or "off"`, text)
	}
	return nil
}

func (r Rate) String() string {
	if r.off() {
		return "off"
	}
	return strconv.Itoa(r.Count) + "/" + r.Per.String()
}

func (r Rate) off() bool { return r.Count == 0 }

// Rule is a rate by its name, which callers see.
type Rule struct {
	Name string
	Rate
}

// Verdict is what a rule says to one more.
type Verdict struct {
	Rule
	OK        bool
	Remaining int           // how many more at once
	Wait      time.Duration // until one more is fine; 0 when OK
}
