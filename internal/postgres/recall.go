package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Recalled are the coupons of some recipients of a distribution, held.
type Recalled struct {
	Tills      []coupon.Till
	Recipients map[int][]uuid.UUID // by their number in the distribution, what they were given
}

// OpenRecall holds the book's stock and the coupons that a distribution gave to
// the recipients of a span, as far as they are still the distribution's.
func (s *Store) OpenRecall(ctx context.Context, run BulkRun, distribution uuid.UUID, span Span) (Recalled, error) {
	found := Recalled{Recipients: map[int][]uuid.UUID{}}
	book, err := s.BookAndStock(ctx, run.BookID)
	if err != nil {
		return found, err
	}
	type given struct {
		N         int
		CouponIDs []uuid.UUID
	}
	args := pgx.StrictNamedArgs{"job": distribution, "after": span.After, "to": span.To}
	outcomes, err := all[given](ctx, s.db, `
		SELECT n, coupon_ids FROM job_outcomes WHERE job_id = @job AND n > @after AND n <= @to AND status = 'granted'`, args)
	if err != nil {
		return found, err
	}
	var ids []uuid.UUID
	for _, o := range outcomes {
		found.Recipients[o.N] = o.CouponIDs
		ids = append(ids, o.CouponIDs...)
	}
	held, err := all[coupon.Coupon](ctx, s.db, `
		SELECT `+couponColumns+` FROM coupons WHERE id = ANY(@ids) AND job_id = @job ORDER BY id FOR UPDATE`,
		pgx.StrictNamedArgs{"ids": ids, "job": distribution})
	if err != nil {
		return found, err
	}
	// The clock is read after the wait for the coupons: a lock may have run out meanwhile.
	if err = s.db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&book.Now); err != nil {
		return found, err
	}
	for _, c := range held {
		found.Tills = append(found.Tills, coupon.Till{Coupon: c, Book: book.Book, Now: book.Now})
	}
	return found, nil
}

// Revoked is a coupon that was taken back, before and after, with its new rank.
type Revoked struct {
	Before, After coupon.Till
	DrawRank      int64
}

// SaveRevoked writes coupons that go back into the stock, as SaveTill does for
// one. Hold them and their stock first.
func (s *Store) SaveRevoked(ctx context.Context, run BulkRun, revoked []Revoked) error {
	if len(revoked) == 0 {
		return nil
	}
	var ids, holders []uuid.UUID
	var seqs []int32
	var ranks []int64
	var told eventColumns
	free, disabled, locked := 0, 0, 0
	for _, r := range revoked {
		was, is := r.Before.Coupon, r.After.Coupon
		ids, seqs, ranks = append(ids, is.ID), append(seqs, int32(is.EventSeq)), append(ranks, r.DrawRank)
		holders = append(holders, *was.UserID)
		free, disabled = free+stocked(was, is, false), disabled+stocked(was, is, true)
		if was.State == coupon.Locked {
			locked++
		}
		if err := told.add(was, r.After.Steps); err != nil {
			return err
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		UPDATE coupons c
		SET state = 'UNASSIGNED', user_id = NULL, job_id = NULL, assigned_at = NULL, expires_at = c.ends_at, event_seq = back.seq,
		    draw_rank = back.rank, lock_id = NULL, locked_by = NULL, locked_at = NULL, locked_until = NULL, lock_order_ref = NULL
		FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS back (id, seq, rank) WHERE c.id = back.id`,
		ids, seqs, ranks).Exec(exactly(int64(len(ids))))
	batch.Queue(`
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, job_id, user_id, actor_id, data, created_at)
		SELECT type, $1, coupon_id, seq, $2, user_id, $3, data, $4
		FROM unnest($5::text[], $6::uuid[], $7::int[], $8::uuid[], $9::jsonb[]) AS told (type, coupon_id, seq, user_id, data)`,
		run.BookID, run.ID, run.SubmitterID, revoked[0].After.Now, told.types, told.coupons, told.seqs, told.users, told.data)
	batch.Queue(`
		UPDATE book_user_limits l SET used = used - back.n
		FROM (SELECT user_id, count(*) AS n FROM unnest($2::uuid[]) AS user_id GROUP BY user_id) AS back
		WHERE l.book_id = $1 AND l.user_id = back.user_id`, run.BookID, holders)
	batch.Queue(`UPDATE book_stock SET free = free + $2, disabled = disabled + $3 WHERE book_id = $1`, run.BookID, free, disabled).Exec(exactly(1))
	if locked > 0 {
		batch.Queue(`
			INSERT INTO book_stats AS s (book_id, shard, locked) VALUES ($1, 0, -$2::bigint)`+addStats, run.BookID, locked)
	}
	return s.db.SendBatch(ctx, batch).Close()
}

// eventColumns has a row an event of a coupon.
type eventColumns struct {
	types          []string
	coupons, users []uuid.UUID
	seqs           []int32
	data           []json.RawMessage
}

func (e *eventColumns) add(was coupon.Coupon, steps []coupon.Step) error {
	for i, step := range steps {
		data, err := json.Marshal(stepData(step))
		if err != nil {
			return err
		}
		e.types, e.coupons, e.users = append(e.types, string(step.Type)), append(e.coupons, was.ID), append(e.users, *was.UserID)
		e.seqs, e.data = append(e.seqs, int32(was.EventSeq+1+i)), append(e.data, data)
	}
	return nil
}

// LeftCoupon is one that a job leaves as it is.
type LeftCoupon struct {
	Coupon coupon.Coupon
	Reason coupon.OutcomeReason
}

// TellLeft writes coupons that a job leaves into its outcomes, after the first n.
func (s *Store) TellLeft(ctx context.Context, run BulkRun, after int, left []LeftCoupon) error {
	_, err := s.db.CopyFrom(ctx, pgx.Identifier{"job_outcomes"}, []string{"job_id", "n", "status", "code", "user_id", "reason", "detail"},
		pgx.CopyFromSlice(len(left), func(i int) ([]any, error) {
			l := &left[i]
			return []any{run.ID, after + i + 1, coupon.OutcomeLeft, l.Coupon.Code, l.Coupon.UserID, string(l.Reason), l.Reason.Words()}, nil
		}))
	return err
}
