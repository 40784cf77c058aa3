package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

const (
	streamFor   = 5 * time.Minute  // then the client connects anew
	heartbeat   = 15 * time.Second // keeps proxies from cutting a silent stream off
	streamWrite = 10 * time.Second // for a message: who does not read is left
	reconnectIn = 2 * time.Second
)

type streamRequest struct {
	ByID
	LastEventID string `header:"Last-Event-ID" doc:"the id of the last event that came, sent by browsers when they connect anew"`
}

// streamJob sends a job as server-sent events each time that it changes: `position`
// while a claim waits, `progress` while work is under way, `done` at its end,
// each with the job as data and its version as id. A stream ends with `done`, or
// after five minutes. Whoever has seen the end is told so by 204: browsers then
// stop to connect anew.
func (a *API) streamJob(ctx context.Context, in *streamRequest) (*huma.StreamResponse, error) {
	follower, job, err := a.Service.StreamJob(ctx, a.Followers, principalOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		defer follower.Close()
		if job.Done() && in.LastEventID == job.Version() {
			out.SetStatus(http.StatusNoContent)
			return
		}
		s := newEventStream(out)
		if in.LastEventID != job.Version() {
			s.send(a.newJobEvent(job))
		}
		s.follow(ctx, follower, job, a.newJobEvent)
	}}, nil
}

// eventStream writes server-sent events.
type eventStream struct {
	to      http.ResponseWriter
	control *http.ResponseController
	err     error // of the first write that failed
}

func newEventStream(out huma.Context) *eventStream {
	out.SetHeader("Content-Type", "text/event-stream")
	out.SetHeader("X-Accel-Buffering", "no") // nginx would keep the events back
	out.SetStatus(http.StatusOK)
	writer := humagin.Unwrap(out).Writer
	s := &eventStream{to: writer, control: http.NewResponseController(writer)}
	// The server's limits are for requests that end soon.
	s.err = s.control.SetReadDeadline(time.Time{})
	s.send(fmt.Sprintf("retry: %d\n\n", reconnectIn.Milliseconds()))
	return s
}

func (s *eventStream) send(text string) {
	if s.err == nil {
		s.err = s.control.SetWriteDeadline(time.Now().Add(streamWrite))
	}
	if s.err == nil {
		_, s.err = s.to.Write([]byte(text))
	}
	if s.err == nil {
		s.err = s.control.Flush()
	}
}

// follow sends what changes until the job has ended, the client has gone, or it
// is time to connect anew.
func (s *eventStream) follow(ctx context.Context, follower *service.Follower, job coupon.Job, event func(coupon.Job) string) {
	for end := time.Now().Add(streamFor); s.err == nil && !job.Done() && time.Now().Before(end); {
		next, changed, err := follower.Next(ctx, min(heartbeat, time.Until(end)))
		switch {
		case err != nil || follower.Over():
			return
		case changed:
			job = next
			s.send(event(job))
		default:
			s.send(": still here\n\n")
		}
	}
}

// newJobEvent is the text of an event about a job.
func (a *API) newJobEvent(job coupon.Job) string {
	name := "progress"
	switch {
	case job.Done():
		name = "done"
	case job.Position != nil:
		name = "position"
	}
	data, err := json.Marshal(a.newJobBody(job))
	if err != nil {
		panic(err) // it is sent as JSON all day
	}
	return fmt.Sprintf("event: %s\nid: %s\ndata: %s\n\n", name, job.Version(), data)
}
