package web

import "net/http"

// Headers of answers to pages of other origins. A preflight allows the headers read by the API, and the trace context
// added by OpenTelemetry to every request of a page.
const (
	corsMethods = "GET, HEAD, POST, PATCH, DELETE"
	corsRequest = "Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id, traceparent, tracestate"
	corsAnswer  = "ETag, Location, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy"
)

var varyOrigin = []string{"Origin"}

// allowOrigin lets pages of the configured origins read answers, and answers their preflights. Credentials are never
// allowed: the API takes no cookies, and a page must hold a token itself.
func (rc *Receiver) allowOrigin(next Handler) Handler {
	if len(rc.origins) == 0 {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		header := w.Header()
		VaryOn(header, varyOrigin)
		origin := r.Header["Origin"]
		if len(origin) != 1 || !rc.origins[origin[0]] {
			return next(w, r)
		}
		header.Set("Access-Control-Allow-Origin", origin[0])
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			header.Set("Access-Control-Expose-Headers", corsAnswer)
			return next(w, r)
		}
		header.Set("Access-Control-Allow-Methods", corsMethods)
		header.Set("Access-Control-Allow-Headers", corsRequest)
		header.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}
