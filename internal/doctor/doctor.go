// Package doctor finds what is wrong with a deployment of an app, and says what to do about it. It changes nothing.
package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// A Severity says how bad a finding is.
type Severity string

const (
	Error   Severity = "error"   // the app does not work, loses data, or is open to others
	Warning Severity = "warning" // it may do so later
	Note    Severity = "note"    // good to know
)

// A Finding is one thing about a deployment.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"` // name of the check
	What     string   `json:"what"`  // one sentence
	Do       string   `json:"do"`    // what to do about it; may be empty in a note
}

// A Deployment is an app at a place, with the settings of its server.
type Deployment struct {
	Rules    *rule.Rules // of its model
	Data     string      // data folder
	Database string      // address of a PostgreSQL database; "": SQLite in the data folder
	Direct   string      // address of the same database itself, if Database is the address of a pooler

	Listen        string // address of the app's listener
	URL           string // public address; "": the model's
	SMTP          mail.Server
	Proxies       []netip.Prefix
	CORS          []string
	Readers       int
	MaxConcurrent int

	Layout Layout
	System []system.Fragment // system tables of the app

	LookupEnv func(string) (string, bool)              // nil: os.LookupEnv
	ReadFile  func(string) ([]byte, error)             // nil: os.ReadFile
	Now       func() time.Time                         // nil: time.Now
	Roots     *x509.CertPool                           // nil: the roots of the system
	ProbeSMTP func(context.Context, mail.Server) error // nil: mail.Probe
	Watch     time.Duration                            // how long to watch the clock; 0: 200 ms
}

// Layout names the files of a data folder.
type Layout struct{ Database, Key, Secret, Keys string }

// A Report is everything that was found.
type Report struct {
	Findings []Finding  `json:"findings"` // the worst first
	Exposure []Exposure `json:"anonymous"`
	Passed   []string   `json:"passed"` // names of the checks without an error or a warning
}

// Failed reports whether there is a finding of severity error.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Error })
}

// A check looks at one side of a deployment.
type check struct {
	name string
	run  func(context.Context, *examination)
}

// examination is the work on one report.
type examination struct {
	*Deployment
	name  string // of the check under way
	found []Finding
}

func (e *examination) add(severity Severity, what, do string) {
	e.found = append(e.found, Finding{Severity: severity, Check: e.name, What: what, Do: do})
}

// publicURL returns the address that links in mails begin with, "" if none is set.
func (d *Deployment) publicURL() string {
	if own := d.Rules.Model.Accounts; d.URL == "" && own != nil {
		return own.URL
	}
	return d.URL
}

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

func checks(d *Deployment) []check {
	all := []check{{"settings", settings}, {"files", files}, {"keys", keys}, {"clock", clock}, {"disk", diskOf}, {"limits", limits}}
	if d.Database == "" {
		all = append(all, check{"sqlite", sqliteDatabase})
	} else {
		all = append(all, check{"postgresql", postgresDatabase})
	}
	all = append(all, check{"address", address}, check{"proxies", proxies})
	if strings.HasPrefix(d.publicURL(), "https://") {
		all = append(all, check{"certificate", certificate})
	}
	if d.Rules.Model.Accounts != nil {
		all = append(all, check{"mail", mails})
	}
	return append(all, check{"backups", backups}, check{"exposure", exposure})
}

// settings finds settings that the model needs and that are missing here.
func settings(_ context.Context, e *examination) {
	_, missing := e.Rules.Model.Resolve(e.LookupEnv, e.ReadFile)
	_, more := e.Rules.Model.ResolveOperate(e.LookupEnv, e.ReadFile)
	for _, fault := range append(missing, more...) {
		e.add(Error, at(fault)+fault.Message+".", "Set it where the server starts, and where this command runs. Without it the server does not start.")
	}
}

// at returns the place of a fault, for a sentence.
func at(fault model.Fault) string { return fault.Pos.String() + ": " }
