package load

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

const (
	maxLimits    = 50 // each costs a look at every request
	maxRates     = 4  // of one limit
	maxCount     = 1_000_000_000
	maxInFlight  = 1_000_000
	maxPlanRows  = 1_000_000_000_000
	minWindow    = time.Second
	maxWindow    = 400 * day
	minQueryTime = time.Millisecond
	maxQueryTime = 10 * time.Minute
)

// The names with a meaning of their own among the limits.
const (
	addressLimit = "address"
	callerLimit  = "caller"
	queryLimit   = "query"
)

func limitKeys() []string {
	return []string{"tables", "operations", "write", "routes", "key", "per", "rate", "burst", "in_flight"}
}

// fixedLimitKeys are the keys of address and caller, which are about every request.
func fixedLimitKeys() []string { return []string{"rate", "burst", "in_flight"} }

func queryLimitKeys() []string { return []string{"rows", "time", "except"} }

func limitUnits() []string      { return wordsOf(model.LimitUnits()) }
func limitOperations() []string { return wordsOf(model.Operations()) }

func wordsOf[T ~string](values []T) []string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = string(value)
	}
	return words
}

// isOff reports whether a value turns its key off. YAML 1.2 reads off as text.
func isOff(value *node) bool {
	return (value.kind == boolean && strings.EqualFold(value.text, "false")) || (value.kind == text && value.text == "off")
}

// readLimits reads the key limits. It needs the finished tables, the scopes of accounts and the jobs.
func (l *loader) readLimits(key member) {
	limits, value := l.model.Limits, key.value
	switch {
	case value.kind == null:
		return
	case isOff(value):
		limits.Rules = nil
		return
	case value.kind != object:
		if value.kind != invalid {
			l.fault(value.pos, "limits must be a group of keys such as {caller: {rate: 100/10s}}, or false, not %s", value.kind)
		}
		return
	}
	if len(value.members) > maxLimits {
		l.fault(value.members[maxLimits].pos, "there are %d limits, but at most %d are allowed", len(value.members), maxLimits)
		return
	}
	for _, declared := range value.members {
		switch declared.name {
		case queryLimit:
			l.readQueryLimit(&limits.Query, declared.value)
		case addressLimit, callerLimit:
			l.readFixedLimit(limits, declared)
		default:
			l.readLimit(limits, declared)
		}
	}
}

// readFixedLimit reads address or caller, or false. A group replaces the default as a whole.
func (l *loader) readFixedLimit(limits *model.Limits, declared member) {
	value := declared.value
	same := func(rule model.Limit) bool { return rule.Name == declared.name }
	switch {
	case value.kind == null || value.kind == invalid:
	case isOff(value):
		limits.Rules = slices.DeleteFunc(limits.Rules, same)
	case value.kind != object:
		l.fault(value.pos, "%s must be a group of keys such as {rate: 100/10s}, or false, not %s", declared.name, value.kind)
	default:
		rule := model.Limit{Name: declared.name, Per: model.LimitUnit(declared.name), Pos: declared.pos}
		l.readRates(&rule, declared, l.fixedMembers(declared))
		*limits.Rule(declared.name) = rule
	}
}

// fixedMembers returns the members that address and caller may have.
func (l *loader) fixedMembers(declared member) []member {
	var kept []member
	for _, key := range declared.value.members {
		if slices.Contains(limitKeys(), key.name) && !slices.Contains(fixedLimitKeys(), key.name) {
			l.fault(key.pos, "the limit %s is about every request and has no %s: give a limit with %s another name", declared.name, key.name, key.name)
			declared.value.incomplete = true
			continue
		}
		kept = append(kept, key)
	}
	return l.known(&node{members: kept}, "the limit "+declared.name, fixedLimitKeys())
}

// readLimit reads a limit with a name of the model's own.
func (l *loader) readLimit(limits *model.Limits, declared member) {
	if !l.checkName(declared.pos, "limit", declared.name) {
		return
	}
	if kind := declared.value.kind; kind != object {
		if kind != invalid {
			l.fault(declared.value.pos, "the limit %s must be a group of keys such as {rate: 30/1m}, not %s", declared.name, kind)
		}
		return
	}
	rule := model.Limit{Name: declared.name, Per: model.PerCaller, Pos: declared.pos}
	members := l.known(declared.value, "the limit "+rule.Name, limitKeys())
	for _, key := range members {
		switch key.name {
		case "tables":
			rule.Tables = l.readNamesOf(key, "the table", l.readTableName)
		case "routes":
			rule.Routes = l.readNamesOf(key, "the route", l.readLimitRoute)
		case "operations":
			rule.Operations = l.readLimitOperations(key)
		case "write":
			if l.readBool(key.value, "write") {
				rule.Operations = []model.Operation{model.CreateOperation, model.UpdateOperation, model.DeleteOperation}
			} else if key.value.kind == boolean {
				l.fault(key.value.pos, "write: false has no effect: remove it, or write operations: [list, get]")
			}
		case "key":
			rule.Scope = l.readScopeName(key.value)
			rule.Per = model.PerKey
		}
	}
	if per := declared.value.get("per"); per != nil {
		if i, ok := l.readChoice(per, "per", limitUnits()); ok {
			rule.Per = model.LimitUnits()[i]
		}
		if rule.Per == model.PerKey && l.accounts == nil && declared.value.get("key") == nil {
			l.fault(per.pos, "the model has no accounts, so there are no keys to count: write per: caller, or add accounts")
		}
	}
	l.checkConditions(&rule, declared.value)
	l.readRates(&rule, declared, members)
	limits.Rules = append(limits.Rules, rule)
}

// readNamesOf reads a list of names, each once.
func (l *loader) readNamesOf(key member, what string, read func(*node) (string, bool)) []string {
	var names []string
	for _, item := range l.readSome(key.value, key.name, maxTraced) {
		if name, ok := read(item); ok {
			names = l.appendOnce(names, name, item, what)
		}
	}
	if key.value.kind == list && len(key.value.items) == 0 {
		l.fault(key.value.pos, "%s is empty: name %s, or remove the key to count every request", key.name, strings.Replace(what, "the", "a", 1))
	}
	return names
}

// readLimitOperations reads one operation or a list of them.
func (l *loader) readLimitOperations(key member) (operations []model.Operation) {
	items := []*node{key.value}
	if key.value.kind == list {
		items = key.value.items
		if len(items) == 0 {
			l.fault(key.value.pos, "operations is empty: name one, such as create, or remove the key to count all")
		}
	}
	for _, item := range items {
		word, ok := l.readText(item, "an operation")
		if !ok {
			continue
		}
		i := slices.Index(limitOperations(), word)
		switch {
		case i < 0:
			l.fault(item.pos, "an operation cannot be %s%s", quote(word), cmp.Or(limitOperationHint(word),
				suggest.DidYouMean(word, limitOperations()), "; it is one of "+sentence(limitOperations())))
		case slices.Contains(operations, model.Operations()[i]):
			l.fault(item.pos, "%s is repeated", word)
		default:
			operations = append(operations, model.Operations()[i])
		}
	}
	return operations
}

// limitOperationHint returns a hint for a word from scopes or from HTTP, or "".
func limitOperationHint(word string) string {
	switch strings.ToLower(word) {
	case "read":
		return "; write [list, get]"
	case "write":
		return "; write [create, update, delete], or the key `write: true`"
	case "post":
		return "; did you mean create?"
	case "patch", "put":
		return "; did you mean update?"
	}
	return ""
}

// readScopeName reads the name of one of accounts.keys.scopes.
func (l *loader) readScopeName(value *node) string {
	name, ok := l.readText(value, "a scope")
	if !ok {
		return ""
	}
	var names []string
	if l.model.Accounts != nil {
		for _, scope := range l.model.Accounts.Keys.Scopes {
			names = append(names, scope.Name)
		}
	}
	switch {
	case slices.Contains(names, name):
		return name
	case len(names) == 0:
		l.fault(value.pos, "the model has no scope of keys: add one at accounts, such as keys: {scopes: {%s: {users: read}}}", snakeCase(name))
	default:
		l.fault(value.pos, "there is no scope %s in accounts.keys.scopes%s", quote(name), cmp.Or(suggest.DidYouMean(name, names), "; it has "+sentence(names)))
	}
	return ""
}

// checkConditions reports conditions that cannot hold together.
func (l *loader) checkConditions(rule *model.Limit, value *node) {
	operations, write, routes := value.get("operations"), value.get("write"), value.get("routes")
	if operations != nil && write != nil {
		l.fault(write.pos, "write: true is short for operations: [create, update, delete]: give one of the two")
		return
	}
	restricts := cmp.Or(operations, write)
	if restricts == nil || len(rule.Operations) == 0 {
		return
	}
	if routes != nil {
		l.fault(routes.pos, "a route names its method, so routes cannot stand beside %s: give each a limit of its own", nameOf(value, restricts))
		return
	}
	reads := slices.Contains(rule.Operations, model.ListOperation) || slices.Contains(rule.Operations, model.GetOperation)
	for _, name := range rule.Tables {
		if !reads && l.model.Table(name).View != nil {
			l.fault(restricts.pos, "%s is a view, and nobody writes it: remove it from tables, or count list or get", name)
		}
	}
}

// nameOf returns the key of a value in a group.
func nameOf(group, value *node) string {
	i := slices.IndexFunc(group.members, func(key member) bool { return key.value == value })
	return group.members[i].name
}

// readRates reads how many requests a limit allows.
func (l *loader) readRates(rule *model.Limit, declared member, members []member) {
	most := int64(maxCount)
	for _, key := range members {
		switch key.name {
		case "rate":
			rule.Rates = l.readRateList(key.value)
			if len(rule.Rates) > 0 {
				most = int64(rule.Rates[0].Count)
			}
		case "in_flight":
			l.setInt(&rule.InFlight, key, 1, maxInFlight)
		}
	}
	rate, burst := declared.value.get("rate"), declared.value.get("burst")
	switch {
	case rate == nil && burst != nil:
		l.fault(burst.pos, "burst is the part of a rate that may come at once: add rate, such as 30/1m")
	case rate == nil && declared.value.get("in_flight") == nil && !declared.value.incomplete:
		l.fault(declared.pos, "the limit %s needs rate or in_flight, such as {rate: 30/1m}", declared.name)
	case burst != nil:
		if size, ok := l.readInt(burst, "burst", 1, most); ok && len(rule.Rates) > 0 {
			rule.Rates[0].Burst = int(size)
		}
	}
}

// readRateList reads one rate or a list of them.
func (l *loader) readRateList(value *node) (rates []model.Rate) {
	items := []*node{value}
	if value.kind == list {
		items = l.readSome(value, "rate", maxRates)
		if len(items) == 0 {
			l.fault(value.pos, "rate is empty: write a rate such as 30/1m")
		}
	}
	for _, item := range items {
		rate, ok := l.readRate(item)
		switch sameWindow := func(other model.Rate) bool { return other.Window == rate.Window }; {
		case !ok:
		case slices.ContainsFunc(rates, sameWindow):
			l.fault(item.pos, "there are two rates in %s: keep the lower one", formatDuration(rate.Window))
		default:
			rates = append(rates, rate)
		}
	}
	return rates
}

// rateShape matches a count and a window: 30/1m. 10/s is 10/1s.
var rateShape = regexp.MustCompile(`^([1-9][0-9]{0,9})/([1-9][0-9]{0,8})?(s|m|h|d)$`)

func (l *loader) readRate(value *node) (model.Rate, bool) {
	if value.kind == invalid {
		return model.Rate{}, false
	}
	parts := rateShape.FindStringSubmatch(value.text)
	if value.kind != text || parts == nil {
		return model.Rate{}, l.wrongRate(value)
	}
	count, _ := strconv.ParseInt(parts[1], 10, 64)
	window, ok := parseDuration(&node{kind: text, text: cmp.Or(parts[2], "1") + parts[3]}, durationShape)
	if !ok || window < minWindow || window > maxWindow || count > maxCount || count > math.MaxInt {
		return model.Rate{}, l.wrongRate(value)
	}
	return model.Rate{Count: int(count), Window: window}, true
}

// wrongRate reports a rate, and returns false.
func (l *loader) wrongRate(value *node) bool {
	written := value.kind.String()
	if value.kind != list && value.kind != object && value.kind != null {
		written = quote(value.text)
	}
	l.fault(value.pos, "a rate cannot be %s: write a count from 1 to %d and a length of time from %s to %s, such as 300/10s or 500/1d",
		written, maxCount, formatDuration(minWindow), formatDuration(maxWindow))
	return false
}

// readQueryLimit reads what one query may cost.
func (l *loader) readQueryLimit(query *model.QueryLimit, value *node) {
	if value.kind == null {
		return
	}
	if value.kind != object {
		if value.kind != invalid {
			l.fault(value.pos, "query must be a group of keys such as {rows: 200000, time: 5s}, not %s", value.kind)
		}
		return
	}
	for _, key := range l.known(value, "query", queryLimitKeys()) {
		switch key.name {
		case "rows":
			l.setInt(&query.Rows, key, 1, maxPlanRows)
		case "time":
			l.setShortDuration(&query.Time, key, minQueryTime, maxQueryTime)
		case "except":
			for _, item := range l.readSome(key.value, "except", maxAccounts) {
				if name := l.readScopeName(item); name != "" {
					query.Except = l.appendOnce(query.Except, name, item, "the scope")
				}
			}
		}
	}
}
