package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"couponbook/client"
	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

const (
	adminEmail    = "torture@example.com"
	adminPassword = "a long enough password"

	mostRecovery = 15 * time.Second // after a fault has ended
	quietFor     = 2 * time.Minute  // at most, for everything to come to its end
)

// Options say how to torture.
type Options struct {
	Dir, Bin      string // where the installation is made, and where the programs are
	For           time.Duration
	Seed          uint64
	People        int
	APIs, Workers int
	Scenario      string // only this fault, once, and as long as Hold; empty: all, by chance
	Hold          time.Duration
	Break         string // a rule to break, to see that the checker finds it; empty: none
	Log           io.Writer
}

func (o Options) check() error {
	var wrong []error
	if o.Scenario != "" && !slices.Contains(Scenarios(), o.Scenario) {
		wrong = append(wrong, fmt.Errorf("there is no scenario %q: choose one of %v", o.Scenario, Scenarios()))
	}
	if o.Break != "" && !slices.Contains(Rules(), o.Break) {
		wrong = append(wrong, fmt.Errorf("there is no rule %q to break: choose one of %v", o.Break, Rules()))
	}
	if o.People < 1 || o.APIs < 1 || o.Workers < 1 {
		wrong = append(wrong, errors.New("there must be at least one client, one API process and one worker"))
	}
	return errors.Join(wrong...)
}

// Run tortures an installation of its own and checks it. The report tells what
// was found, also when that is bad; an error means that the run itself failed.
func Run(ctx context.Context, o Options) (report Report, err error) {
	if err = o.check(); err != nil {
		return report, err
	}
	report = Report{Seed: o.Seed, Scenario: o.Scenario, Broken: o.Break, Injected: map[string]int{}, Began: time.Now()}
	r, err := newRig(ctx, o)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	var moody atomic.Bool
	moody.Store(true)
	dice := rand.New(rand.NewPCG(o.Seed, 0))  //nolint:gosec // repeatable
	moods := rand.New(rand.NewPCG(o.Seed, 1)) //nolint:gosec // repeatable
	hooks, err := newReceiver(ctx, func() bool { return moody.Load() && moods.IntN(50) == 0 })
	if err != nil {
		return report, err
	}
	defer hooks.close()
	l, err := newLoad(ctx, r, o, hooks)
	if err != nil {
		return report, err
	}
	if err = sabotage(ctx, r, o.Break); err != nil {
		return report, err
	}

	working, stop := context.WithCancel(ctx)
	defer stop()
	var clients sync.WaitGroup
	clients.Go(func() { l.run(working, o.People) })
	c := &chaos{rig: r, load: l, dice: dice, hold: o.Hold}
	err = c.torture(ctx, o, &report)
	stop()
	clients.Wait()
	moody.Store(false)
	if err != nil {
		return report, err
	}
	report.quiet(l.calm(ctx, r))
	report.Wrong, err = check(ctx, r, l, hooks)
	report.count(l, hooks)
	return report, err
}

func newLoad(ctx context.Context, r *rig, o Options, hooks *receiver) (*load, error) {
	passwords, err := auth.NewPasswords()
	if err != nil {
		return nil, err
	}
	_, err = service.NewAccountsOffline(postgres.NewStore(r.pool), passwords).Register(ctx,
		service.Account{Email: adminEmail, Password: adminPassword, Role: coupon.Admin})
	if err != nil {
		return nil, err
	}
	l := &load{ledger: newLedger(), seed: o.Seed}
	guest := client.New(r.apis[0].URL, 4)
	token, err := guest.SignIn(ctx, adminEmail, adminPassword)
	if err != nil {
		return nil, err
	}
	_, key, err := guest.As(token).CreateAPIKey(ctx, "torture", "books:read", "books:write", "claims:write", "coupons:redeem", "coupons:write",
		"jobs:read", "pools:read", "pools:write", "distributions:write", "webhooks:read", "webhooks:write")
	if err != nil {
		return nil, err
	}
	for _, api := range r.apis {
		l.apis = append(l.apis, client.New(api.URL, o.People+10).As(key))
	}
	return l, l.settle(ctx, hooks)
}

// torture injects faults until time is up, or the one of the scenario.
func (c *chaos) torture(ctx context.Context, o Options, report *Report) error {
	pause(ctx, 2*time.Second) // the clients get going
	if o.Scenario != "" {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.name == o.Scenario })
		err := c.once(ctx, faults[i], report)
		pause(ctx, 2*time.Second)
		return err
	}
	var order []int // every fault has its turn before one comes again
	for end := time.Now().Add(o.For); time.Now().Before(end) && ctx.Err() == nil; {
		if len(order) == 0 {
			order = c.dice.Perm(len(faults) - 1) // without the last, which needs a disk of its own
		}
		if err := c.once(ctx, faults[order[0]], report); err != nil {
			return err
		}
		order = order[1:]
		pause(ctx, time.Duration(c.dice.IntN(300))*time.Millisecond)
	}
	return ctx.Err()
}

// once injects a fault, and measures how long it takes until claims are decided
// again after it.
func (c *chaos) once(ctx context.Context, f fault, report *Report) error {
	hit, err := f.inject(c, ctx)
	if err != nil {
		return fmt.Errorf("inject %s: %w", f.name, err)
	}
	report.Injected[f.name]++
	if !hit {
		report.Missed = append(report.Missed, f.name)
	}
	took := c.recovery(ctx)
	report.recovered(f.name, took)
	_, _ = fmt.Fprintf(c.log, "  %s: %s; claims are decided again after %.1f s\n", f.name, f.what, took.Seconds())
	return nil
}

// recovery is how long it takes until a new claim is decided.
func (c *chaos) recovery(ctx context.Context) time.Duration {
	start := time.Now()
	for ctx.Err() == nil && time.Since(start) < time.Minute {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		job := client.Job{}
		api := c.load.apis[c.dice.IntN(len(c.load.apis))]
		key := c.load.name("probe")
		err := api.Do(try, http.MethodPost, "/api/v1/books/"+c.load.open.String()+"/claims",
			map[string]any{"user": map[string]any{"external_id": key}, "create_missing": true}, &job,
			client.Header{Name: "Idempotency-Key", Value: key}, client.Header{Name: "Prefer", Value: "wait=4"})
		cancel()
		if err == nil {
			c.load.ledger.accepted("claim", key, job)
		}
		if err == nil && job.Done {
			break
		}
		pause(ctx, 50*time.Millisecond)
	}
	return time.Since(start)
}

// calm waits until all has come to its end, and reports how long that took. What
// the receiver refused comes again now, not in minutes.
func (l *load) calm(ctx context.Context, r *rig) (time.Duration, bool) {
	start := time.Now()
	for time.Since(start) < quietFor && ctx.Err() == nil {
		l.redeliver(ctx, r)
		var waiting int
		err := r.pool.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM jobs WHERE status IN ('queued', 'running'))
			     + (SELECT count(*) FROM webhook_deliveries WHERE status = 'pending')
			     + (SELECT count(*) FROM events e, webhook_cursor c WHERE e.xact > c.xact)`).Scan(&waiting)
		if err == nil && waiting == 0 {
			return time.Since(start), true
		}
		pause(ctx, 200*time.Millisecond)
	}
	return time.Since(start), false
}

// redeliver asks for messages that would be tried again in minutes.
func (l *load) redeliver(ctx context.Context, r *rig) {
	rows, err := r.pool.Query(ctx, `SELECT id FROM webhook_deliveries WHERE status = 'failed' OR status = 'pending' AND next_attempt_at > now() + interval '7 seconds' LIMIT 100`)
	if err != nil {
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if rows.Scan(&id) == nil {
			_ = l.must(ctx, http.MethodPost, fmt.Sprintf("/deliveries/%d/redeliver", id), nil, nil)
		}
	}
}
