// Package queue names the tasks and queues, and puts tasks in. A task is a
// doorbell: it says that rows wait, carries only ids, and may be lost or come
// twice without harm.
package queue

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"couponbook/internal/coupon"
)

// The queues, one per class of work, each with servers of its own.
const (
	Assignments   = "assignments"
	Codes         = "codes"
	Distributions = "distributions"
	Webhooks      = "webhooks"
)

// All lists the queues, for servers, metrics and the sweeper.
var All = []string{Assignments, Codes, Distributions, Webhooks}

// The tasks.
const (
	DrainAssignments = "assignment:drain" // payload: a book's id
	GenerateCodes    = "codes:generate"   // payload: a job's id
	ImportCodes      = "codes:import"     // payload: a job's id
	VoidCodes        = "codes:void"       // payload: a job's id
	ExportCodes      = "codes:export"     // payload: a job's id
	ImportMembers    = "pool:import"      // payload: a job's id

	RunDistribution    = "distribution:run"    // payload: a job's id
	RecallDistribution = "distribution:recall" // payload: a job's id

	DeliverWebhooks = "webhook:deliver" // payload: an endpoint's id
	ReplayEvents    = "webhook:replay"  // payload: a job's id
)

// Bell is the task that starts a bulk job, and the queue that it goes to.
type Bell struct{ Task, Queue string }

// BellOf is how a kind of bulk job is started.
var BellOf = map[coupon.JobKind]Bell{
	coupon.GenerateJob:      {GenerateCodes, Codes},
	coupon.ImportJob:        {ImportCodes, Codes},
	coupon.VoidJob:          {VoidCodes, Codes},
	coupon.ExportJob:        {ExportCodes, Codes},
	coupon.ImportMembersJob: {ImportMembers, Codes},
	coupon.DistributionJob:  {RunDistribution, Distributions},
	coupon.RecallJob:        {RecallDistribution, Distributions},
	coupon.ReplayJob:        {ReplayEvents, Codes},
}

// shownFor is how long a finished task stays visible in asynqmon; nothing of
// ours reads it.
const shownFor = time.Minute

// Client puts tasks in and tells which jobs are done.
type Client struct {
	asynq *asynq.Client
	redis redis.UniversalClient
}

// NewClient makes a client on a connection that the caller closes.
func NewClient(client redis.UniversalClient) *Client {
	return &Client{asynq.NewClientFromRedisClient(client), client}
}

// rungFor is how long a doorbell counts as heard by nobody yet. If it was lost,
// the next one is rung after that.
const rungFor = time.Second

func rungKey(bookID uuid.UUID) string { return "couponbook:rung:" + bookID.String() }

// RingBook says that claims of the book wait. While a doorbell for it has not been
// heard, no other is added: many hot books would leave more of them than workers
// can answer, long after the claims are decided.
func (c *Client) RingBook(ctx context.Context, bookID uuid.UUID) error {
	if first, err := c.redis.SetNX(ctx, rungKey(bookID), 1, rungFor).Result(); err == nil && !first {
		return nil
	}
	return c.enqueue(ctx, DrainAssignments, bookID, Assignments, 30*time.Second)
}

// Heard says that a worker is about to look at the book: claims that come from now
// on need another doorbell. It must come before the look.
func (c *Client) Heard(ctx context.Context, bookID uuid.UUID) error {
	return c.redis.Del(ctx, rungKey(bookID)).Err()
}

// RingJob says that a bulk job waits.
func (c *Client) RingJob(ctx context.Context, kind coupon.JobKind, jobID uuid.UUID) error {
	bell := BellOf[kind]
	return c.enqueue(ctx, bell.Task, jobID, bell.Queue, 30*time.Minute)
}

// RingEndpoint says that something is to be sent to the endpoint.
func (c *Client) RingEndpoint(ctx context.Context, endpointID uuid.UUID) error {
	return c.enqueue(ctx, DeliverWebhooks, endpointID, Webhooks, time.Minute)
}

// enqueue always takes a fresh task id: an old one can stay taken for ever.
// Nothing is retried by asynq, which would archive it in the end: the sweeper
// rings again.
func (c *Client) enqueue(ctx context.Context, task string, id uuid.UUID, queue string, limit time.Duration) error {
	_, err := c.asynq.EnqueueContext(ctx, asynq.NewTask(task, []byte(id.String())),
		asynq.Queue(queue), asynq.Timeout(limit), asynq.MaxRetry(1), asynq.Retention(shownFor))
	return err
}

// Tasks counts the tasks of each queue that wait, and that are worked on.
func (c *Client) Tasks(ctx context.Context) (map[string]coupon.TaskCount, error) {
	pending, active := map[string]*redis.IntCmd{}, map[string]*redis.IntCmd{}
	_, err := c.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, name := range All {
			pending[name], active[name] = pipe.LLen(ctx, "asynq:{"+name+"}:pending"), pipe.LLen(ctx, "asynq:{"+name+"}:active")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	counts := make(map[string]coupon.TaskCount, len(All))
	for _, name := range All {
		counts[name] = coupon.TaskCount{Pending: pending[name].Val(), Active: active[name].Val()}
	}
	return counts, nil
}

// Register makes the queues known. asynq does so once in a process's life:
// after a FLUSHALL its monitor would stay blank.
func (c *Client) Register(ctx context.Context) error {
	names := make([]any, len(All))
	for i, name := range All {
		names[i] = name
	}
	return c.redis.SAdd(ctx, "asynq:queues", names...).Err()
}
