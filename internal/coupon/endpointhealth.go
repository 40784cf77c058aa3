package coupon

import "time"

// EndpointHealth is how an endpoint has answered lately. Its circuit breaker
// opens after some failures in a row and stays open longer each time; while it
// is open nothing is sent, and no delivery loses a try.
type EndpointHealth struct {
	Failures     int // attempts that failed since the last one that did not
	FailingSince *time.Time
	ToldPercent  int // how near to being disabled its owner was told that it is
	Broken       int // failures in a row that say that the endpoint itself is in trouble
	Trips        int // how often the breaker has opened in a row
	OpenUntil    *time.Time
}

const (
	breakerOpensAt   = 5 // failures
	breakerFirst     = 30 * time.Second
	breakerMost      = 10 * time.Minute
	disabledAfter    = 100 // failed attempts, and
	disabledAfterFor = 5 * 24 * time.Hour
)

// Open reports whether nothing is to be sent now.
func (h EndpointHealth) Open(now time.Time) bool {
	return h.OpenUntil != nil && now.Before(*h.OpenUntil)
}

// Probing reports whether the breaker has been open: one try tells whether it
// closes.
func (h EndpointHealth) Probing() bool { return h.Trips > 0 }

// After is the health after an attempt that ended at now.
func (h EndpointHealth) After(a Attempt, now time.Time) EndpointHealth {
	if a.Unsent {
		return h
	}
	if a.Verdict == Delivered {
		return EndpointHealth{}
	}
	h.Failures++
	if h.FailingSince == nil {
		h.FailingSince = &now
	}
	if !a.Down { // it answers
		h.Broken, h.Trips, h.OpenUntil = 0, 0, nil
		if a.RetryAfter > 0 {
			h.leaveAlone(a.RetryAfter, now)
		}
		return h
	}
	if h.Open(now) {
		return h // sent before it opened
	}
	if h.Broken++; h.Broken >= breakerOpensAt || h.Probing() {
		h.leaveAlone(breakerFirst<<min(h.Trips, 10), now)
		h.Broken = 0
		h.Trips++
	}
	return h
}

// leaveAlone has nothing sent for a while.
func (h *EndpointHealth) leaveAlone(pause time.Duration, now time.Time) {
	until := now.Add(min(pause, breakerMost))
	h.OpenUntil = &until
}

// healthNotices are the shares of the way to being disabled at which the owner is told.
var healthNotices = []int{50, 70, 90, 100}

// Percent is how far the endpoint is on its way to being disabled: it is at
// 100, after so many failures and so long a time without a success.
func (h EndpointHealth) Percent(now time.Time) int {
	if h.FailingSince == nil {
		return 0
	}
	byCount := 100 * h.Failures / disabledAfter
	byTime := int(100 * now.Sub(*h.FailingSince) / disabledAfterFor)
	return min(byCount, byTime, 100)
}

// Notice is the next percentage that the owner is to be told; 0: none.
func (h EndpointHealth) Notice(now time.Time) (notice int) {
	percent := h.Percent(now)
	for _, step := range healthNotices {
		if step > h.ToldPercent && percent >= step {
			notice = step
		}
	}
	return notice
}
