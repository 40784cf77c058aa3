package torture

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"couponbook/client"
)

// Promise is a job that was accepted, as its client wrote it down.
type Promise struct {
	Job   uuid.UUID
	Kind  string
	Key   string // its idempotency key
	Told  bool   // the client was told of its end:
	End   string // its status,
	Error string // its error's code,
	Won   []uuid.UUID
	At    time.Time
}

// Redeemed is a redemption that was confirmed.
type Redeemed struct {
	ID, Coupon uuid.UUID
	RolledBack bool
}

// ledger has all that clients were promised. It lives outside of everything
// that is tortured.
type ledger struct {
	mu       sync.Mutex
	jobs     map[uuid.UUID]*Promise
	byKey    map[string]uuid.UUID
	redeemed map[uuid.UUID]*Redeemed
	refused  map[string]int // by code: no promise
	wrong    []string       // what clients saw themselves
}

func newLedger() *ledger {
	return &ledger{
		jobs: map[uuid.UUID]*Promise{}, byKey: map[string]uuid.UUID{}, redeemed: map[uuid.UUID]*Redeemed{}, refused: map[string]int{},
	}
}

// accepted notes a job. The same key must bring the same job, whatever happens.
func (l *ledger) accepted(kind, key string, job client.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, known := l.byKey[key]; known && before != job.ID {
		l.wrong = append(l.wrong, "key "+key+" brought job "+before.String()+" and then job "+job.ID.String())
	}
	l.byKey[key] = job.ID
	if l.jobs[job.ID] == nil {
		l.jobs[job.ID] = &Promise{Job: job.ID, Kind: kind, Key: key, At: time.Now()}
	}
	l.tell(job)
}

// ended notes what a client was told of a job's end. It must not change.
func (l *ledger) ended(job client.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(job)
}

func (l *ledger) tell(job client.Job) {
	p := l.jobs[job.ID]
	if p == nil || !job.Done {
		return
	}
	code := ""
	if job.Error != nil {
		code = job.Error.Code
	}
	if p.Told && (p.End != job.Status || p.Error != code) {
		l.wrong = append(l.wrong, "job "+job.ID.String()+" ended as "+p.End+" "+p.Error+" and then as "+job.Status+" "+code)
	}
	p.Told, p.End, p.Error, p.Won = true, job.Status, code, nil
	if job.Result != nil {
		for _, c := range job.Result.Coupons {
			p.Won = append(p.Won, c.ID)
		}
	}
}

func (l *ledger) refuse(code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[code]++
}

func (l *ledger) redeem(id, coupon uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.redeemed[id] == nil {
		l.redeemed[id] = &Redeemed{ID: id, Coupon: coupon}
	}
}

func (l *ledger) rolledBack(id uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.redeemed[id]; r != nil {
		r.RolledBack = true
	}
}

func (l *ledger) complain(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, what)
}
