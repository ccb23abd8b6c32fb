package incident

import (
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// An aspect is one way of being bad.
type aspect struct {
	bad  archive.Filter // without a time
	all  archive.Filter // the records that could be bad
	verb string         // of bad requests: fail, are slow
	noun string         // failed requests, slow requests

	many   archive.Counts // bad records of the incident
	others archive.Counts // the rest of all in the same time
}

// aspectsOf returns what an incident is about.
func aspectsOf(alerts []Alert, operate *model.Operate) (list []aspect) {
	if len(alerts) > 0 && alerts[0].Kind == objective.RestorePoint {
		alerts = nil // no request is bad for it, so look at all, as for an incident that a person opened
	}
	all := scopeOf(alerts, operate)
	failed, slow := all, all
	failed.Failed = true
	slow.MinDuration = operate.Logs.Slow
	fails, isSlow := len(alerts) == 0, len(alerts) == 0
	for _, a := range alerts {
		switch a.Kind {
		case objective.Available:
			fails = true
		case objective.Fast:
			isSlow = true
			slow.MinDuration = a.Below + time.Microsecond
		}
	}
	slow.Kept = slow.MinDuration >= operate.Logs.Slow // the archive keeps these apart, so they are read fast
	if fails {
		list = append(list, aspect{bad: failed, all: all, verb: "fail", noun: "failed requests"})
	}
	if isSlow {
		list = append(list, aspect{bad: slow, all: all, verb: "are slow", noun: "slow requests"})
	}
	return list
}

// scopeOf returns the filter of the requests that an incident is about.
func scopeOf(alerts []Alert, operate *model.Operate) archive.Filter {
	if len(alerts) == 0 {
		return archive.Filter{Where: []archive.Condition{{Dimension: archive.Work, Values: []string{string(telemetry.WorkMigration)}, Not: true}}}
	}
	if alerts[0].Name == objective.ProbeName {
		return archive.Filter{Where: []archive.Condition{{Dimension: archive.Work, Values: []string{string(telemetry.WorkProbe)}}}}
	}
	f := archive.Filter{
		Where: []archive.Condition{{Dimension: archive.Work, Values: []string{string(telemetry.WorkRequest)}}},
		Under: []string{"/api/", "/auth/"},
	}
	slo := operate.SLO(alerts[0].Name)
	switch {
	case slo == nil:
	case len(slo.Routes) == 0 && len(slo.Tables) > 0:
		f.Where = append(f.Where, archive.Condition{Dimension: archive.Table, Values: slo.Tables})
	case len(slo.Tables) == 0:
		f.Under = pathsOf(slo.Routes)
	}
	return f
}

// pathsOf returns the begins of the paths of routes such as POST /api/orders/{id}.
func pathsOf(routes []string) (paths []string) {
	for _, text := range routes {
		_, path, _ := strings.Cut(text, " ")
		path, _, _ = strings.Cut(path, "{")
		paths = append(paths, path)
	}
	return paths
}
