package postgres

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// acceptClaims stores the claims of one book behind each other in its queue.
// The insert is also the look-up of idempotency keys: a key that has a job
// leaves its row out. The queue's row stays locked until commit, so that the
// order of seq is the order of commit, whatever API process it was.
const acceptClaims = `
	WITH queue AS (
		UPDATE book_queues SET last_seq = last_seq + cardinality(@ids::uuid[])
		WHERE book_id = @book_id RETURNING last_seq)
	INSERT INTO jobs (id, kind, book_id, user_id, coupon_id, submitter_id, idempotency_key, fingerprint, total, seq, created_at,
	                  callback_url, callback_endpoint_id, traceparent)
	SELECT claim.id, CASE WHEN claim.coupon_id IS NULL THEN 'claim' ELSE 'assign' END, @book_id, claim.user_id,
	       claim.coupon_id, claim.submitter_id, claim.key, claim.fingerprint, claim.count,
	       last_seq - cardinality(@ids) + claim.place, clock_timestamp(), claim.callback_url, claim.callback_endpoint_id, claim.traceparent
	FROM queue, unnest(@ids, @user_ids::uuid[], @submitter_ids::uuid[], @keys::text[], @fingerprints::bytea[],
	                   @counts::int[], @places::int[], @coupon_ids::uuid[], @callbacks::text[], @callback_endpoints::uuid[], @traces::text[])
	            AS claim (id, user_id, submitter_id, key, fingerprint, count, place, coupon_id, callback_url, callback_endpoint_id, traceparent)
	ON CONFLICT (submitter_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
	RETURNING id`

// AcceptClaims stores a group of claims, of any books, in one transaction and
// one round trip. It returns the ids it stored; the others' keys have a job.
func (s *Store) AcceptClaims(ctx context.Context, claims []coupon.NewJob) (map[uuid.UUID]bool, error) {
	batch := &pgx.Batch{}
	books := byBook(claims)
	for _, book := range books {
		batch.Queue(acceptClaims, acceptArgs(book))
	}
	for i := range claims {
		if deed := claims[i].Audit; deed != nil {
			args := auditArgs(*deed)
			args["job_id"] = claims[i].ID
			batch.Queue(addAudit+` WHERE EXISTS (SELECT FROM jobs WHERE id = @job_id)`, args)
		}
	}
	accepted := make(map[uuid.UUID]bool, len(claims))
	results := s.db.SendBatch(ctx, batch) // without an explicit BEGIN the batch is one transaction
	for range books {
		rows, _ := results.Query()
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			_ = results.Close() // the first error tells
			return nil, err
		}
		for _, id := range ids {
			accepted[id] = true
		}
	}
	return accepted, results.Close()
}

// byBook cuts the claims into one part a book, in book id order: everyone
// locks queues in that order.
func byBook(claims []coupon.NewJob) [][]coupon.NewJob {
	sorted := slices.Clone(claims)
	slices.SortStableFunc(sorted, func(a, b coupon.NewJob) int { return bytes.Compare(a.BookID[:], b.BookID[:]) })
	var parts [][]coupon.NewJob
	for len(sorted) > 0 {
		end := slices.IndexFunc(sorted, func(c coupon.NewJob) bool { return c.BookID != sorted[0].BookID })
		if end < 0 {
			end = len(sorted)
		}
		parts = append(parts, sorted[:end])
		sorted = sorted[end:]
	}
	return parts
}

// acceptArgs lays the claims of one book out as arrays. Their place is the
// order of arrival, but the rows go in by key: groups that share keys would
// deadlock otherwise.
func acceptArgs(claims []coupon.NewJob) pgx.StrictNamedArgs {
	order := make([]int, len(claims))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(bytes.Compare(claims[a].SubmitterID[:], claims[b].SubmitterID[:]),
			cmp.Compare(claims[a].IdempotencyKey, claims[b].IdempotencyKey))
	})
	n := len(claims)
	ids, users, submitters := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
	keys, fingerprints := make([]*string, n), make([][]byte, n)
	counts, places, chosen := make([]int32, n), make([]int32, n), make([]*uuid.UUID, n)
	callbacks, endpoints, traces := make([]*string, n), make([]*uuid.UUID, n), make([]*string, n)
	for row, place := range order {
		claim := &claims[place]
		ids[row], users[row], submitters[row] = claim.ID, claim.UserID, claim.SubmitterID
		if claim.IdempotencyKey != "" {
			keys[row], fingerprints[row] = &claim.IdempotencyKey, claim.Fingerprint
		}
		if claim.Callback != nil {
			callbacks[row], endpoints[row] = &claim.Callback.URL, &claim.Callback.EndpointID
		}
		traces[row] = textOrNull(claim.Trace)
		counts[row], places[row], chosen[row] = int32(claim.Total), int32(place+1), claim.CouponID
	}
	return pgx.StrictNamedArgs{
		"book_id": claims[0].BookID, "ids": ids, "user_ids": users, "submitter_ids": submitters,
		"keys": keys, "fingerprints": fingerprints, "counts": counts, "places": places, "coupon_ids": chosen,
		"callbacks": callbacks, "callback_endpoints": endpoints, "traces": traces,
	}
}
