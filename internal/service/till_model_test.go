package service_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// model is what a plain person thinks of a coupon, in memory: no rules of
// package coupon, no database.
type model struct {
	state       string
	holder      int // of the people; -1: nobody
	token       string
	uses        int
	ended       bool // its time is over
	disabled    bool
	rolledBack  map[uuid.UUID]bool
	redemptions []uuid.UUID
}

// over says why a coupon that has come to its end can do nothing any more.
var over = map[string]string{"VOID": "coupon_void", "REDEEMED": "already_redeemed", "EXPIRED": "coupon_expired"}

// bench is the real thing beside the model: one book with few coupons, each
// good for two uses, three per person and book.
type bench struct {
	pool    *pgxpool.Pool
	store   *postgres.Store
	till    *service.Till
	sweeper *service.Sweeper
	drainer *service.Drainer
	book    coupon.Book
	people  []auth.Principal
	ids     []uuid.UUID
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{pool: testdb.New(t)}
	b.store = postgres.NewStore(b.pool)
	b.till = service.NewTill(b.store, auth.NewLockTokens(fixture.Keyring()))
	b.drainer = fixture.Drainer(b.store, fixture.Open{}, &fixture.Queue{})
	b.sweeper = service.NewSweeper(b.store, nil, b.drainer, &fixture.Queue{})
	b.people = fixture.Users(t, b.pool, 3)
	return b
}

// renew starts over with a new book.
func (b *bench) renew(tb testing.TB, t require.TestingT, codes int) {
	tb.Helper()
	b.book = fixture.Book(tb, b.pool, 0, 0)
	_, err := b.pool.Exec(tb.Context(), `
		UPDATE books SET max_redemptions = 2, max_redemptions_per_user = 3, rollback_window = '1 hour' WHERE id = $1`, b.book.ID)
	require.NoError(t, err)
	fixture.Codes(tb, b.pool, fixture.Owner(b.book), b.book.ID, codes)
	rows, err := b.pool.Query(tb.Context(), `SELECT id FROM coupons WHERE book_id = $1 ORDER BY id`, b.book.ID)
	require.NoError(t, err)
	b.ids = b.ids[:0]
	for rows.Next() {
		var id uuid.UUID
		require.NoError(t, rows.Scan(&id))
		b.ids = append(b.ids, id)
	}
	require.NoError(t, rows.Err())
}

// code is an error's code; a failure that is none of ours is told as it is.
func code(err error) string {
	if refusal, ok := errors.AsType[*coupon.Error](err); ok {
		return refusal.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// ended is how a claim came out.
type ended struct {
	granted []coupon.Granted
	refusal string
}

// claim is a claim from accept to its end.
func (b *bench) claim(tb testing.TB, who auth.Principal) []coupon.Granted {
	tb.Helper()
	return b.drain(tb, fixture.Queued(tb, b.pool, b.book.ID, []auth.Principal{who}, 1)[0]).granted
}

func (b *bench) drain(tb testing.TB, job uuid.UUID) (out ended) {
	tb.Helper()
	_, err := b.drainer.Drain(tb.Context(), b.book.ID)
	require.NoError(tb, err)
	jobs, err := b.store.Jobs(tb.Context(), []uuid.UUID{job})
	require.NoError(tb, err)
	require.True(tb, jobs[0].Done())
	if out.granted = jobs[0].Coupons; jobs[0].ErrorCode != nil {
		out.refusal = *jobs[0].ErrorCode
	}
	return out
}

// Whatever people do to the coupons of a book, in whatever order, Postgres
// ends up where a plain model says, and gives the answers that it expects.
func TestTheTillIsLikeItsModel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rapid.Check(t, func(rt *rapid.T) {
		b.renew(t, rt, 4)
		world := map[uuid.UUID]*model{}
		for _, id := range b.ids {
			world[id] = &model{state: "UNASSIGNED", holder: -1, rolledBack: map[uuid.UUID]bool{}}
		}
		used := make([]int, len(b.people)) // uses by person
		for range rapid.IntRange(5, 40).Draw(rt, "length") {
			who := rapid.IntRange(0, len(b.people)-1).Draw(rt, "who")
			id := rapid.SampledFrom(b.ids).Draw(rt, "coupon")
			m, person, ref := world[id], b.people[who], service.CouponRef(id.String())
			owner := fixture.Owner(b.book)
			mine := m.holder == who
			want, got := "", ""
			switch op := rapid.SampledFrom([]string{"claim", "assign", "lock", "unlock", "redeem", "roll back", "revoke", "void", "disable", "enable", "lock runs out", "expire", "sweep"}).Draw(rt, "op"); op {
			case "claim":
				for _, granted := range b.claim(t, person) {
					require.Equal(rt, "UNASSIGNED", world[granted.ID].state)
					require.False(rt, world[granted.ID].disabled)
					world[granted.ID].state, world[granted.ID].holder = "ASSIGNED", who
				}
			case "assign":
				got = b.drain(t, fixture.QueuedAssign(t, b.pool, b.book, person, id)).refusal
				switch m.state {
				case "UNASSIGNED":
					if m.disabled {
						want = "coupon_disabled"
					} else {
						m.state, m.holder = "ASSIGNED", who
					}
				case "ASSIGNED", "LOCKED":
					want = "coupon_taken"
				default:
					want = over[m.state]
				}
			case "lock":
				lock, err := b.till.Lock(t.Context(), person, ref, service.LockInput{})
				got = code(err)
				switch {
				case !mine:
					want = "coupon_unavailable"
				case over[m.state] != "":
					want = over[m.state]
				case m.disabled:
					want = "coupon_disabled"
				case used[who] >= 3:
					want = "redemption_limit_reached"
				case m.state == "LOCKED":
					want = "coupon_locked"
				default:
					m.state, m.token = "LOCKED", lock.Token
				}
			case "unlock":
				_, err := b.till.Unlock(t.Context(), person, ref, service.UnlockInput{Token: m.token})
				if got = code(err); !mine {
					want = "coupon_unavailable"
				} else if m.state == "LOCKED" {
					m.state, m.token = "ASSIGNED", ""
				}
			case "redeem":
				done, err := b.till.Redeem(t.Context(), person, ref, service.RedeemInput{Token: m.token})
				got = code(err)
				switch {
				case !mine:
					want = "coupon_unavailable"
				case over[m.state] != "":
					want = over[m.state]
				case m.disabled:
					want = "coupon_disabled"
				case used[who] >= 3:
					want = "redemption_limit_reached"
				case m.state != "LOCKED":
					want = "lock_required"
				default:
					m.state, m.token = "ASSIGNED", ""
					m.uses++
					used[who]++
					if m.uses == 2 {
						m.state = "REDEEMED"
					}
					m.redemptions = append(m.redemptions, done.Redemption.ID)
				}
			case "roll back":
				if len(m.redemptions) == 0 {
					continue
				}
				which := rapid.SampledFrom(m.redemptions).Draw(rt, "redemption")
				_, err := b.till.RollBack(t.Context(), owner, which, service.ReasonInput{Reason: "sent back"})
				if got = code(err); m.rolledBack[which] {
					want = "already_rolled_back"
				} else {
					m.rolledBack[which] = true
					m.uses--
					used[m.holder]--
					if m.state == "REDEEMED" && m.ended {
						m.state = "EXPIRED"
					} else if m.state == "REDEEMED" {
						m.state = "ASSIGNED"
					}
				}
			case "revoke":
				_, err := b.till.Revoke(t.Context(), owner, ref, service.ReasonInput{Reason: "a mistake"})
				got = code(err)
				switch {
				case m.state == "UNASSIGNED":
					want = "coupon_not_assigned"
				case over[m.state] != "":
					want = over[m.state]
				case m.state == "LOCKED":
					want = "coupon_locked"
				case m.uses > 0:
					want = "coupon_used"
				default:
					m.state, m.holder = "UNASSIGNED", -1
				}
			case "void":
				_, err := b.till.Void(t.Context(), owner, ref, service.ReasonInput{Reason: "no more"})
				if got = code(err); m.state == "REDEEMED" || m.state == "EXPIRED" {
					want = over[m.state]
				} else {
					m.state, m.token = "VOID", ""
				}
			case "disable", "enable":
				change := map[string]service.StaffChange{"disable": b.till.Disable, "enable": b.till.Enable}[op]
				_, err := change(t.Context(), owner, ref, service.ReasonInput{Reason: "to be safe"})
				if got, want = code(err), over[m.state]; want == "" {
					m.disabled = op == "disable"
				}
			case "lock runs out":
				if m.state != "LOCKED" {
					continue
				}
				_, err := b.pool.Exec(t.Context(), `UPDATE coupons SET locked_until = clock_timestamp() WHERE id = $1`, id)
				require.NoError(rt, err)
				m.state, m.token = "ASSIGNED", ""
			case "expire": // the clock goes on: at once for a coupon in use, later for one that is used up
				if m.holder < 0 || m.state == "VOID" || m.state == "EXPIRED" {
					continue
				}
				_, err := b.pool.Exec(t.Context(), `UPDATE coupons SET expires_at = clock_timestamp() WHERE id = $1`, id)
				require.NoError(rt, err)
				m.ended = true
				if m.state != "REDEEMED" {
					m.state, m.token = "EXPIRED", ""
				}
			case "sweep": // writes down what is so already
				require.NoError(rt, b.sweeper.Locks(t.Context()))
				require.NoError(rt, b.sweeper.Expiry(t.Context()))
			}
			require.Equal(rt, want, got)
			seen, err := b.till.Coupon(t.Context(), owner, ref)
			require.NoError(rt, err)
			require.Equal(rt, m.state, string(seen.Coupon.State))
			require.Equal(rt, 2-m.uses, seen.Coupon.Remaining())
			require.Equal(rt, m.disabled, seen.Coupon.DisabledAt != nil)
		}
	})
	fixture.Verify(t, b.pool)
}

// hand is one of many that do whatever they like to the coupons of a book.
type hand struct {
	*bench
	random *rand.Rand
	coupon postgres.CouponRef
	who    auth.Principal
	lock   service.Outcome
	last   service.Outcome // redemption
}

// try does one thing, and returns why it failed.
func (h *hand) try(ctx context.Context) (err error) {
	owner, why := fixture.Owner(h.book), service.ReasonInput{Reason: "because"}
	if h.random.IntN(4) == 0 {
		h.coupon = postgres.CouponRef{ID: &h.ids[h.random.IntN(len(h.ids))]}
		h.who = h.people[h.random.IntN(len(h.people))]
	}
	switch op := h.random.IntN(43); {
	case op < 5:
		return h.enqueue(ctx, nil)
	case op < 8:
		return h.enqueue(ctx, h.coupon.ID)
	case op < 17:
		h.lock, err = h.till.Lock(ctx, h.who, h.coupon, service.LockInput{OrderRef: "A", Once: h.once("lock")})
	case op < 26:
		h.last, err = h.till.Redeem(ctx, h.who, h.coupon, service.RedeemInput{Token: h.lock.Token, Once: h.once("redeem")})
	case op < 29 && h.last.Redemption != nil:
		_, err = h.till.RollBack(ctx, owner, h.last.Redemption.ID, why)
	case op < 32:
		_, err = h.till.Unlock(ctx, h.who, h.coupon, service.UnlockInput{Token: h.lock.Token})
	case op < 34:
		_, err = h.till.Revoke(ctx, owner, h.coupon, why)
	case op < 35:
		_, err = h.till.Void(ctx, owner, h.coupon, why)
	case op < 36:
		_, err = h.pool.Exec(ctx, `UPDATE coupons SET expires_at = clock_timestamp() WHERE id = $1 AND user_id IS NOT NULL`, h.coupon.ID)
	case op < 37:
		_, err = h.pool.Exec(ctx, `UPDATE coupons SET locked_until = clock_timestamp() WHERE id = $1 AND state = 'LOCKED'`, h.coupon.ID)
	case op < 38:
		err = h.sweeper.Locks(ctx)
	case op < 39:
		err = h.sweeper.Expiry(ctx)
	case op < 40:
		_, err = h.till.Disable(ctx, owner, h.coupon, why)
	case op < 42:
		_, err = h.till.Enable(ctx, owner, h.coupon, why)
	default:
		_, err = h.till.Coupon(ctx, owner, h.coupon)
	}
	return err
}

// once is a key that other hands use too, for the same coupon and person.
func (h *hand) once(op string) service.Once {
	key := op + h.coupon.ID.String() + string(rune('a'+h.random.IntN(3)))
	return service.Once{Key: key, Fingerprint: []byte(key)}
}

func (h *hand) enqueue(ctx context.Context, chosen *uuid.UUID) error {
	_, err := h.store.AcceptClaims(ctx, []coupon.NewJob{{
		ID: uuid.Must(uuid.NewV7()), BookID: h.book.ID, UserID: h.who.UserID, CouponID: chosen, SubmitterID: h.who.UserID, Total: 1,
	}})
	if err == nil {
		_, err = h.drainer.Drain(ctx, h.book.ID)
	}
	return err
}

// The same from fifty hands at once: nothing fails but by refusal, and every
// invariant holds.
func TestFiftyHandsAtTheTill(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.renew(t, t, 40)
	var strange sync.Map
	var done atomic.Int64
	var hands sync.WaitGroup
	for i := range 50 {
		h := &hand{bench: b, random: rand.New(rand.NewPCG(1, uint64(i))), who: b.people[0], coupon: postgres.CouponRef{ID: &b.ids[0]}}
		hands.Go(func() {
			for range 60 {
				switch err := h.try(t.Context()); {
				case err == nil:
					done.Add(1)
				case isNoRefusal(err):
					strange.Store(err.Error(), true)
				}
			}
		})
	}
	hands.Wait()
	strange.Range(func(what, _ any) bool {
		require.Fail(t, "a failure that is no refusal", what)
		return true
	})
	require.Greater(t, done.Load(), int64(500), "nearly everything was refused: this proves little")
	fixture.Verify(t, b.pool)
}

func isNoRefusal(err error) bool {
	_, refusal := errors.AsType[*coupon.Error](err)
	return !refusal
}
