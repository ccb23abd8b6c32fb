// Package doctor finds what is wrong with a deployment of an app, and says what to do about it. It changes nothing.
package doctor

import (
	"context"
	"crypto/x509"
	"net/netip"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/limit/redisledger"
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
	Limits        redisledger.Address // Redis that keeps shared limits; zero: none
	Readers       int
	MaxConcurrent int

	TLSCert, TLSKey string   // files with the certificate of the listener; "": none
	ACME            []string // names for which certificates are ordered by ACME
	ACMEDirectory   string

	Functions model.Faults // of the functions that the program gives for jobs

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
type Layout struct{ Database, Key, Secret, Keys, Queries string }

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
