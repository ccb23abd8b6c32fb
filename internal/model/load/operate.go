package load

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	maxSLOs   = 20 // each costs memory, and time in each request
	maxTraced = 50 // routes or tables of an objective
	maxAlerts = 10
)

func operateKeys() []string { return []string{"slos", "alerts", "probe", "logs", "costs"} }
func sloKeys() []string {
	return []string{"routes", "tables", "available", "fast", restorePointKey}
}
func fastKeys() []string   { return []string{"share", "below"} }
func alertsKeys() []string { return []string{"to"} }
func targetKeys() []string { return []string{"mail", "webhook", "secret", "alertmanager"} }
func probeKeys() []string  { return []string{"every", "path"} }
func logKeys() []string    { return []string{"keep", "slow", "sample"} }
func costKeys() []string   { return []string{"cpu_hour", "gb_out", "gb_month"} }

// readOperate reads the key operate. It needs the finished tables.
func (l *loader) readOperate(key member) {
	operate := l.model.Operate
	value := key.value
	if value.kind == null || !l.isObject(value, "operate") {
		return
	}
	for _, key := range l.known(value, "operate", operateKeys()) {
		if key.value.kind == null {
			continue
		}
		switch key.name {
		case "slos":
			l.readSLOs(operate, key.value)
		case "alerts":
			l.readAlerts(operate, key.value)
		case "probe":
			l.readProbe(&operate.Probe, key.value)
		case "logs":
			l.readLogs(&operate.Logs, key.value)
		case "costs":
			l.readCosts(&operate.Costs, key.value)
		}
	}
}

// readSLOs reads the objectives. An entry api replaces the one that is there by default.
func (l *loader) readSLOs(operate *model.Operate, value *node) {
	if !l.isObject(value, "slos") {
		return
	}
	if len(value.members) > maxSLOs {
		l.fault(value.pos, "there are %d objectives, but at most %d are allowed", len(value.members), maxSLOs)
		return
	}
	for _, declared := range value.members {
		if !l.checkName(declared.pos, "objective", declared.name) || !l.isObject(declared.value, "an objective") {
			continue
		}
		slo := l.readSLO(declared)
		if usual := operate.SLO(slo.Name); usual != nil {
			*usual = slo
			continue
		}
		operate.SLOs = append(operate.SLOs, slo)
	}
}

func (l *loader) readSLO(declared member) model.SLO {
	slo := model.SLO{Name: declared.name, Pos: declared.pos}
	what := "the objective " + slo.Name
	for _, key := range l.known(declared.value, what, sloKeys()) {
		switch key.name {
		case "routes":
			for _, item := range l.readSome(key.value, "routes", maxTraced) {
				if route, ok := l.readRoute(item); ok {
					slo.Routes = l.appendOnce(slo.Routes, route, item, "the route")
				}
			}
			l.needItem(key, "a route such as POST /api/orders")
		case "tables":
			for _, item := range l.readSome(key.value, "tables", maxTraced) {
				if table, ok := l.readTableName(item); ok {
					slo.Tables = l.appendOnce(slo.Tables, table, item, "the table")
				}
			}
			l.needItem(key, "a table")
		case "available":
			slo.Available, _ = l.readPercent(key)
		case "fast":
			l.readFast(&slo, key)
		case restorePointKey:
			l.readRestorePoint(&slo, key)
		}
	}
	if key := declared.value.get(restorePointKey); key != nil {
		l.aloneWith(declared.value, what)
		return slo
	}
	if len(declared.value.members) == 0 || (!declared.value.incomplete && declared.value.get("available") == nil && declared.value.get("fast") == nil) {
		l.fault(declared.pos, "%s needs available, fast or restore_point, such as {available: 99.9}", what)
	}
	return slo
}

// needItem reports an empty list.
func (l *loader) needItem(key member, what string) {
	if key.value.kind == list && len(key.value.items) == 0 {
		l.fault(key.value.pos, "%s is empty: name %s, or remove the key to count every request of the API", key.name, what)
	}
}

func (l *loader) readFast(slo *model.SLO, fast member) {
	if !l.isObject(fast.value, "fast") {
		return
	}
	for _, key := range l.known(fast.value, "fast", fastKeys()) {
		if key.name == "share" {
			slo.FastShare, _ = l.readPercent(key)
			continue
		}
		l.setShortDuration(&slo.FastBelow, key, time.Millisecond, time.Minute)
	}
	l.require(fast.value, fast.pos, "fast", fastKeys()...)
}

// readPercent reads an objective. It leaves something to fail: nobody keeps 100 %, and with 0 nothing is an objective.
func (l *loader) readPercent(key member) (float64, bool) {
	percent, ok := l.readFloat(key.value, key.name)
	switch {
	case !ok:
		return 0, false
	case percent >= 100:
		l.fault(key.value.pos, "%s is in percent and below 100: an objective of 100 has no budget for failures, so write one such as 99.9", key.name)
		return 0, false
	case percent <= 0 || percent > maxPercent:
		l.fault(key.value.pos, "%s is in percent, above 0 and at most %v, such as 99.9", key.name, maxPercent)
		return 0, false
	}
	return percent, true
}

// maxPercent is the strictest objective: it allows 2.6 seconds in 30 days.
const maxPercent = 99.9999

// readTableName reads the name of a table or a view.
func (l *loader) readTableName(value *node) (string, bool) {
	name, ok := l.readText(value, "a table")
	if !ok {
		return "", false
	}
	if l.model.Table(name) == nil {
		if !l.missing {
			l.noTableOrView(member{name: name, pos: value.pos})
		}
		return "", false
	}
	return name, true
}

// readAlerts reads where alerts go.
func (l *loader) readAlerts(operate *model.Operate, value *node) {
	if !l.isObject(value, "alerts") {
		return
	}
	for _, key := range l.known(value, "alerts", alertsKeys()) {
		for _, item := range l.readSome(key.value, "to", maxAlerts) {
			l.hideSecrets(item)
			if l.isObject(item, "a target of alerts") {
				l.readTarget(operate, item)
			}
		}
	}
}

func (l *loader) readTarget(operate *model.Operate, item *node) {
	const what = "a target of alerts"
	target := model.AlertTarget{Pos: item.pos}
	var kinds []string
	for _, key := range l.known(item, what, targetKeys()) {
		if key.name != "secret" {
			kinds = append(kinds, key.name)
		}
		switch key.name {
		case "mail":
			if source, ok := l.readText(key.value, "mail"); ok {
				target.Mail = l.checkMailAddress(key.value, "mail", source)
			}
		case "webhook":
			target.Webhook = l.readTargetURL(key, model.CheckWebhook)
		case "secret":
			target.Secret = l.readSecret(key)
		case "alertmanager":
			target.Alertmanager = l.readTargetURL(key, model.CheckAlertmanager)
		}
	}
	switch {
	case len(kinds) > 1:
		l.fault(item.pos, "%s has one address, not %s: write an item for each", what, sentence(kinds))
		return
	case len(kinds) == 0:
		if !item.incomplete {
			l.fault(item.pos, "%s needs mail, webhook or alertmanager, such as {mail: ops@example.com}", what)
		}
		return
	case item.get("secret") != nil && kinds[0] != "webhook":
		l.fault(item.get("secret").pos, "only a webhook is signed: remove secret")
		return
	}
	same := func(other model.AlertTarget) bool {
		other.Pos, other.Webhook.Pos, other.Alertmanager.Pos = target.Pos, target.Webhook.Pos, target.Alertmanager.Pos
		other.Secret = target.Secret
		return other == target
	}
	if slices.ContainsFunc(operate.Alerts, same) {
		l.fault(item.pos, "the target is repeated: remove one of the two")
		return
	}
	operate.Alerts = append(operate.Alerts, target)
}

// checkMailAddress returns a plain address, or "" after a fault.
func (l *loader) checkMailAddress(value *node, what, source string) string {
	address, err := mail.ParseAddress(source)
	if err != nil || address.Name != "" || address.Address != source || len(source) > maxEmail || strings.ContainsFunc(source, notPlain) {
		l.fault(value.pos, "%s cannot be %s: write an address such as ops@example.com", what, quote(source))
		return ""
	}
	return source
}

// notPlain reports a rune that is not printable ASCII.
func notPlain(r rune) bool { return r < ' ' || r > '~' }

// readTargetURL reads a setting that holds a URL. No message repeats the URL, because it may hold a token.
func (l *loader) readTargetURL(key member, check func(string) error) model.Setting {
	setting := l.readSetting(key)
	if setting.Value != "" {
		if err := check(string(setting.Value)); err != nil {
			l.fault(key.value.pos, "the address of %s is wrong: %v", key.name, err)
		}
	}
	return setting
}

// readProbe reads when an idle server asks itself, or false.
func (l *loader) readProbe(probe *model.Probe, value *node) {
	if value.kind == boolean {
		if !l.readBool(value, "probe") {
			*probe = model.Probe{}
		}
		return
	}
	if value.kind != object && value.kind != invalid {
		l.fault(value.pos, "probe must be a group of keys such as {every: 1m, path: /api/posts}, or false, not %s", value.kind)
		return
	}
	for _, key := range l.known(value, "probe", probeKeys()) {
		if key.name == "every" {
			l.setDuration(&probe.Every, key, 10*time.Second, time.Hour)
			continue
		}
		probe.Path = l.readProbePath(key.value)
	}
}

func (l *loader) readProbePath(value *node) string {
	path, ok := l.readText(value, "path")
	switch {
	case !ok:
		return ""
	case !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || len(path) > maxAddress || strings.ContainsAny(path, " #\\") ||
		strings.ContainsFunc(path, notPlain):
		l.fault(value.pos, "path cannot be %s: write a path of this server, such as /api/posts?limit=1", quote(path))
		return ""
	}
	rest, isData := strings.CutPrefix(path, "/api/")
	if name := rest[:len(rest)-len(strings.TrimLeft(rest, nameLetters))]; isData && l.model.Table(name) == nil && !l.missing {
		l.noTableOrView(member{name: name, pos: value.pos})
	}
	return path
}

const nameLetters = "abcdefghijklmnopqrstuvwxyz0123456789_"

func (l *loader) readLogs(logs *model.Logs, value *node) {
	if !l.isObject(value, "logs") {
		return
	}
	for _, key := range l.known(value, "logs", logKeys()) {
		switch key.name {
		case "keep":
			l.setDuration(&logs.Keep, key, time.Hour, 400*day)
		case "slow":
			l.setShortDuration(&logs.Slow, key, time.Millisecond, time.Hour)
		case "sample":
			l.setFloat(&logs.Sample, key, minSample, 1)
			logs.Lines = logs.Sample
		}
	}
}

// minSample is the smallest share of records to keep.
const minSample = 0.0001

func (l *loader) readCosts(costs *model.Costs, value *node) {
	if !l.isObject(value, "costs") {
		return
	}
	for _, key := range l.known(value, "costs", costKeys()) {
		switch key.name {
		case "cpu_hour":
			l.setFloat(&costs.CPUHour, key, 0, maxPrice)
		case "gb_out":
			l.setFloat(&costs.GBOut, key, 0, maxPrice)
		case "gb_month":
			l.setFloat(&costs.GBMonth, key, 0, maxPrice)
		}
	}
}

const maxPrice = 1_000_000

func formatFloat(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// setFloat reads a number from least to most.
func (l *loader) setFloat(target *float64, key member, least, most float64) {
	number, ok := l.readFloat(key.value, key.name)
	if ok && (number < least || number > most) {
		l.fault(key.value.pos, "%s must be a number from %s to %s", key.name, formatFloat(least), formatFloat(most))
		return
	}
	if ok {
		*target = number
	}
}
