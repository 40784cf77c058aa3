// Package flashsale holds the classic test against a running service, over
// HTTP: many people ask at once for few codes, and every outcome is counted.
package flashsale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"couponbook/client"
	"couponbook/client/api"
)

// signedIn is how many of the customers sign in themselves; the others come
// through the shop's API key.
const signedIn = 20

// Plan is a sale to hold.
type Plan struct {
	Users, Codes int
	Connections  int                   // to the API, at most; 0: one for each user, up to 1000
	Admin        *client.Client        // signed in as someone who may make books and keys
	Guest        *client.Client        // the same API without a credential
	More         []*client.Client      // further API processes: customers are spread over all
	Ready        func()                // called when the crowd stands before the door; may be nil
	Progress     func(done, total int) // may be nil
}

// Hold makes a book, lets all users claim at the same moment and follows every
// job to its end.
func Hold(ctx context.Context, plan Plan) (Result, error) {
	id := uuid.NewString()
	book, err := plan.Admin.NewBook(ctx, "Flash sale "+id, plan.Codes, nil)
	if err != nil {
		return Result{}, fmt.Errorf("make the book: %w", err)
	}
	keyID, key, err := plan.Admin.CreateAPIKey(ctx, "flash sale "+id, "claims:write", "jobs:read")
	if err != nil {
		return Result{}, fmt.Errorf("make an API key: %w", err)
	}
	customers, err := plan.customers(ctx, id, key)
	if err != nil {
		return Result{}, err
	}
	if plan.Ready != nil {
		plan.Ready()
	}
	outcomes := plan.rush(ctx, book, customers)
	result := newResult(plan, book, outcomes)
	if err = plan.askAgain(ctx, book, customers, outcomes, &result); err != nil {
		return result, err
	}
	return result, plan.Admin.RevokeAPIKey(ctx, keyID)
}

// customer is someone in the crowd.
type customer struct {
	api   *client.Client
	claim api.Claim
	key   string // idempotency key
}

func (plan Plan) customers(ctx context.Context, sale, key string) ([]customer, error) {
	entrances := append([]*client.Client{plan.Guest}, plan.More...)
	customers := make([]customer, plan.Users)
	for i := range customers {
		name := fmt.Sprintf("%s-%d", sale, i)
		customers[i] = customer{entrances[i%len(entrances)].As(key), client.For(name), name}
	}
	for i := range min(signedIn, plan.Users) {
		email, password := fmt.Sprintf("%s-%d@example.com", sale, i), "a long enough password"
		if err := plan.Guest.Register(ctx, email, password); err != nil {
			return nil, fmt.Errorf("register a customer: %w", err)
		}
		token, err := plan.Guest.SignIn(ctx, email, password)
		if err != nil {
			return nil, fmt.Errorf("sign a customer in: %w", err)
		}
		customers[i].api, customers[i].claim = entrances[i%len(entrances)].As(token), api.Claim{}
	}
	return customers, nil
}

// outcome is what became of one customer's claim.
type outcome struct {
	accepted time.Duration // until the 202, or the refusal
	settled  time.Duration // until the outcome was known
	job      bool          // it became a job
	code     string        // the coupon's code, when granted
	refusal  string        // the reason's code, when refused
	err      error         // anything else
}

// rush lets everyone go at once.
func (plan Plan) rush(ctx context.Context, book uuid.UUID, customers []customer) crowd {
	outcomes := make([]outcome, len(customers))
	begin := make(chan struct{})
	var all sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for i, who := range customers {
		all.Go(func() {
			<-begin
			outcomes[i] = who.ask(ctx, book)
			mu.Lock()
			defer mu.Unlock()
			done++
			if plan.Progress != nil {
				plan.Progress(done, len(customers))
			}
		})
	}
	start := time.Now()
	close(begin)
	all.Wait()
	return crowd{outcomes, time.Since(start)}
}

// crowd is all outcomes and the time until the last of them was known.
type crowd struct {
	outcomes []outcome
	took     time.Duration
}

func (c customer) ask(ctx context.Context, book uuid.UUID) outcome {
	start := time.Now()
	job, err := c.api.Claim(ctx, book, c.claim, c.key)
	o := outcome{accepted: time.Since(start), job: err == nil}
	if err == nil && !job.Done {
		job, err = c.api.Finish(ctx, job.ID)
	}
	o.settled = time.Since(start)
	var refused *client.ProblemError
	switch {
	case errors.As(err, &refused) && refused.Code == "sold_out":
		o.refusal = refused.Code
	case err != nil:
		o.err = err
	case job.Error != nil:
		o.refusal = job.Error.Code
	case job.Result != nil && len(job.Result.Coupons) == 1:
		o.code = job.Result.Coupons[0].Code
	default:
		o.err = fmt.Errorf("job %s ended as %s without a coupon", job.ID, job.Status)
	}
	return o
}

// askAgain repeats every winner's request with its key: each must get his own
// code, although all is sold.
func (plan Plan) askAgain(ctx context.Context, book uuid.UUID, customers []customer, c crowd, result *Result) error {
	slots := make(chan struct{}, 50)
	errs := make([]error, len(customers))
	var all sync.WaitGroup
	for i, first := range c.outcomes {
		if first.code == "" {
			continue
		}
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			again := customers[i].ask(ctx, book)
			if errs[i] = again.err; errs[i] == nil && again.code != first.code {
				errs[i] = fmt.Errorf("a winner who asked again got another answer: %s", again.refusal)
			}
		})
	}
	all.Wait()
	for i, err := range errs {
		if err == nil && c.outcomes[i].code != "" {
			result.AskedAgain++
		}
	}
	return errors.Join(errs...)
}
