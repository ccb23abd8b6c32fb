package web

import "net/http"

// The headers of answers to pages of other origins. A preflight allows what the API reads, and the trace context that
// OpenTelemetry adds to every request of a page.
const (
	corsMethods = "GET, HEAD, POST, PATCH, DELETE"
	corsRequest = "Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id, traceparent, tracestate"
	corsAnswer  = "ETag, Location, X-Request-Id, Retry-After"
)

var varyOrigin = []string{"Origin"}

// cors says what a page of another origin may do: nothing, unless its origin was named. It says whether it has answered,
// as it does a preflight. Credentials are never allowed: the API takes no cookies, and a page must hold a token by itself.
func (s *Web) cors(w *response, r *http.Request) (answered bool) {
	if len(s.origins) == 0 {
		return false
	}
	h := w.Header()
	VaryOn(h, varyOrigin)
	origin := r.Header["Origin"]
	if len(origin) != 1 || !s.origins[origin[0]] {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin[0])
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", corsAnswer)
		return false
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsRequest)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
