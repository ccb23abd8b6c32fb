package webhook

import "net/http"

// An Outcome is what came of one attempt.
type Outcome string

const (
	Delivered Outcome = "delivered"
	Failed    Outcome = "failed"
	Throttled Outcome = "throttled" // the receiver has too much to do
	Gone      Outcome = "gone"      // the receiver wants no more messages
)

// Judge returns the meaning of a status. 0 stands for no answer. A redirect is a failure: nobody follows it.
func Judge(status int) Outcome {
	switch {
	case status >= 200 && status <= 299:
		return Delivered
	case status == http.StatusGone:
		return Gone
	case status == http.StatusTooManyRequests || status == http.StatusBadGateway || status == http.StatusGatewayTimeout:
		return Throttled
	}
	return Failed
}
