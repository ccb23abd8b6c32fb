package model

import (
	"cmp"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// Operate says how a server is watched. The loader has filled in every default.
type Operate struct {
	SLOs   []SLO         // in the order of the file; api comes first if the file does not have it
	Alerts []AlertTarget // in the order of the file
	Probe  Probe
	Logs   Logs
	Costs  Costs
}

// An SLO is a service level objective: which requests it is about, and how many of them must be good.
type SLO struct {
	Name   string
	Routes []string // such as "POST /api/orders". A request counts if its route or its table is listed
	Tables []string // tables and views. Without routes and tables the objective is about every request of the API

	Available float64       // percent of the requests that the server must not fail; 0: not given
	FastShare float64       // percent of the answers that must take at most FastBelow; 0: not given
	FastBelow time.Duration // 0: not given

	// RestorePoint is the oldest that the newest restorable moment may be. 0: not given. An SLO with it is not about requests.
	RestorePoint time.Duration
	Pos          Pos
}

// DefaultOperate returns what holds for a model without the key operate.
func DefaultOperate() *Operate {
	return &Operate{
		SLOs:  []SLO{{Name: "api", Available: 99.9, FastShare: 99, FastBelow: 300 * time.Millisecond}},
		Probe: Probe{Every: time.Minute},
		Logs:  Logs{Keep: 7 * 24 * time.Hour, Slow: 200 * time.Millisecond, Sample: 0.1, Lines: 1},
		Costs: Costs{CPUHour: 0.04, GBOut: 0.09, GBMonth: 0.02},
	}
}

// An AlertTarget is where alerts go. It has one of Mail, Webhook and Alertmanager.
type AlertTarget struct {
	Mail         string  // plain address
	Webhook      Setting // URL
	Secret       Setting // signs the webhook; not given: no signature
	Alertmanager Setting // base URL of an Alertmanager
	Pos          Pos
}

// A Probe is a request that an idle server makes to itself.
type Probe struct {
	Every time.Duration // 0: never
	Path  string        // such as /api/posts; "": chosen by the server
}

// Logs says which records are kept, and for how long.
type Logs struct {
	Keep   time.Duration
	Slow   time.Duration // a statement that takes longer is logged with its plan
	Sample float64       // share of the healthy and quick records that are kept
	Lines  float64       // the same for lines of the log: 1, unless the file gives Sample
}

// Costs are prices, in any currency.
type Costs struct {
	CPUHour float64 // of one core
	GBOut   float64 // sent to clients
	GBMonth float64 // stored
}

// settings returns all settings that the targets have a place for.
func (o *Operate) settings() []*Setting {
	var all []*Setting
	for i := range o.Alerts {
		target := &o.Alerts[i]
		all = append(all, &target.Webhook, &target.Secret, &target.Alertmanager)
	}
	return all
}

// ResolveOperate returns the key operate with the values of all settings, and a fault for each missing or wrong one. See
// Resolve.
func (m *Model) ResolveOperate(lookup func(name string) (string, bool), readFile func(path string) ([]byte, error)) (*Operate, Faults) {
	operate := *cmp.Or(m.Operate, DefaultOperate())
	operate.Alerts = slices.Clone(operate.Alerts)
	var faults Faults
	for i := range operate.Alerts {
		target := &operate.Alerts[i]
		for _, s := range []struct {
			name    string
			setting *Setting
			check   func(string) error
		}{
			{"webhook", &target.Webhook, CheckWebhook}, {"secret", &target.Secret, CheckWebhookSecret}, {"alertmanager", &target.Alertmanager, CheckAlertmanager},
		} {
			if s.setting.Source == "" {
				continue
			}
			problem := s.setting.resolve(lookup, readFile)
			if problem == "" {
				if err := s.check(string(s.setting.Value)); err != nil {
					problem = s.name + " has a wrong value in " + s.setting.Source + ": " + err.Error()
				}
			}
			if problem != "" {
				faults = append(faults, m.Fault(s.setting.Pos, "%s", problem))
			}
		}
	}
	return &operate, faults.Sort()
}

// CheckWebhook returns what is wrong with the URL of a webhook. The network must not read alerts, so http is for this
// machine alone.
func CheckWebhook(text string) error {
	address, err := targetURL(text)
	if err == nil && address.Scheme != "https" && !isThisMachine(address.Hostname()) {
		return errors.New("it must begin with https://, or with http:// for localhost")
	}
	return err
}

// CheckAlertmanager returns what is wrong with the base URL of an Alertmanager. Most speak plain HTTP in a private network.
func CheckAlertmanager(text string) error {
	address, err := targetURL(text)
	if err == nil && (address.RawQuery != "" || address.ForceQuery) {
		return errors.New("leave out the query")
	}
	return err
}

// targetURL parses the URL of a target. Messages do not repeat it, because it may hold a token.
func targetURL(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	switch {
	case len(text) > 2000 || err != nil || address.Host == "" || address.Opaque != "" || (address.Scheme != "https" && address.Scheme != "http"):
		return nil, errors.New("write an address such as https://hooks.example.com/alerts")
	case address.Fragment != "" || strings.Contains(text, "#"):
		return nil, errors.New("leave out the fragment")
	case address.Hostname() == "":
		return nil, errors.New("the address has no host")
	}
	return address, nil
}

func isThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (err == nil && ip.IsLoopback())
}

// CheckWebhookSecret returns what is wrong with a secret of the form that Standard Webhooks gives it.
func CheckWebhookSecret(text string) error {
	_, err := webhook.ParseSecret(text)
	return err
}

// SLO returns the objective of that name, or nil.
func (o *Operate) SLO(name string) *SLO {
	i := slices.IndexFunc(o.SLOs, func(slo SLO) bool { return slo.Name == name })
	if i < 0 {
		return nil
	}
	return &o.SLOs[i]
}

// String names a target without its secrets.
func (t *AlertTarget) String() string {
	switch {
	case t.Mail != "":
		return "mail " + t.Mail
	case t.Webhook.Given():
		return "webhook " + cmp.Or(t.Webhook.Source, t.Pos.String())
	default:
		return "alertmanager " + cmp.Or(t.Alertmanager.Source, t.Pos.String())
	}
}
