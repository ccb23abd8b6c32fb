package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/watch"
)

// settings returns what this process was started with, for the timeline: the next process tells what has changed. What is
// not set is left out, so that a new default is no change.
func (a *App) settings() []watch.Setting {
	list := settings{}
	list.addFlags(&a.cfg)
	list.addModel(a)
	list.add("GOMAXPROCS", strconv.Itoa(runtime.GOMAXPROCS(0)))
	if limit := debug.SetMemoryLimit(-1); limit < 1<<62 {
		list.add("GOMEMLIMIT", strconv.FormatInt(limit, 10))
	}
	return list
}

type settings []watch.Setting

func (s *settings) add(name, value string) {
	*s = append(*s, watch.Setting{Name: name, Value: value})
}

func (s *settings) addSecret(name string, value telemetry.Secret) {
	*s = append(*s, watch.Setting{Name: name, Secret: value})
}

func (s *settings) addNumber(name string, value int64) {
	if value != 0 {
		s.add(name, strconv.FormatInt(value, 10))
	}
}

func (s *settings) addTime(name string, value time.Duration) {
	if value != 0 {
		s.add(name, value.String())
	}
}

// addFlags adds the flags of the server.
func (s *settings) addFlags(cfg *Config) {
	if cfg.Database != "" {
		if where, err := Locate(cfg.Database); err == nil {
			s.add("--database", where.Name)
		}
		s.addSecret("the address or the password of --database", telemetry.Secret(cfg.Database))
	}
	s.addSecret("--database-direct", telemetry.Secret(cfg.Direct))
	if cfg.KeepTables {
		s.add("--migrate", "off")
	}
	if cfg.Durability != sqlite.Full {
		s.add("--durability", "normal")
	}
	s.addNumber("--readers", int64(cfg.Readers))
	s.addNumber("--max-concurrent", int64(cfg.MaxConcurrent))
	switch cfg.Answers {
	case DefaultAnswers:
	case 0:
		s.add("--answer-cache", "off")
	default:
		s.add("--answer-cache", strconv.FormatInt(cfg.Answers/1_000_000, 10)+"MB")
	}
	s.addNumber("--max-connections", int64(cfg.MaxConnections))
	s.add("--cors", strings.Join(cfg.CORS, " "))
	s.add("--trusted-proxies", words(cfg.Proxies))
	if cfg.ProxyProtocol {
		s.add("--proxy-protocol", "true")
	}
	if cfg.Forwarded {
		s.add("--forwarded-header", "forwarded")
	}
	s.addTime("--header-timeout", cfg.HeaderTimeout)
	s.addTime("--read-timeout", cfg.ReadTimeout)
	s.addTime("--write-timeout", cfg.WriteTimeout)
	s.addTime("--idle-timeout", cfg.IdleTimeout)
	s.addTime("--shutdown-timeout", cfg.Grace)
	s.addTime("--lame-duck", cfg.LameDuck)
	s.add("--public", cfg.URL)
	s.add("--host", strings.Join(cfg.Names, " "))
	s.add("--smtp", cfg.SMTP.Host())
	s.addSecret("the password of --smtp", cfg.SMTP.Password())
	s.add("--limits", cfg.Limits.Host())
	s.addSecret("the address or the password of --limits", telemetry.Secret(cfg.Limits.Text()))
	switch {
	case cfg.Telemetry == NoTelemetry:
		s.add("--telemetry", "off")
	case cfg.Telemetry > 0:
		s.add("--telemetry", strconv.FormatInt(cfg.Telemetry/1_000_000, 10)+"MB")
	}
	if !cfg.Profile {
		s.add("--profile", "off")
	}
	s.addSecret("--operate-token", cfg.Operate.Token)
	s.add("--operate-host", strings.Join(cfg.Operate.Hosts, " "))
	s.addSecret("--otlp", telemetry.Secret(cfg.Traces.URL))
}

// addModel adds what the model says beside its tables and rules, with the values of its settings.
func (s *settings) addModel(a *App) {
	for i := range a.Operate.SLOs {
		slo := &a.Operate.SLOs[i]
		if slo.RestorePoint > 0 {
			s.add("operate.slos."+slo.Name, "restore_point "+model.FormatDuration(slo.RestorePoint))
			continue
		}
		s.add("operate.slos."+slo.Name, fmt.Sprintf("available %v, fast %v below %v, routes %v, tables %v", slo.Available, slo.FastShare, slo.FastBelow, slo.Routes, slo.Tables))
	}
	for i := range a.Operate.Alerts {
		to := &a.Operate.Alerts[i]
		s.addSecret(fmt.Sprintf("operate.alerts.to.%d", i), telemetry.Secret(to.Mail)+to.Webhook.Value+to.Secret.Value+to.Alertmanager.Value)
	}
	s.add("operate.logs", fmt.Sprintf("%+v", a.Operate.Logs))
	s.add("operate.probe", fmt.Sprintf("%+v", a.Operate.Probe))
	s.addLimits(a.Rules.Model)
	own := a.Accounts
	if own == nil {
		return
	}
	s.add("accounts", fmt.Sprintf("signup %v, verify %v, password %t, passkeys %t, totp %t, sessions %v, codes %v",
		own.Signup, own.Verify, own.Password != nil, own.Passkeys != nil, own.TOTP, own.Sessions, own.Codes))
	for i := range own.Providers {
		p := &own.Providers[i]
		name := "accounts.providers." + p.Name
		s.add(name, p.Issuer)
		s.addSecret(name+" (its client or its keys)", p.ClientID.Value+p.ClientSecret.Value+p.Team.Value+p.KeyID.Value+p.Key.Value)
	}
	for i := range own.Issuers {
		s.add(fmt.Sprintf("accounts.issuers.%d", i), own.Issuers[i].Issuer)
	}
}

// addLimits adds the limits and caches that the model gives.
func (s *settings) addLimits(m *model.Model) {
	usual := model.DefaultLimits()
	for i := range usual.Rules {
		if name := usual.Rules[i].Name; m.Limits.Rule(name) == nil {
			s.add("limits."+name, "off")
		}
	}
	for i := range m.Limits.Rules {
		if limit := &m.Limits.Rules[i]; !limit.SparesLoopback {
			s.add("limits."+limit.Name, limit.String())
		}
	}
	if query := m.Limits.Query.String(); query != usual.Query.String() {
		s.add("limits.query", query)
	}
	for _, table := range m.All() {
		s.add(table.Name+".cache", table.Cache.String())
	}
}

// words joins what has a text.
func words[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = one.String()
	}
	return strings.Join(texts, " ")
}
