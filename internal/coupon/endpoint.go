package coupon

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// EndpointStatus says whether an endpoint is sent anything.
type EndpointStatus string

// The statuses of an endpoint.
const (
	EndpointEnabled  EndpointStatus = "enabled"
	EndpointPaused   EndpointStatus = "paused"   // what is for it waits
	EndpointDisabled EndpointStatus = "disabled" // nothing is for it; a replay makes up for that
)

// DisabledReason is why an endpoint is disabled.
type DisabledReason string

// Why an endpoint is disabled.
const (
	DisabledByHand  DisabledReason = "by_hand"
	DisabledGone    DisabledReason = "gone"    // it answered 410
	DisabledAsked   DisabledReason = "asked"   // it answered webhook-delivery: disable
	DisabledFailing DisabledReason = "failing" // it failed for too long
)

// SecretOverlap is how long the old secret of an endpoint signs beside the new one.
const SecretOverlap = 24 * time.Hour

// Endpoint is a URL that wants to be told of events.
type Endpoint struct {
	ID             uuid.UUID
	OwnerID        uuid.UUID
	URL            string
	Description    string
	Events         []string    // types, "coupon.*" for all of a resource, "*" for all
	BookIDs        []uuid.UUID // empty: of any book
	IncludeCodes   bool        // full codes and e-mails, for who sends mail; else codes are masked
	Status         EndpointStatus
	DisabledReason *DisabledReason
	DisabledAt     *time.Time
	OldSecretUntil *time.Time // the old secret signs too until then
	Version        int
	CreatedAt      time.Time
	UpdatedAt      time.Time
	EndpointHealth
}

// EndpointSettings is what the owner of an endpoint decides.
type EndpointSettings struct {
	URL          string
	Description  string
	Events       []string
	BookIDs      []uuid.UUID
	IncludeCodes bool
}

const (
	maxURL         = 2000
	maxFilters     = 100
	maxDescription = 1000
)

// With returns the endpoint under other settings, or tells all their faults.
// Whether its URL may be called is not decided here.
func (e Endpoint) With(s EndpointSettings) (Endpoint, error) {
	var wrong faults
	e.URL, e.Description, e.IncludeCodes = strings.TrimSpace(s.URL), s.Description, s.IncludeCodes
	e.Events, e.BookIDs = slices.Compact(slices.Sorted(slices.Values(s.Events))), s.BookIDs
	wrong.text("/url", e.URL, 1, maxURL)
	wrong.text("/description", e.Description, 0, maxDescription)
	if len(e.Events) == 0 || len(e.Events) > maxFilters {
		wrong.add("/events", "must name 1 to %d events, or [\"*\"] for all", maxFilters)
	}
	for i, filter := range e.Events {
		if !IsEventFilter(filter) {
			wrong.add(fmt.Sprintf("/events/%d", i), "%q is no event: see GET /event-types, or use \"coupon.*\" or \"*\"", filter)
		}
	}
	if len(e.BookIDs) > maxFilters {
		wrong.add("/book_ids", "must name at most %d books; leave it out for all", maxFilters)
	}
	return e, wrong.err()
}

// IsEventFilter reports whether a filter names events: a type, all of a resource
// ("coupon.*"), or all there are ("*").
func IsEventFilter(filter string) bool {
	return filter == "*" || slices.ContainsFunc(eventTypes, func(info EventInfo) bool {
		return !info.Direct && (filter == string(info.Type) || filter == info.Type.Resource()+".*")
	})
}

// Origin is what a callback URL has in common with a registered endpoint:
// scheme, host and port.
func Origin(text string) (string, bool) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.User != nil {
		return "", false
	}
	port := parsed.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[parsed.Scheme]
	}
	return strings.ToLower(parsed.Scheme + "://" + parsed.Hostname() + ":" + port), true
}

// SameOrigin reports whether two URLs have one origin.
func SameOrigin(a, b string) bool {
	one, ok := Origin(a)
	other, _ := Origin(b)
	return ok && one == other
}

// CheckCallback tells whether a callback URL can be one at all.
func CheckCallback(text string) error {
	var wrong faults
	wrong.text("/callback_url", text, 1, maxURL)
	if _, ok := Origin(text); !ok {
		wrong.add("/callback_url", "must be a URL like https://example.com/hooks, without user and password")
	}
	return wrong.err()
}
