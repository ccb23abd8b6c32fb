package limit

import (
	"fmt"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A unit is what a rule counts separately. It is the index of a hash in a Request.
type unit uint8

const (
	byAddress unit = iota
	byCaller
	byKey
	byAll
	units
)

func unitOf(per model.LimitUnit) unit {
	switch per {
	case model.PerAddress:
		return byAddress
	case model.PerKey:
		return byKey
	case model.PerAll:
		return byAll
	}
	return byCaller
}

// A rule is a model.Limit, ready to be applied.
type rule struct {
	model.Limit
	unit     unit
	routes   []model.Route
	rates    []rate
	inFlight inFlight
	policy   string // its part of RateLimit-Policy
}

type rate struct {
	gcra
	model.Rate
	salt uint64 // tells the bucket from the other buckets of a unit
	name string // of the policy
}

type inFlight struct {
	most int
	salt uint64
}

func newRule(declared model.Limit, secret hashKey) rule {
	r := rule{Limit: declared, unit: unitOf(declared.Per)}
	for _, text := range declared.Routes {
		r.routes = append(r.routes, model.RouteOf(text))
	}
	r.inFlight = inFlight{declared.InFlight, secret.sum([]byte("in flight\x00" + declared.Name))}
	for i, declaredRate := range declared.Rates {
		one := rate{gcra: newGCRA(declaredRate), Rate: declaredRate, name: declared.Name}
		one.salt = secret.sum(fmt.Appendf(nil, "rate\x00%s\x00%d\x00%+v", declared.Name, i, declaredRate))
		if len(declared.Rates) > 1 {
			one.name += "/" + model.FormatDuration(declaredRate.Window)
		}
		r.rates = append(r.rates, one)
	}
	r.policy = policyOf(r.rates)
	return r
}

// isEarly reports whether the rule looks at nothing but the address. So it can be applied before anything else is known.
func (r *rule) isEarly() bool {
	return r.unit == byAddress && r.Scope == "" && len(r.Tables)+len(r.Routes)+len(r.Operations) == 0
}

// applies reports whether the rule is about a request.
func (r *rule) applies(request *Request) bool {
	switch {
	case r.SparesLoopback && request.isLocal(),
		r.unit == byKey && request.KeyID == "",
		r.Scope != "" && !slices.Contains(request.Scopes, r.Scope),
		len(r.Operations) > 0 && !slices.Contains(r.Operations, request.Operation):
		return false
	}
	return len(r.Tables)+len(r.routes) == 0 || r.names(request)
}

// maxCost bounds the count of one kind of work, so that a sum of them does not overflow. No rate has room for so many.
const maxCost = 1 << 40

// costOf returns how many operations of the work in a request the rule is about.
func (r *rule) costOf(request *Request, all []Work) (cost int64) {
	single := *request
	for _, work := range all {
		single.Route, single.Table, single.Operation = work.Operation.Route(), work.Table, work.Operation
		if work.Count > 0 && r.applies(&single) {
			cost += min(int64(work.Count), maxCost)
		}
	}
	return cost
}

// names reports whether the rule names the table or the route of a request.
func (r *rule) names(request *Request) bool {
	if request.Table != "" && slices.Contains(r.Tables, request.Table) {
		return true
	}
	return slices.Contains(r.routes, model.Route{Pattern: request.Route, Table: request.Table})
}
