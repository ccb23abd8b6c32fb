package doctor

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// Examine runs all checks. It ends soon after ctx does, and bounds each check that may take long.
func Examine(ctx context.Context, d Deployment) *Report {
	if d.LookupEnv == nil {
		d.LookupEnv = os.LookupEnv
	}
	if d.ReadFile == nil {
		d.ReadFile = os.ReadFile
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Watch == 0 {
		d.Watch = 200 * time.Millisecond
	}
	if d.ProbeSMTP == nil {
		d.ProbeSMTP = mail.Probe
	}
	e := &examination{Deployment: &d}
	report := &Report{Exposure: Anonymous(d.Rules)}
	for _, c := range checks(&d) {
		if ctx.Err() != nil {
			break
		}
		e.name = c.name
		before := len(e.found)
		c.run(ctx, e)
		if !slices.ContainsFunc(e.found[before:], func(f Finding) bool { return f.Severity != Note }) {
			report.Passed = append(report.Passed, c.name)
		}
	}
	report.Findings = e.found
	order := []Severity{Error, Warning, Note}
	slices.SortStableFunc(report.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	return report
}

// A check looks at one side of a deployment.
type check struct {
	name string
	run  func(context.Context, *examination)
}

func checks(d *Deployment) []check {
	all := []check{{"settings", settings}, {"files", files}, {"keys", keys}, {"clock", clock}, {"disk", diskOf}, {"limits", limits}}
	if d.Database == "" {
		all = append(all, check{"sqlite", sqliteDatabase})
	} else {
		all = append(all, check{"postgresql", postgresDatabase})
	}
	if !d.Limits.IsZero() {
		all = append(all, check{"redis", sharedLimits})
	}
	all = append(all, check{"address", address}, check{"proxies", proxies})
	if d.TLSCert != "" {
		all = append(all, check{"tls", certificateFiles})
	}
	if strings.HasPrefix(d.publicURL(), "https://") {
		all = append(all, check{"certificate", certificate})
	}
	if d.Rules.Model.Accounts != nil {
		all = append(all, check{"mail", mails})
	}
	if slices.ContainsFunc(d.Rules.Model.Jobs, func(j *model.Job) bool { return j.Func }) || len(d.Functions) > 0 {
		all = append(all, check{"functions", functions})
	}
	return append(all, check{"queries", queries}, check{"backups", backups}, check{"exposure", exposure})
}

// settings finds settings that the model needs and that are missing here.
func settings(_ context.Context, e *examination) {
	_, missing := e.Rules.Model.Resolve(e.LookupEnv, e.ReadFile)
	_, more := e.Rules.Model.ResolveOperate(e.LookupEnv, e.ReadFile)
	for _, fault := range append(missing, more...) {
		e.add(Error, at(fault)+fault.Message+".", "Set it where the server starts, and where this command runs. Without it the server does not start.")
	}
}

func functions(_ context.Context, e *examination) {
	for _, fault := range e.Functions {
		e.add(Error, at(fault)+fault.Message+".", "The server does not start before that.")
	}
}

// at returns the place of a fault, for a sentence.
func at(fault model.Fault) string { return fault.Pos.String() + ": " }
