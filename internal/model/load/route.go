package load

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// rowsMethods and rowMethods are the methods of /api/{table} and of /api/{table}/{id}.
func rowsMethods() []string { return []string{"GET", "POST"} }
func rowMethods() []string  { return []string{"GET", "PATCH", "DELETE"} }

// FixedRoutes returns the routes of the API that are not about a table. Package app compares them with its routes.
func FixedRoutes() []string {
	return []string{
		"DELETE /auth/keys",
		"DELETE /auth/keys/{id}",
		"DELETE /auth/links/{id}",
		"DELETE /auth/me",
		"DELETE /auth/passkeys/{id}",
		"DELETE /auth/sessions/{id}",
		"DELETE /auth/totp",
		"GET /.well-known/jwks.json",
		"GET /.well-known/webauthn",
		"GET /auth/keys",
		"GET /auth/links",
		"GET /auth/me",
		"GET /auth/oidc/{provider}",
		"GET /auth/oidc/{provider}/callback",
		"GET /auth/passkeys",
		"GET /auth/providers",
		"GET /auth/sessions",
		"PATCH /auth/passkeys/{id}",
		"POST /auth/code",
		"POST /auth/invitations",
		"POST /auth/keys",
		"POST /auth/keys/{idAndVerb}",
		"POST /auth/links",
		"POST /auth/oidc/link",
		"POST /auth/oidc/{provider}/callback",
		"POST /auth/passkey/begin",
		"POST /auth/passkey/finish",
		"POST /auth/passkeys/begin",
		"POST /auth/passkeys/finish",
		"POST /auth/password",
		"POST /auth/password/reset",
		"POST /auth/password/reset/confirm",
		"POST /auth/refresh",
		"POST /auth/sign-in",
		"POST /auth/sign-in/factor",
		"POST /auth/sign-in/factor/passkey",
		"POST /auth/sign-out",
		"POST /auth/sign-up",
		"POST /auth/totp",
		"POST /auth/totp/confirm",
		"POST /auth/verify",
	}
}

// readLimitRoute reads a route that a limit names: the start of a job, or one of readRoute.
func (l *loader) readLimitRoute(value *node) (string, bool) {
	known := FixedRoutes()
	for _, job := range l.model.Jobs {
		switch start := "POST /jobs/" + job.Name; {
		case job.Enqueue != nil:
			known = append(known, start)
		case value.text == start:
			l.fault(value.pos, "no request starts the job %s: give it access: {enqueue: …}, or remove the route", job.Name)
			return "", false
		}
	}
	return l.readRouteOf(value, known)
}

// readRoute reads a route of the API: POST /api/orders, GET /api/orders/{id} or a fixed one.
func (l *loader) readRoute(value *node) (string, bool) {
	return l.readRouteOf(value, FixedRoutes())
}

// readRouteOf reads a route of rows, or one of the others.
func (l *loader) readRouteOf(value *node, others []string) (string, bool) {
	route, ok := l.readText(value, "a route")
	if !ok {
		return "", false
	}
	method, path, _ := strings.Cut(route, " ")
	rest, isData := strings.CutPrefix(path, "/api/")
	if !isData {
		if slices.Contains(others, route) {
			return route, true
		}
		l.fault(value.pos, "the API has no route %s%s", quote(route),
			cmp.Or(suggest.DidYouMean(route, others), ": write a method and a path, such as POST /api/orders or GET /api/orders/{id}"))
		return "", false
	}
	table, id, hasID := strings.Cut(rest, "/")
	methods := rowsMethods()
	if hasID {
		methods = rowMethods()
	}
	if l.model.Table(table) == nil && l.missing {
		return "", false
	}
	found := l.model.Table(table)
	switch {
	case found == nil:
		l.noTableOrView(member{name: table, pos: value.pos})
	case hasID && id != "{id}":
		l.fault(value.pos, "a route of one row ends in {id}: write %s /api/%s/{id}", method, table)
	case !slices.Contains(methods, method):
		l.fault(value.pos, "%s has no method %s: it has %s", path, quote(method), sentence(methods))
	case found.View != nil && method != "GET":
		l.fault(value.pos, "%s is a view, and nobody writes it: write GET %s", table, path)
	default:
		return route, true
	}
	return "", false
}
