package httpapi

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/fixture"
)

// Any cursor is refused, but for those that we wrote for this very list.
func FuzzCursors(f *testing.F) {
	cursors := NewCursors(fixture.Keyring())
	id := uuid.MustParse("01a216c2-1442-755d-8381-90d92c40d4ea")
	ours, err := cursors.write("books", idCursor{&id})
	require.NoError(f, err)
	for _, seed := range []string{ours, "", "x", ours + "A", ours[1:], "AAAAAAAAAAAAAAAA", "====", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var place idCursor
		if err := cursors.read("books", text, &place); err == nil && text != "" {
			require.Equal(t, &id, place.Before)
		}
		if text != "" {
			require.Error(t, cursors.read("pools", text, &place))
		}
	})
}

// Any Prefer header waits between nothing and the most there is.
func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"wait=5", "respond-async, wait=10", "wait=-1", "wait=99999999999999999999", "wait=9227000000", "WAIT=3;foo", "wait", ",,=,", "wait=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := preferred(header, 25*time.Second)
		require.GreaterOrEqual(t, got, time.Duration(0))
		require.LessOrEqual(t, got, 25*time.Second)
	})
}

// Any Idempotency-Key is refused, or taken as it is.
func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"", "key", "\"quoted\"", "a b", "é", "\x7f", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, err := keyOf(header)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(key), 255)
		for _, r := range key {
			require.True(t, r >= 0x21 && r <= 0x7e)
		}
	})
}
