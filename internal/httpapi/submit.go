package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// How long a submit waits for its outcome at most, and who asks for a job: a
// little less than what proxies bear.
const (
	maxWait = 10 * time.Second
	maxPoll = 25 * time.Second
)

// SubmitHeaders come with every request that makes a job.
type SubmitHeaders struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"257" doc:"1 to 255 visible characters; the same key brings the same job"`
	Prefer         string `header:"Prefer" doc:"wait=N: answer with the outcome if it comes within N seconds (at most 10)"`
}

func (h SubmitHeaders) key() (string, error) { return keyOf(h.IdempotencyKey) }

// keyOf reads an idempotency key, with or without the quotes of a structured field.
func keyOf(key string) (string, error) {
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	} else if key == "" {
		return "", nil
	}
	if key == "" || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return "", coupon.InvalidInput(coupon.Field{Pointer: "Idempotency-Key", Detail: "must have 1 to 255 visible ASCII characters"})
	}
	return key, nil
}

// KeyHeader comes with requests that can be repeated under the same key.
type KeyHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"257" doc:"1 to 255 visible characters; the same key brings the same answer, for a week"`
}

// once reads the key, and marks the request that it comes with.
func (h KeyHeader) once(operation, target string, body any) (service.Once, error) {
	key, err := keyOf(h.IdempotencyKey)
	if err != nil || key == "" {
		return service.Once{}, err
	}
	mark, err := fingerprint(operation, target, body)
	return service.Once{Key: key, Fingerprint: mark}, err
}

// replayed is the value of the header that tells a repeated answer.
func replayed(was bool) string {
	if was {
		return "true"
	}
	return ""
}

func wait(prefer string) time.Duration { return preferred(prefer, maxWait) }

// preferred is how long the client prefers to wait, at most. What it does not
// say clearly it does not prefer (RFC 7240).
func preferred(prefer string, most time.Duration) time.Duration {
	for part := range strings.SplitSeq(prefer, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(name, "wait") {
			continue
		}
		if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
			return time.Duration(min(seconds, int(most.Seconds()))) * time.Second
		}
	}
	return 0
}

// fingerprint tells whether a key comes with the same request again.
func fingerprint(operation, target string, body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	hash.Write([]byte(operation + "\n" + target + "\n"))
	hash.Write(data)
	return hash.Sum(nil), nil
}

// jobResponse is the answer to submits and look-ups alike.
type jobResponse struct {
	Status            int
	Location          string `header:"Location"`
	RetryAfter        string `header:"Retry-After"`
	ETag              string `header:"ETag" doc:"of a job that was asked for: names what there is to see of it"`
	PreferenceApplied string `header:"Preference-Applied"`
	Replayed          string `header:"Idempotency-Replayed"`
	Body              jobBody
}

// answerSubmit: 202 while the job is under way, 200 once it has ended.
func (a *API) answerSubmit(ctx context.Context, s service.Submission, err error, waited time.Duration) (*jobResponse, error) {
	if err != nil {
		return nil, err
	}
	requestOf(ctx).job = s.Job.ID.String()
	out := a.answerJob(s.Job)
	out.Location = out.Body.Links.Self
	if !s.Job.Done() {
		out.Status = http.StatusAccepted
	}
	out.applied(waited)
	out.Replayed = replayed(s.Replayed)
	return out, nil
}

func (r *jobResponse) applied(waited time.Duration) {
	if waited > 0 {
		r.PreferenceApplied = "wait=" + strconv.Itoa(int(waited.Seconds()))
	}
}

// wholeSeconds rounds a pause up, as Retry-After wants it.
func wholeSeconds(pause time.Duration) string { return strconv.Itoa(int(math.Ceil(pause.Seconds()))) }

func (a *API) answerJob(job coupon.Job) *jobResponse {
	out := &jobResponse{Status: http.StatusOK, Body: a.newJobBody(job)}
	if !job.Done() {
		out.RetryAfter = wholeSeconds(job.PollAfter())
	}
	return out
}
