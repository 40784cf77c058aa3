package coupon

// QueueStats tell how far the work of a queue is behind. Postgres knows all of
// it but the tasks, which are only doorbells.
type QueueStats struct {
	Name      string
	Waiting   int64   // claims, bulk jobs, or deliveries that are due
	Running   int64   // bulk jobs
	Failed    int64   // bulk jobs that failed within a day; deliveries that will be tried again
	OldestMS  int64   // how long the oldest one waits
	PerSecond float64 // that came to an end in the last ten seconds
}

// WebhookStats tell how the webhooks stand.
type WebhookStats struct {
	Disabled, Broken int64   // endpoints that are disabled; whose circuit breaker is open
	Behind           float64 // seconds since the oldest event that is not dealt out yet
}

// TaskCount is how many tasks of a queue wait in Redis, and are worked on.
type TaskCount struct {
	Pending, Active int64
}
