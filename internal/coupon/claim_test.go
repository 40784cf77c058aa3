package coupon_test

import (
	"maps"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

// one claims a single coupon for a user.
func one(user uuid.UUID) coupon.Claim {
	return coupon.Claim{JobID: uuid.New(), UserID: user, Count: 1}
}

// refusals are the decisions' error codes; a grant is empty.
func refusals(decided []coupon.Decision) []string {
	codes := make([]string, len(decided))
	for i, d := range decided {
		if !d.Granted() {
			codes[i] = d.Refusal.Code
		}
	}
	return codes
}

func TestDecide(t *testing.T) {
	t.Parallel()
	ann, bob := uuid.New(), uuid.New()
	many := func(user uuid.UUID, count int) coupon.Claim { return coupon.Claim{UserID: user, Count: count} }
	for name, c := range map[string]struct {
		claims []coupon.Claim
		limit  coupon.Limit
		left   int
		want   []string
	}{
		"nobody": {nil, coupon.Limit{}, 5, []string{}},
		"first come, first served": {
			[]coupon.Claim{one(ann), one(bob), one(ann)}, coupon.Limit{}, 2, []string{"", "", "sold_out"},
		},
		"no limit": {
			[]coupon.Claim{one(ann), one(ann), one(ann)}, coupon.Limit{}, 3, []string{"", "", ""},
		},
		"used coupons without a limit do not matter": {
			[]coupon.Claim{one(ann)}, coupon.Limit{Used: map[uuid.UUID]int{ann: 99}}, 1, []string{""},
		},
		"the limit counts what came before": {
			[]coupon.Claim{one(ann), one(bob)},
			coupon.Limit{PerUser: new(1), Used: map[uuid.UUID]int{ann: 1}},
			5,
			[]string{"limit_reached", ""},
		},
		"the limit counts what the group has just granted": {
			[]coupon.Claim{one(ann), one(ann), one(bob), one(ann)},
			coupon.Limit{PerUser: new(2), Used: map[uuid.UUID]int{ann: 1}},
			5,
			[]string{"", "limit_reached", "", "limit_reached"},
		},
		"all or nothing against the limit, and a smaller claim later fits": {
			[]coupon.Claim{many(ann, 3), many(ann, 2)}, coupon.Limit{PerUser: new(2)}, 9, []string{"limit_reached", ""},
		},
		"all or nothing against the stock, and a smaller claim later fits": {
			[]coupon.Claim{many(ann, 3), many(bob, 2), one(ann)}, coupon.Limit{}, 2, []string{"sold_out", "", "sold_out"},
		},
		"a claim refused for want of stock uses none of the limit": {
			[]coupon.Claim{many(ann, 2), one(ann)}, coupon.Limit{PerUser: new(2)}, 1, []string{"sold_out", ""},
		},
		"the limit speaks before the stock": {
			[]coupon.Claim{one(ann)}, coupon.Limit{PerUser: new(1), Used: map[uuid.UUID]int{ann: 1}}, 0, []string{"limit_reached"},
		},
		"more is reserved than is free": {
			[]coupon.Claim{one(ann)}, coupon.Limit{}, -3, []string{"sold_out"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, refusals(coupon.Decide(c.claims, c.limit, c.left, nil)))
		})
	}
}

// Who asks for more than there is learns how much there is; with nothing left,
// that all are taken.
func TestSoldOutSaysHowManyAreLeft(t *testing.T) {
	t.Parallel()
	decided := coupon.Decide([]coupon.Claim{{Count: 5}, {Count: 3}, {Count: 1}}, coupon.Limit{}, 3, nil)
	require.EqualError(t, decided[0].Refusal, "Only 3 coupons are left; ask for fewer.")
	require.ErrorIs(t, decided[0].Refusal, coupon.ErrSoldOut)
	require.True(t, decided[1].Granted())
	require.Equal(t, coupon.ErrSoldOut, decided[2].Refusal)
}

// sale is a random group of claims by few users against a small stock, so that
// both limits bite.
type sale struct {
	claims []coupon.Claim
	limit  coupon.Limit
	left   int
}

func drawSale(t *rapid.T) sale {
	users := []uuid.UUID{{1}, {2}, {3}, {4}}
	s := sale{left: rapid.IntRange(-2, 30).Draw(t, "left")}
	if rapid.Bool().Draw(t, "limited") {
		s.limit = coupon.Limit{PerUser: new(rapid.IntRange(1, 6).Draw(t, "per user")), Used: map[uuid.UUID]int{}}
		for _, user := range users {
			// More than the limit happens too: the owner may lower it later.
			if used := rapid.IntRange(0, 8).Draw(t, "used"); used > 0 {
				s.limit.Used[user] = used
			}
		}
	}
	for i := range rapid.IntRange(0, 40).Draw(t, "claims") {
		s.claims = append(s.claims, coupon.Claim{
			JobID: uuid.UUID{15: byte(i)}, Seq: int64(i), UserID: rapid.SampledFrom(users).Draw(t, "user"),
			Count: rapid.IntRange(1, 5).Draw(t, "count"),
		})
	}
	return s
}

// Whatever the claims: never more than the stock, no user above the limit, and
// every claim keeps its place and is granted whole.
func TestDecideNeverGivesTooMuch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSale(t)
		decided := coupon.Decide(s.claims, s.limit, s.left, nil)
		require.Len(t, decided, len(s.claims))
		given, byUser := 0, map[uuid.UUID]int{}
		for i, d := range decided {
			require.Equal(t, s.claims[i], d.Claim)
			if d.Granted() {
				given += d.Count
				byUser[d.UserID] += d.Count
			}
		}
		require.LessOrEqual(t, given, max(s.left, 0))
		require.Equal(t, given, coupon.Need(decided))
		for user, got := range byUser {
			if s.limit.PerUser != nil {
				require.LessOrEqual(t, s.limit.Used[user]+got, *s.limit.PerUser)
			}
		}
	})
}

// Deciding together is deciding one by one, each claim after what came before
// it is stored: how claims happen to fall into groups changes nothing.
func TestDecideEqualsOneByOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSale(t)
		together := refusals(coupon.Decide(s.claims, s.limit, s.left, nil))
		stored, left := map[uuid.UUID]int{}, s.left
		maps.Copy(stored, s.limit.Used)
		for i, claim := range s.claims {
			mayHave := s.limit.PerUser == nil || stored[claim.UserID]+claim.Count <= *s.limit.PerUser
			want := ""
			switch {
			case !mayHave:
				want = "limit_reached"
			case left < claim.Count:
				want = "sold_out"
			default:
				stored[claim.UserID] += claim.Count
				left -= claim.Count
			}
			require.Equal(t, want, together[i], "claim %d", i)
		}
	})
}

// Who comes later changes nothing for who came before.
func TestDecideRespectsTheOrderOfAcceptance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSale(t)
		first := rapid.IntRange(0, len(s.claims)).Draw(t, "first")
		require.Equal(t,
			coupon.Decide(s.claims, s.limit, s.left, nil)[:first],
			coupon.Decide(s.claims[:first], s.limit, s.left, nil))
	})
}

// Decide leaves its input as it was: a drain may decide the same group twice.
func TestDecideKeepsItsInput(t *testing.T) {
	t.Parallel()
	ann := uuid.New()
	used := map[uuid.UUID]int{ann: 1}
	claims := []coupon.Claim{one(ann), one(ann)}
	limit := coupon.Limit{PerUser: new(2), Used: used}
	first := coupon.Decide(claims, limit, 1, nil)
	require.Equal(t, map[uuid.UUID]int{ann: 1}, used)
	require.Equal(t, first, coupon.Decide(claims, limit, 1, nil))
}

func TestRefuseAllRefusesAll(t *testing.T) {
	t.Parallel()
	claims := []coupon.Claim{one(uuid.New()), one(uuid.New())}
	decided := coupon.RefuseAll(claims, coupon.ErrBookEnded)
	require.Equal(t, []coupon.Decision{
		{Claim: claims[0], Refusal: coupon.ErrBookEnded}, {Claim: claims[1], Refusal: coupon.ErrBookEnded},
	}, decided)
	require.Zero(t, coupon.Need(decided))
}
