package torture

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is a webhook endpoint that writes down what came. Now and then it
// answers with an error: then the message has to come again.
type receiver struct {
	url    string
	server *http.Server
	moody  func() bool

	mu       sync.Mutex
	verifier *standardwebhooks.Webhook
	bodies   map[string][32]byte // by webhook-id
	jobs     map[string]bool     // whose end was told
	steps    map[string]bool     // of coupons that were told: id/sequence
	requests int
	wrong    []string
}

func newReceiver(ctx context.Context, moody func() bool) (*receiver, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + listener.Addr().String(), moody: moody, bodies: map[string][32]byte{}, jobs: map[string]bool{}, steps: map[string]bool{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

func (r *receiver) expect(secret string) error {
	verifier, err := standardwebhooks.NewWebhook(secret)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verifier = verifier
	return err
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if err != nil || r.verifier == nil || r.moody() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	id := request.Header.Get("webhook-id")
	if err = r.verifier.Verify(body, request.Header); err != nil {
		r.wrong = append(r.wrong, "message "+id+" has a bad signature")
	}
	sum := sha256.Sum256(body)
	if before, known := r.bodies[id]; known && before != sum {
		r.wrong = append(r.wrong, "message "+id+" came with two bodies")
	}
	r.bodies[id] = sum
	r.note(id, body)
}

// note writes down what a message tells.
func (r *receiver) note(id string, body []byte) {
	var message struct {
		Data struct {
			Job     *struct{ ID string }
			Coupons []struct {
				ID       string
				Sequence int
			}
		}
	}
	if err := json.Unmarshal(body, &message); err != nil {
		r.wrong = append(r.wrong, "message "+id+" cannot be read")
		return
	}
	if job := message.Data.Job; job != nil {
		r.jobs[job.ID] = true
	}
	for _, c := range message.Data.Coupons {
		r.steps[step(c.ID, c.Sequence)] = true
	}
}

func step(coupon string, sequence int) string { return fmt.Sprintf("%s/%d", coupon, sequence) }

func (r *receiver) close() { _ = r.server.Close() }
