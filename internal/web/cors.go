package web

import "net/http"

// cors says what a page of another origin may do: nothing, unless its origin was named. It says whether it has answered,
// as it does a preflight. Credentials are never allowed: the API takes no cookies, and a page must hold a token by itself.
func (s *Web) cors(w *response, r *http.Request) (answered bool) {
	if len(s.origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header["Origin"]
	if len(origin) != 1 || !s.origins[origin[0]] {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin[0])
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", "ETag, Location, X-Request-Id, Retry-After")
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, X-Request-Id")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
