package httpapi

import "context"

type queueBody struct {
	Name      string     `json:"name" enum:"assignments,codes,distributions,webhooks"`
	Waiting   int64      `json:"waiting" doc:"claims, bulk jobs, or deliveries that are due"`
	Running   int64      `json:"running" doc:"bulk jobs"`
	Failed    int64      `json:"failed" doc:"bulk jobs that failed within a day; deliveries that will be tried again"`
	OldestMS  int64      `json:"oldest_ms" doc:"how long the oldest one waits"`
	PerSecond float64    `json:"per_second" doc:"that came to an end in the last ten seconds"`
	Tasks     *tasksBody `json:"tasks,omitempty" doc:"doorbells in Redis; left out: it does not answer"`
}

type tasksBody struct {
	Pending int64 `json:"pending"`
	Active  int64 `json:"active"`
}

type queuesResponse struct {
	Body struct {
		Data []queueBody `json:"data"`
	}
}

// queues tells how far the work is behind, and how fast it goes on.
func (a *API) queues(ctx context.Context, _ *struct{}) (*queuesResponse, error) {
	states, err := a.Service.Queues(ctx, a.Tasks)
	if err != nil {
		return nil, err
	}
	out := &queuesResponse{}
	for _, q := range states {
		body := queueBody{q.Name, q.Waiting, q.Running, q.Failed, q.OldestMS, q.PerSecond, nil}
		if q.Tasks != nil {
			body.Tasks = &tasksBody{q.Tasks.Pending, q.Tasks.Active}
		}
		out.Body.Data = append(out.Body.Data, body)
	}
	return out, nil
}
