package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"couponbook/client"
)

// patience is how long a client repeats a request that fails for a reason that
// mends by itself.
const patience = 90 * time.Second

// load is what clients do to the installation.
type load struct {
	ledger *ledger
	seed   uint64

	apis            []*client.Client // as the administrator, at each API process
	open, scarce    uuid.UUID        // books: with codes enough; with few, and one a person
	gifts           uuid.UUID        // a book that is distributed
	pool            uuid.UUID
	inFlight, calls atomic.Int64
	n               atomic.Int64 // makes names
}

// settle makes what the clients need: books, codes, a pool, an endpoint.
func (l *load) settle(ctx context.Context, hooks *receiver) error {
	var endpoint struct{ Secret string }
	err := l.must(ctx, http.MethodPost, "/webhooks", map[string]any{"url": hooks.url, "events": []string{"job.*", "coupon.*"}}, &endpoint)
	if err == nil {
		err = hooks.expect(endpoint.Secret)
	}
	if err != nil {
		return err
	}
	one := 1
	for _, b := range []struct {
		id    *uuid.UUID
		codes int
		limit *int
	}{{&l.open, 20_000, nil}, {&l.scarce, 200, &one}, {&l.gifts, 20_000, nil}} {
		if *b.id, err = l.apis[0].NewBook(ctx, "Torture", b.codes, b.limit); err != nil {
			return err
		}
	}
	if err = l.must(ctx, http.MethodPatch, "/books/"+l.open.String(), map[string]any{"rollback_window_seconds": 3600}, nil); err != nil {
		return err
	}
	var pool struct{ ID uuid.UUID }
	if err = l.must(ctx, http.MethodPost, "/pools", map[string]any{"name": "Torture"}, &pool); err != nil {
		return err
	}
	l.pool = pool.ID
	members := make([]map[string]any, 200)
	for i := range members {
		members[i] = map[string]any{"external_id": fmt.Sprintf("member-%d", i)}
	}
	return l.must(ctx, http.MethodPost, "/pools/"+pool.ID.String()+"/members", map[string]any{"members": members, "create_missing": true}, nil)
}

func (l *load) must(ctx context.Context, method, path string, in, out any) error {
	return l.apis[0].Do(ctx, method, "/api/v1"+path, in, out)
}

// run lets clients work until ctx ends; what they have begun they bring to its end.
func (l *load) run(ctx context.Context, people int) {
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() { l.work(ctx, rand.New(rand.NewPCG(l.seed, uint64(i))), l.person, 300*time.Millisecond) }) //nolint:gosec // repeatable
	}
	for i := range 2 {
		all.Go(func() {
			l.work(ctx, rand.New(rand.NewPCG(l.seed, uint64(1_000_000+i))), l.manager, time.Second) //nolint:gosec // repeatable
		})
	}
	all.Wait()
}

func (l *load) work(ctx context.Context, dice *rand.Rand, act func(context.Context, *rand.Rand), rest time.Duration) {
	for ctx.Err() == nil {
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		act(whole, dice)
		cancel()
		pause(ctx, time.Duration(dice.Int64N(int64(rest))))
	}
}

// call repeats a request under one key until it is answered, at one API process
// after the other. It reports whether it was; a refusal is an answer.
func (l *load) call(ctx context.Context, dice *rand.Rand, method, path string, in, out any, key string, headers ...client.Header) bool {
	if key != "" {
		headers = append(headers, client.Header{Name: "Idempotency-Key", Value: key})
	}
	l.inFlight.Add(1)
	defer l.inFlight.Add(-1)
	for ctx.Err() == nil {
		l.calls.Add(1)
		try, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := l.apis[dice.IntN(len(l.apis))].Do(try, method, "/api/v1"+path, in, out, headers...)
		cancel()
		var problem *client.ProblemError
		switch {
		case err == nil:
			return true
		case errors.As(err, &problem) && problem.Status != http.StatusServiceUnavailable:
			if problem.Status >= http.StatusInternalServerError {
				l.ledger.complain(fmt.Sprintf("%s %s: %s", method, pattern(path), problem.Error()))
			}
			if problem.Code == "job_not_found" {
				l.ledger.complain(fmt.Sprintf("%s: %s %s: a job that was accepted is not found", time.Now().UTC().Format(time.RFC3339Nano), method, path))
			}
			l.ledger.refuse(problem.Code)
			return false
		}
		pause(ctx, time.Duration(50+dice.IntN(400))*time.Millisecond)
	}
	l.ledger.complain(fmt.Sprintf("%s %s was not answered for %s", method, pattern(path), patience))
	return false
}

// pattern is a path without ids.
func pattern(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		if len(parts[i]) > 30 {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

func (l *load) name(what string) string {
	return fmt.Sprintf("%s-%d-%d", what, l.seed, l.n.Add(1))
}

// person does what people and their shops do.
func (l *load) person(ctx context.Context, dice *rand.Rand) {
	switch at := dice.IntN(100); {
	case at < 60:
		l.shop(ctx, dice)
	case at < 80:
		l.claim(ctx, dice, l.scarce, fmt.Sprintf("person-%d", dice.IntN(400)))
	case at < 90:
		l.claimTogether(ctx, dice)
	default:
		l.regret(ctx, dice)
	}
}

// claim asks for a coupon. Half of the clients wait for it, some follow the job
// later, some ask again under their key, and some never come back.
func (l *load) claim(ctx context.Context, dice *rand.Rand, book uuid.UUID, who string) (job client.Job) {
	key, path := l.name("claim"), "/books/"+book.String()+"/claims"
	body := map[string]any{"user": map[string]any{"external_id": who}, "create_missing": true}
	var wait []client.Header
	if dice.IntN(2) == 0 {
		wait = []client.Header{{Name: "Prefer", Value: "wait=5"}}
	}
	if !l.call(ctx, dice, http.MethodPost, path, body, &job, key, wait...) {
		return job
	}
	l.ledger.accepted("claim", key, job)
	for range dice.IntN(2) { // once more, as after a lost answer
		var again client.Job
		if l.call(ctx, dice, http.MethodPost, path, body, &again, key) {
			l.ledger.accepted("claim", key, again)
		}
	}
	if !job.Done && dice.IntN(3) > 0 {
		job = l.follow(ctx, dice, job)
	}
	return job
}

// follow waits for a job's end.
func (l *load) follow(ctx context.Context, dice *rand.Rand, job client.Job) client.Job {
	for !job.Done && ctx.Err() == nil {
		if !l.call(ctx, dice, http.MethodGet, "/jobs/"+job.ID.String(), nil, &job, "", client.Header{Name: "Prefer", Value: "wait=5"}) {
			return job
		}
	}
	l.ledger.ended(job)
	return job
}

// shop claims, and takes what it got to the till.
func (l *load) shop(ctx context.Context, dice *rand.Rand) {
	job := l.claim(ctx, dice, l.open, l.name("person"))
	if !job.Done || job.Status != "succeeded" || dice.IntN(2) == 0 {
		return
	}
	coupon := job.Result.Coupons[0].ID
	path := "/coupons/" + coupon.String()
	var lock struct {
		Token string `json:"lock_token"`
	}
	if !l.call(ctx, dice, http.MethodPost, path+"/lock", map[string]any{"ttl_seconds": 600}, &lock, l.name("lock")) {
		l.ledger.complain("a coupon that was won could not be locked: " + coupon.String())
		return
	}
	if dice.IntN(5) == 0 {
		l.call(ctx, dice, http.MethodPost, path+"/unlock", map[string]any{"lock_token": lock.Token}, nil, l.name("unlock"))
		return
	}
	var used struct {
		Redemption struct {
			ID uuid.UUID `json:"id"`
		} `json:"redemption"`
	}
	order := map[string]any{"lock_token": lock.Token, "order_ref": l.name("order")}
	if !l.call(ctx, dice, http.MethodPost, path+"/redeem", order, &used, l.name("redeem")) {
		l.ledger.complain("a coupon that was locked could not be redeemed: " + coupon.String())
		return
	}
	l.ledger.redeem(used.Redemption.ID, coupon)
	if dice.IntN(4) == 0 {
		if l.call(ctx, dice, http.MethodPost, "/redemptions/"+used.Redemption.ID.String()+"/rollback", map[string]any{"reason": "torture"}, nil, l.name("back")) {
			l.ledger.rolledBack(used.Redemption.ID)
		}
	}
}

// claimTogether sends a batch.
func (l *load) claimTogether(ctx context.Context, dice *rand.Rand) {
	items := make([]map[string]any, 1+dice.IntN(30))
	for i := range items {
		items[i] = map[string]any{"item_id": fmt.Sprint(i), "user": map[string]any{"external_id": l.name("item")}}
	}
	key := l.name("batch")
	var job client.Job
	if l.call(ctx, dice, http.MethodPost, "/books/"+l.open.String()+"/claims/batch", map[string]any{"items": items, "create_missing": true}, &job, key) {
		l.ledger.accepted("claim_batch", key, job)
		if dice.IntN(2) == 0 {
			l.follow(ctx, dice, job)
		}
	}
}

// regret claims and cancels at once: one of both wins.
func (l *load) regret(ctx context.Context, dice *rand.Rand) {
	key := l.name("regret")
	var job client.Job
	body := map[string]any{"user": map[string]any{"external_id": key}, "create_missing": true}
	if !l.call(ctx, dice, http.MethodPost, "/books/"+l.open.String()+"/claims", body, &job, key) {
		return
	}
	l.ledger.accepted("claim", key, job)
	if l.call(ctx, dice, http.MethodPost, "/jobs/"+job.ID.String()+"/cancel", nil, &job, l.name("cancel")) {
		l.ledger.ended(job)
	}
}

// manager distributes, makes codes and uploads some.
func (l *load) manager(ctx context.Context, dice *rand.Rand) {
	var job client.Job
	kind, path, body := "distribution", "/pools/"+l.pool.String()+"/distributions", any(map[string]any{
		"book_id": l.gifts, "mode": "equal", "per_user": 1, "on_shortage": "partial",
	})
	switch dice.IntN(3) {
	case 0:
		kind, path, body = "generate_codes", "/books/"+[]uuid.UUID{l.open, l.scarce, l.gifts}[dice.IntN(3)].String()+"/codes/generate", map[string]any{"count": []int{10, 2000, 60_000}[dice.IntN(3)]}
	case 1:
		codes := make([]string, 1+dice.IntN(500))
		for i := range codes {
			codes[i] = strings.ToUpper(l.name("UP"))
		}
		kind, path, body = "import_codes", "/books/"+l.open.String()+"/codes/upload?on_duplicate=skip", map[string]any{"codes": codes}
	}
	key := l.name(kind)
	if l.call(ctx, dice, http.MethodPost, path, body, &job, key) {
		l.ledger.accepted(kind, key, job)
		l.follow(ctx, dice, job)
	}
}
