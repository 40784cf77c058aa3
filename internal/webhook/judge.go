package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"couponbook/internal/coupon"
)

// longest is the longest pause that an answer can ask for.
const longest = 24 * time.Hour

// control is the answer's header by which an endpoint can end a delivery or all
// of them.
const control = "webhook-delivery"

// judge says what an answer means: 2xx alone is success; a redirect is none.
func judge(a *coupon.Attempt, response *http.Response) {
	status := response.StatusCode
	word := "status"
	switch asked := response.Header.Get(control); {
	case status >= 200 && status < 300 && asked != "disable":
		a.Verdict = coupon.Delivered
		return
	case asked == "disable":
		a.Verdict, a.Disabled = coupon.Disable, coupon.DisabledAsked
	case status == http.StatusGone:
		a.Verdict, a.Disabled = coupon.Disable, coupon.DisabledGone
	case asked == "abort-message":
		a.Verdict = coupon.GiveUp
	case status >= 300 && status < 400:
		word = "redirect"
	default:
		a.Down = status >= 500
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			a.RetryAfter = retryAfter(response.Header.Get("Retry-After"), time.Now())
		}
	}
	detail := fmt.Sprintf("the endpoint answered %d %s", status, http.StatusText(status))
	a.Error, a.Detail = &word, &detail
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int(longest.Seconds()))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), longest)
	}
	return 0
}
