package coupon_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

var noon = time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)

// pointers returns where an input error says that the input is wrong; none for
// no error.
func pointers(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var wrong *coupon.Error
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, coupon.Invalid, wrong.Kind)
	require.Equal(t, "invalid_input", wrong.Code)
	at := make([]string, len(wrong.Fields))
	for i, field := range wrong.Fields {
		require.NotEmpty(t, field.Detail)
		at[i] = field.Pointer
	}
	return at
}

// Settings are taken inside their limits, and refused one step outside.
func TestBookSettingsHaveLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*coupon.BookSettings)
		wrong  []string
	}{
		"plain":                    {func(*coupon.BookSettings) {}, nil},
		"no name":                  {func(s *coupon.BookSettings) { s.Name = "" }, []string{"/name"}},
		"name of spaces":           {func(s *coupon.BookSettings) { s.Name = " \t " }, []string{"/name"}},
		"longest name":             {func(s *coupon.BookSettings) { s.Name = strings.Repeat("n", 200) }, nil},
		"name too long":            {func(s *coupon.BookSettings) { s.Name = strings.Repeat("n", 201) }, []string{"/name"}},
		"spaces around do not add": {func(s *coupon.BookSettings) { s.Name = " " + strings.Repeat("n", 200) + " " }, nil},
		"longest description":      {func(s *coupon.BookSettings) { s.Description = strings.Repeat("d", 5000) }, nil},
		"description too long":     {func(s *coupon.BookSettings) { s.Description = strings.Repeat("d", 5001) }, []string{"/description"}},
		"start only":               {func(s *coupon.BookSettings) { s.StartsAt = &noon }, nil},
		"end only":                 {func(s *coupon.BookSettings) { s.EndsAt = &noon }, nil},
		"start before end":         {func(s *coupon.BookSettings) { s.StartsAt, s.EndsAt = &noon, new(noon.Add(1)) }, nil},
		"end at start":             {func(s *coupon.BookSettings) { s.StartsAt, s.EndsAt = &noon, &noon }, []string{"/ends_at"}},
		"end before start":         {func(s *coupon.BookSettings) { s.StartsAt, s.EndsAt = &noon, new(noon.Add(-1)) }, []string{"/ends_at"}},
		"least limit":              {func(s *coupon.BookSettings) { s.MaxAssignmentsPerUser = new(1) }, nil},
		"greatest limit":           {func(s *coupon.BookSettings) { s.MaxAssignmentsPerUser = new(1_000_000) }, nil},
		"limit of nothing":         {func(s *coupon.BookSettings) { s.MaxAssignmentsPerUser = new(0) }, []string{"/max_assignments_per_user"}},
		"limit below nothing":      {func(s *coupon.BookSettings) { s.MaxAssignmentsPerUser = new(-1) }, []string{"/max_assignments_per_user"}},
		"limit too great":          {func(s *coupon.BookSettings) { s.MaxAssignmentsPerUser = new(1_000_001) }, []string{"/max_assignments_per_user"}},
		"everything at once": {func(s *coupon.BookSettings) {
			*s = coupon.BookSettings{
				Description: strings.Repeat("d", 5001), StartsAt: &noon, EndsAt: &noon, MaxAssignmentsPerUser: new(0),
				TillRules:   coupon.TillRules{MaxRedemptionsPerUser: new(0), RollbackWindow: -1, ValidFor: -1},
				NoticeRules: coupon.NoticeRules{LowStockPercent: 101, EndingSoon: -1},
				TimeZone:    "Local", Metadata: json.RawMessage(`[]`), Benefit: json.RawMessage(`1`),
			}
		}, []string{
			"/name", "/description", "/ends_at", "/max_assignments_per_user", "/time_zone", "/lock_seconds", "/max_redemptions",
			"/max_redemptions_per_user", "/rollback_window_seconds", "/valid_for_seconds", "/low_stock_percent", "/ending_soon_seconds",
			"/metadata", "/benefit",
		}},
		"another time zone":      {func(s *coupon.BookSettings) { s.TimeZone = "America/Santiago" }, nil},
		"no time zone":           {func(s *coupon.BookSettings) { s.TimeZone = "Europe/Atlantis" }, []string{"/time_zone"}},
		"valid for ten years":    {func(s *coupon.BookSettings) { s.ValidFor = 10 * 365 * 24 * time.Hour }, nil},
		"valid for longer":       {func(s *coupon.BookSettings) { s.ValidFor = 10*365*24*time.Hour + 1 }, []string{"/valid_for_seconds"}},
		"no notices":             {func(s *coupon.BookSettings) { s.NoticeRules = coupon.NoticeRules{} }, nil},
		"low below nothing":      {func(s *coupon.BookSettings) { s.LowStockPercent = -1 }, []string{"/low_stock_percent"}},
		"soon in ten years":      {func(s *coupon.BookSettings) { s.EndingSoon = 10*365*24*time.Hour + 1 }, []string{"/ending_soon_seconds"}},
		"a benefit":              {func(s *coupon.BookSettings) { s.Benefit = json.RawMessage(`{"percent_off": 10}`) }, nil},
		"shortest lock":          {func(s *coupon.BookSettings) { s.LockFor = time.Second }, nil},
		"longest lock":           {func(s *coupon.BookSettings) { s.LockFor = coupon.MaxLock }, nil},
		"lock too short":         {func(s *coupon.BookSettings) { s.LockFor = time.Second - 1 }, []string{"/lock_seconds"}},
		"lock too long":          {func(s *coupon.BookSettings) { s.LockFor = coupon.MaxLock + 1 }, []string{"/lock_seconds"}},
		"most uses":              {func(s *coupon.BookSettings) { s.MaxRedemptions = 1_000_000 }, nil},
		"too many uses":          {func(s *coupon.BookSettings) { s.MaxRedemptions = 1_000_001 }, []string{"/max_redemptions"}},
		"too many uses a user":   {func(s *coupon.BookSettings) { s.MaxRedemptionsPerUser = new(1_000_001) }, []string{"/max_redemptions_per_user"}},
		"rollback for ten years": {func(s *coupon.BookSettings) { s.RollbackWindow = 10 * 365 * 24 * time.Hour }, nil},
		"rollback for longer":    {func(s *coupon.BookSettings) { s.RollbackWindow = 10*365*24*time.Hour + 1 }, []string{"/rollback_window_seconds"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := coupon.NewSettings("Spring sale")
			c.change(&settings)
			_, err := coupon.NewBook(uuid.New(), uuid.New(), settings)
			require.Equal(t, c.wrong, pointers(t, err))
		})
	}
}

// A new book is its owner's draft, under a trimmed name.
func TestANewBookIsADraft(t *testing.T) {
	t.Parallel()
	id, owner := uuid.New(), uuid.New()
	settings := coupon.NewSettings("  Spring sale ")
	settings.Description, settings.StartsAt, settings.EndsAt = "Ten off", &noon, new(noon.Add(time.Hour))
	settings.MaxAssignmentsPerUser = new(2)
	book, err := coupon.NewBook(id, owner, settings)
	require.NoError(t, err)
	settings.Name = "Spring sale"
	require.Equal(t, coupon.Book{
		ID: id, OwnerID: owner, Name: "Spring sale", Description: "Ten off", Status: coupon.Draft,
		StartsAt: settings.StartsAt, EndsAt: settings.EndsAt, MaxAssignmentsPerUser: new(2), Version: 1,
		TimeZone: "UTC", Metadata: json.RawMessage(`{}`),
		TillRules:   coupon.TillRules{RequireLock: true, LockFor: 5 * time.Minute, MaxRedemptions: 1},
		NoticeRules: coupon.NoticeRules{LowStockPercent: 10, EndingSoon: 24 * time.Hour},
	}, book)
	require.Equal(t, settings, book.Settings())
}

// New settings change what the owner decides and nothing else.
func TestNewSettingsLeaveTheRestOfTheBook(t *testing.T) {
	t.Parallel()
	before := coupon.Book{
		ID: uuid.New(), OwnerID: uuid.New(), Name: "Old", Description: "old", Status: coupon.Active,
		StartsAt: &noon, MaxAssignmentsPerUser: new(1), Version: 7, CreatedAt: noon, UpdatedAt: noon,
	}
	after, err := before.With(coupon.NewSettings("New"))
	require.NoError(t, err)
	want := before
	want.Name, want.Description, want.StartsAt, want.MaxAssignmentsPerUser = "New", "", nil, nil
	defaults := coupon.NewSettings("")
	want.TillRules, want.NoticeRules, want.TimeZone, want.Metadata = defaults.TillRules, defaults.NoticeRules, "UTC", json.RawMessage(`{}`)
	require.Equal(t, want, after)
	require.Equal(t, "Old", before.Name)
}

// A book goes draft → active ⇄ paused → closed, from anywhere to closed, never
// back from there; to stay where it is changes nothing and is no error.
func TestBookMoves(t *testing.T) {
	t.Parallel()
	allowed := map[coupon.BookStatus][]coupon.BookStatus{
		coupon.Draft:  {coupon.Draft, coupon.Active, coupon.Closed},
		coupon.Active: {coupon.Active, coupon.Paused, coupon.Closed},
		coupon.Paused: {coupon.Paused, coupon.Active, coupon.Closed},
		coupon.Closed: {coupon.Closed},
		"torn":        nil,
	}
	for from, reachable := range allowed {
		for _, to := range []coupon.BookStatus{coupon.Draft, coupon.Active, coupon.Paused, coupon.Closed, "burnt"} {
			book := coupon.Book{Status: from, Version: 3}
			moved, err := book.Move(to)
			if slices.Contains(reachable, to) {
				require.NoError(t, err, "%s to %s", from, to)
				require.Equal(t, coupon.Book{Status: to, Version: 3}, moved)
				continue
			}
			require.ErrorIs(t, err, coupon.ErrBookState, "%s to %s", from, to)
			require.ErrorContains(t, err, string(from))
			require.ErrorContains(t, err, string(to))
			require.Equal(t, book, moved)
		}
	}
}

// Whoever can see a book move is told so; a book is never moved to draft.
func TestEveryMoveOfABookHasAnEvent(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[coupon.BookStatus]coupon.EventType{
		coupon.Active: "book.activated", coupon.Paused: "book.paused", coupon.Closed: "book.closed",
	}, coupon.BookMoved)
}

// An active book takes claims from its start up to, and not at, its end.
// Accepted claims outlive a pause, but neither the book's end nor its closing.
func TestWhenABookTakesAndHonoursClaims(t *testing.T) {
	t.Parallel()
	start, end := noon, noon.Add(time.Hour)
	bounded := func(status coupon.BookStatus) coupon.Book {
		return coupon.Book{Status: status, StartsAt: &start, EndsAt: &end}
	}
	for name, c := range map[string]struct {
		book  coupon.Book
		now   time.Time
		takes error
		over  error
		holds bool
	}{
		"just before the start":  {bounded(coupon.Active), start.Add(-1), coupon.ErrBookNotStarted, nil, false},
		"at the start":           {bounded(coupon.Active), start, nil, nil, false},
		"just before the end":    {bounded(coupon.Active), end.Add(-1), nil, nil, false},
		"at the end":             {bounded(coupon.Active), end, coupon.ErrBookEnded, coupon.ErrBookEnded, false},
		"without dates":          {coupon.Book{Status: coupon.Active}, noon, nil, nil, false},
		"in another zone":        {bounded(coupon.Active), start.In(time.FixedZone("", 7200)), nil, nil, false},
		"draft":                  {bounded(coupon.Draft), start, coupon.ErrBookNotActive, nil, true},
		"paused":                 {bounded(coupon.Paused), start, coupon.ErrBookNotActive, nil, true},
		"paused, past its end":   {bounded(coupon.Paused), end, coupon.ErrBookNotActive, coupon.ErrBookEnded, true},
		"closed":                 {bounded(coupon.Closed), start, coupon.ErrBookNotActive, coupon.ErrBookNotActive, false},
		"closed, past its end":   {bounded(coupon.Closed), end, coupon.ErrBookNotActive, coupon.ErrBookNotActive, false},
		"status nobody has made": {bounded("torn"), start, coupon.ErrBookNotActive, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, c.book.TakesClaims(c.now), c.takes)
			if over := c.book.Over(c.now); c.over == nil {
				require.Nil(t, over)
			} else {
				require.ErrorIs(t, over, c.over)
			}
			require.Equal(t, c.holds, c.book.Holds())
		})
	}
}

// Who comes too early is told when to come back, in UTC.
func TestABookThatHasNotStartedNamesItsStart(t *testing.T) {
	t.Parallel()
	start := noon.In(time.FixedZone("", 7200))
	book := coupon.Book{Status: coupon.Active, StartsAt: &start}
	require.EqualError(t, book.TakesClaims(noon.Add(-time.Minute)),
		"The book opens at 2026-05-01T12:00:00Z; it is 2026-05-01T11:59:00Z now.")
}

// Lengths count characters, not bytes; NUL cannot be stored and is refused.
func TestCharacters(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("本", 200)
	_, err := coupon.NewBook(uuid.New(), uuid.New(), coupon.NewSettings(name))
	require.NoError(t, err)
	for _, bad := range []string{name + "本", "a\x00b", "a\xffb"} {
		_, err = coupon.NewBook(uuid.New(), uuid.New(), coupon.NewSettings(bad))
		require.Error(t, err)
	}
	_, err = coupon.CheckAccount("ann@example.com", "", "🔑🔑🔑")
	require.Error(t, err, "three characters, twelve bytes")
}
