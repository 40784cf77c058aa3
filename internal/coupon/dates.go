package coupon

import (
	"fmt"
	"sort"
	"time"
	_ "time/tzdata" // zones are known on machines that have none
)

// zone finds a time zone by its IANA name. Go's "Local" and "" are whatever the
// machine thinks, and none of ours.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("no time zone is called %q", name)
	}
	return time.LoadLocation(name)
}

// ParseStart reads an instant (RFC 3339), or a day: its first instant in the zone.
func ParseStart(pointer, text, zoneName string) (time.Time, error) {
	return parseDate(pointer, text, zoneName, 0)
}

// ParseEnd reads an instant (RFC 3339), or a day: the instant at which it is
// over in the zone, so that the whole day counts.
func ParseEnd(pointer, text, zoneName string) (time.Time, error) {
	return parseDate(pointer, text, zoneName, 1)
}

func parseDate(pointer, text, zoneName string, days int) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, InvalidInput(Field{pointer, "must be an instant such as 2026-12-24T18:00:00+01:00, or a day such as 2026-12-24"})
	}
	in, err := zone(zoneName)
	if err != nil {
		return day, InvalidInput(Field{"/time_zone", "must be a time zone such as Europe/Madrid or UTC"})
	}
	return firstInstant(day.AddDate(0, 0, days), in), nil
}

// firstInstant is when a day begins, or the next one where a zone has left it
// out. It is looked for: some days have no midnight, some have two.
func firstInstant(day time.Time, in *time.Location) time.Time {
	before := day.Add(-36 * time.Hour) // in every zone
	seconds := sort.Search(3*24*60*60, func(n int) bool {
		return before.Add(time.Duration(n)*time.Second).In(in).Format(time.DateOnly) >= day.Format(time.DateOnly)
	})
	return before.Add(time.Duration(seconds) * time.Second).In(in)
}
