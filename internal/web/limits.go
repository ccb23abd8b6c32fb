package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Headers of draft-ietf-httpapi-ratelimit-headers-11, in its spelling.
const (
	rateLimitHeader       = "RateLimit"
	rateLimitPolicyHeader = "RateLimit-Policy"
)

// limitAddress applies the limits of addresses, before anything is done for the request: a flood that is refused here costs
// no check of a token. Probes pass.
func (rc *Receiver) limitAddress(next Handler) Handler {
	if rc.limiter == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		x := exchangeOf(r)
		if x.probe || x.record.Work == telemetry.WorkProbe {
			return next(w, r)
		}
		x.limiter = rc.limiter
		x.limits.Address, x.limits.Proxied = caller.Network(r.RemoteAddr), x.proxied || x.relayed
		defer x.limiter.Done(&x.limits)
		if refusal, ok := x.limiter.Arrive(x.record.Start, &x.limits); !ok {
			return x.refuse(w.Header(), refusal)
		}
		return next(w, r)
	}
}

// admit applies the limits that need the caller or the route. The pattern of the route is in r. Code of the server passes.
func (x *exchange) admit(w http.ResponseWriter, r *http.Request, operation model.Operation) error {
	if x == nil || x.limiter == nil || x.caller.IsSystem() {
		return nil
	}
	if !x.caller.IsAnonymous() {
		x.limits.Client = x.caller.Client()
		if key, ok := x.caller.APIKey(); ok {
			x.limits.KeyID = key
			if scopes := x.caller.Scopes(); scopes != nil {
				x.limits.Scopes = scopes.Names
			}
		}
	}
	table, _, _ := strings.Cut(r.PathValue("table"), ":") // a verb may follow, and no name has a colon
	x.limits.Route, x.limits.Table, x.limits.Operation = r.Pattern, table, operation
	if refusal, ok := x.limiter.Admit(time.Now(), &x.limits); !ok {
		return x.refuse(w.Header(), refusal)
	}
	x.showLimits(w.Header(), false)
	return nil
}

// Charge charges further operations of the kind of a request to all limits that it has met, or to none if one has no room
// for them. A handler calls it before it does them: the request itself counts as one operation. Without it, an import of a
// thousand rows would count as one.
func Charge(w http.ResponseWriter, r *http.Request, operations int) error {
	return chargeWith(w, r, func(l *limit.Limiter, request *limit.Request) (limit.Refusal, bool) {
		return l.More(time.Now(), request, operations)
	})
}

// ChargeWork charges a request for all the work in it, instead of for one operation, or refuses all of it. A limit counts
// the operations of a batch as it would count requests of their own, so a batch is no way around a limit of a table.
func ChargeWork(w http.ResponseWriter, r *http.Request, all []limit.Work) error {
	return chargeWith(w, r, func(l *limit.Limiter, request *limit.Request) (limit.Refusal, bool) {
		return l.Charge(time.Now(), request, all)
	})
}

func chargeWith(w http.ResponseWriter, r *http.Request, charge func(*limit.Limiter, *limit.Request) (limit.Refusal, bool)) error {
	x := exchangeOf(r)
	if x == nil || x.limiter == nil || x.caller.IsSystem() {
		return nil
	}
	if refusal, ok := charge(x.limiter, &x.limits); !ok {
		return x.refuse(w.Header(), refusal)
	}
	x.showLimits(w.Header(), false)
	return nil
}

// refuse returns the error of a request that a limit refuses, and sets the headers about limits.
func (x *exchange) refuse(header http.Header, refusal limit.Refusal) error {
	x.record.Refuse(refusal.Limit)
	x.showLimits(header, true)
	return &errs.Error{Kind: errs.Limited, Message: explainRefusal(refusal), RetryAfter: refusal.Wait, Limit: refusal.Limit}
}

func explainRefusal(refusal limit.Refusal) string {
	rate := refusal.Rate
	switch {
	case refusal.InFlight > 0:
		return fmt.Sprintf("the limit “%s” allows %d requests at work at once: wait for an answer before the next request", refusal.Limit, refusal.InFlight)
	case refusal.TooMany:
		return fmt.Sprintf("the limit “%s” has room for at most %d operations at once: send fewer in one request", refusal.Limit, limit.Burst(rate))
	}
	text := fmt.Sprintf("the limit “%s” allows %d requests in %s", refusal.Limit, rate.Count, model.FormatDuration(rate.Window))
	if limit.Burst(rate) < rate.Count {
		text += fmt.Sprintf(", and %d at once", rate.Burst)
	}
	return text
}

// HideLimits removes the headers about limits from an answer that others may get too.
func HideLimits(header http.Header) {
	delete(header, rateLimitPolicyHeader)
	delete(header, rateLimitHeader)
}

// showLimits sets the headers about limits. Only a refusal tells of the rules that the model does not give.
func (x *exchange) showLimits(header http.Header, refused bool) {
	policy := x.limiter.Policy(&x.limits, refused)
	if policy == "" {
		return
	}
	x.policy = [2]string{policy, x.limits.State()}
	header[rateLimitPolicyHeader] = x.policy[:1:1]
	if x.policy[1] != "" { // it is empty if too many requests are at work, and no other limit is shown
		header[rateLimitHeader] = x.policy[1:]
	}
}
