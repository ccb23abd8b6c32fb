package web

import (
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Bearer returns a function for Config.Identify: it verifies the token of BearerToken. Without one the caller is anonymous.
func Bearer(verify func(token string) (caller.Caller, error)) func(*http.Request) (caller.Caller, error) {
	return func(r *http.Request) (caller.Caller, error) {
		token, err := BearerToken(r)
		if token == "" || err != nil {
			return caller.Caller{}, err
		}
		return verify(token)
	}
}

// BearerToken returns the bearer token in the Authorization header (RFC 6750), or "" without that header. A header of another
// form is errs.Unauthenticated, never anonymous. Tokens are read from no other place: URLs end up in logs and histories.
func BearerToken(r *http.Request) (string, error) {
	given := r.Header["Authorization"]
	switch len(given) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", errs.New(errs.Unauthenticated, "the Authorization header is given %d times", len(given))
	}
	scheme, token, ok := strings.Cut(given[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errs.New(errs.Unauthenticated, "the Authorization header is not of the form “Bearer TOKEN”")
	}
	return token, nil
}
