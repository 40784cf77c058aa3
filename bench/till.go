package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// tills work beside each other, each with one coupon after the other.
const (
	tills = 32
	pairs = 4_000
)

// till is P9: coupons locked and redeemed, over HTTP and by the same statements
// without it.
func (s *stage) till(ctx context.Context) error {
	ours := series{Name: product, Unit: "/s"}
	other := series{Name: "bare SQL", Unit: "/s"}
	keys, err := auth.NewKeyring(secret, "")
	if err != nil {
		return err
	}
	bare := service.NewTill(postgres.NewStore(s.pool), auth.NewLockTokens(keys))
	for range s.rounds {
		for _, side := range []struct {
			all  *series
			open func() (user, error)
		}{
			{&ours, func() (user, error) { return dial(s.designs[0].host) }},
			{&other, func() (user, error) { return statements{bare}, nil }},
		} {
			coupons, err := s.held(ctx, pairs)
			if err != nil {
				return err
			}
			took, err := atTills(ctx, coupons, side.open)
			if err != nil {
				return err
			}
			side.all.Values = append(side.all.Values, pairs/took.Seconds())
		}
	}
	s.report.add(atLeast("P9", "coupons locked and redeemed", ours, other, 0.4, 0.6))
	return nil
}

// held is a coupon with its holder, or a claim with who asked.
type held struct {
	id, holder uuid.UUID
	token      string
}

// user locks and redeems coupons at one till.
type user interface {
	use(ctx context.Context, h held) error
	close()
}

// held has n people hold a coupon each.
func (s *stage) held(ctx context.Context, n int) ([]held, error) {
	book, err := s.book(ctx, n)
	if err != nil {
		return nil, err
	}
	if _, err = s.rushOn(ctx, s.designs[0], book, n, 0); err != nil {
		return nil, err
	}
	return s.mine(ctx, `SELECT id, user_id FROM coupons WHERE book_id = $1 AND state = 'ASSIGNED'`, book)
}

// mine finds things of people, and with each the token of whom it belongs to.
func (s *stage) mine(ctx context.Context, query string, args ...any) ([]held, error) {
	tokens := make(map[uuid.UUID]string, len(s.users))
	for i, user := range s.users {
		tokens[user.ID] = s.tokens[i]
	}
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []held
	for rows.Next() {
		var id, user uuid.UUID
		if err = rows.Scan(&id, &user); err != nil {
			return nil, err
		}
		all = append(all, held{id, user, tokens[user]})
	}
	return all, rows.Err()
}

// atTills uses every coupon, and returns how long that took.
func atTills(ctx context.Context, coupons []held, open func() (user, error)) (time.Duration, error) {
	var next atomic.Int64
	var done sync.WaitGroup
	failures := make([]error, tills)
	start := time.Now()
	for i := range tills {
		till, err := open()
		if err != nil {
			return 0, err
		}
		done.Go(func() {
			defer till.close()
			for n := next.Add(1) - 1; int(n) < len(coupons) && failures[i] == nil; n = next.Add(1) - 1 {
				failures[i] = till.use(ctx, coupons[n])
			}
		})
	}
	done.Wait()
	return time.Since(start), errors.Join(failures...)
}

// statements are the product's own, without HTTP around them.
type statements struct{ till *service.Till }

func (s statements) close() {}

func (s statements) use(ctx context.Context, h held) error {
	who := auth.Principal{UserID: h.holder, Role: coupon.UserRole}
	ref := service.CouponRef(h.id.String())
	locked, err := s.till.Lock(ctx, who, ref, service.LockInput{})
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	_, err = s.till.Redeem(ctx, who, ref, service.RedeemInput{Token: locked.Token})
	return err
}

// line is a connection to the service.
type line struct {
	host   string
	conn   net.Conn
	reader *bufio.Reader
}

func dial(host string) (user, error) {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return line{host, conn, bufio.NewReader(conn)}, nil
}

func (l line) close() { _ = l.conn.Close() }

func (l line) use(_ context.Context, h held) error {
	var lock struct {
		Token string `json:"lock_token"`
	}
	if err := l.post(h, "lock", "{}", &lock); err != nil {
		return err
	}
	return l.post(h, "redeem", `{"lock_token":"`+lock.Token+`"}`, &struct{}{})
}

func (l line) post(h held, what, body string, into any) error {
	_, err := fmt.Fprintf(l.conn, "POST /api/v1/coupons/%s/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", h.id, what, l.host, h.token, len(body), body)
	if err != nil {
		return err
	}
	response, err := http.ReadResponse(l.reader, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s: %s", what, response.Status, data)
	}
	return errors.Join(err, json.Unmarshal(data, into))
}
