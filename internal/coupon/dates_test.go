package coupon_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// A day is all of that day where the book is, also on days that have no
// midnight, two of them, 23 hours or 25.
func TestADayIsAWholeDay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ day, zone, begins, ends string }{
		"UTC":                     {"2026-12-31", "UTC", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
		"ahead of UTC":            {"2026-12-31", "Asia/Kolkata", "2026-12-30T18:30:00Z", "2026-12-31T18:30:00Z"},
		"behind UTC":              {"2026-12-31", "America/New_York", "2026-12-31T05:00:00Z", "2027-01-01T05:00:00Z"},
		"leap day":                {"2028-02-29", "UTC", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"},
		"23 hours":                {"2026-03-29", "Europe/Madrid", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		"25 hours":                {"2026-10-25", "Europe/Madrid", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		"no midnight":             {"2024-09-08", "America/Santiago", "2024-09-08T04:00:00Z", "2024-09-09T03:00:00Z"},
		"the hour before, twice":  {"2024-04-06", "America/Santiago", "2024-04-06T03:00:00Z", "2024-04-07T04:00:00Z"},
		"a day that was left out": {"2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begins, err := coupon.ParseStart("/starts_at", c.day, c.zone)
			require.NoError(t, err)
			ends, err := coupon.ParseEnd("/ends_at", c.day, c.zone)
			require.NoError(t, err)
			require.Equal(t, c.begins, begins.UTC().Format(time.RFC3339))
			require.Equal(t, c.ends, ends.UTC().Format(time.RFC3339))
		})
	}
}

// An instant is that instant, whatever the book's zone; what is neither says so.
func TestInstants(t *testing.T) {
	t.Parallel()
	at, err := coupon.ParseEnd("/ends_at", "2026-12-24T18:00:00.25+01:00", "Asia/Kolkata")
	require.NoError(t, err)
	require.Equal(t, "2026-12-24T17:00:00.25Z", at.UTC().Format(time.RFC3339Nano))
	for _, text := range []string{"", "tomorrow", "2026-02-30", "2026-12-24T18:00:00", "24.12.2026"} {
		_, err = coupon.ParseEnd("/ends_at", text, "UTC")
		require.Equal(t, []string{"/ends_at"}, pointers(t, err), text)
	}
	_, err = coupon.ParseStart("/starts_at", "2026-12-24", "Local")
	require.Equal(t, []string{"/time_zone"}, pointers(t, err))
}
