package load

import (
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// checkInvariants reports broken invariants of a loaded model. A sound model has no faults.
func checkInvariants(t *testing.T, app *model.Model, sound bool) {
	t.Helper()
	if app.Table(usersTable) == nil {
		t.Error("no table users")
	}
	for _, table := range app.All() {
		if app.Table(table.Name) != table {
			t.Errorf("Table(%q) is another table", table.Name)
		}
		checkTable(t, app, table, sound)
	}
	if app.Accounts != nil && sound {
		checkAccounts(t, app)
	}
	if app.Operate == nil || app.Operate.SLO("api") == nil {
		t.Fatal("the model has no operate, or no objective for the API")
	}
	if app.Limits == nil {
		t.Fatal("the model has no limits")
	}
	if sound {
		checkOperate(t, app)
		checkLimits(t, app)
		checkJobs(t, app)
	}
}

// checkJobs reports broken invariants of the queues, jobs and webhooks of a sound model.
func checkJobs(t *testing.T, app *model.Model) {
	t.Helper()
	if len(app.Jobs)+len(app.Webhooks) > 0 && (len(app.Queues) == 0 || app.Queues[0].Name != model.DefaultQueue) {
		t.Errorf("the first of the queues %v is not default", app.Queues)
	}
	for _, queue := range app.Queues {
		if app.Queue(queue.Name) != queue || queue.Workers < 1 || (queue.Each != nil && (queue.Each.By == "" || queue.Each.AtOnce < 0)) {
			t.Errorf("queue %+v", queue)
		}
	}
	for _, job := range app.Jobs {
		checkJob(t, app, job)
	}
	for _, webhook := range app.Webhooks {
		if app.Webhook(webhook.Name) != webhook || app.Job(webhook.Name) != nil || len(webhook.On) == 0 || (webhook.To != nil) == webhook.URL.Given() ||
			(webhook.As == nil) != (len(webhook.Send) == 0) || (webhook.To != nil && webhook.Secret.Given()) || webhook.String() == "" {
			t.Errorf("webhook %+v", webhook)
		}
		checkEvents(t, webhook.On)
	}
}

func checkJob(t *testing.T, app *model.Model, job *model.Job) {
	t.Helper()
	starts := count(len(job.On) > 0, job.Cron != "", job.Every > 0, job.At != nil)
	actions := count(job.Mail != nil, job.Post != nil, job.Delete != nil, job.Update != nil, job.Pull, job.Func)
	switch {
	case app.Job(job.Name) != job || app.Queue(job.Queue) == nil:
		t.Errorf("the job %s is not found, or is in the queue %s", job.Name, job.Queue)
	case starts > 1 || (starts == 1 && len(job.Args) > 0) || (starts == 0 && job.Enqueue == nil && len(job.Args) == 0):
		t.Errorf("the job %s has %d starts: %+v", job.Name, starts, job)
	case actions != 1:
		t.Errorf("the job %s has %d actions: %+v", job.Name, actions, job)
	case (job.When != nil && !job.AboutRow()) || (job.At != nil && job.Table == nil):
		t.Errorf("the job %s needs a row: %+v", job.Name, job)
	case (job.Cron == "") != (job.Zone == "") || (job.Cron == "") != (job.Missed == ""):
		t.Errorf("the job %s is due at %q in %q, missed %q", job.Name, job.Cron, job.Zone, job.Missed)
	case (job.Delete != nil || job.Update != nil) && (job.As == nil || job.Table == nil):
		t.Errorf("the job %s changes rows as nobody, or of no table: %+v", job.Name, job)
	case job.Tries < 1 || job.AtMost < time.Second || job.Priority < 0 || job.Priority > maxPriority || job.String() == "":
		t.Errorf("the job %s has %d tries of %v, priority %d", job.Name, job.Tries, job.AtMost, job.Priority)
	}
	if job.Cron != "" {
		if _, err := job.Schedule(); err != nil {
			t.Errorf("the job %s is never due: %v", job.Name, err)
		}
	}
	if as := job.As; as != nil && count(as.System, len(as.Roles) > 0, as.User != "") != 1 {
		t.Errorf("the job %s runs as %+v", job.Name, as)
	}
	for _, arg := range job.Args {
		if arg.Type == model.Invalid || arg.Table == nil || app.Table(arg.Table.Name) == arg.Table || arg.Secret || arg.Unique || arg.Default != nil {
			t.Errorf("the argument %s of %s: %+v", arg.Name, job.Name, arg)
		}
	}
	checkEvents(t, job.On)
}

func checkEvents(t *testing.T, events []model.JobEvent) {
	t.Helper()
	for _, event := range events {
		if event.Table == nil || event.Table.View != nil || !slices.Contains(model.EventOperations(), event.Op) {
			t.Errorf("event %+v", event)
		}
	}
}

// checkLimits reports broken invariants of the key limits of a sound model.
func checkLimits(t *testing.T, app *model.Model) {
	t.Helper()
	names := make(map[string]bool)
	for i := range app.Limits.Rules {
		rule := &app.Limits.Rules[i]
		if names[rule.Name] || rule.Name == queryLimit || !slices.Contains(model.LimitUnits(), rule.Per) || (len(rule.Rates) == 0 && rule.InFlight == 0) || rule.InFlight < 0 ||
			(len(rule.Routes) > 0 && len(rule.Operations) > 0) || (rule.SparesLoopback && rule.Pos != model.Pos{}) {
			t.Errorf("limit %+v", rule)
		}
		names[rule.Name] = true
		for i, rate := range rule.Rates {
			if rate.Count < 1 || rate.Count > maxCount || rate.Window < minWindow || rate.Window > maxWindow || rate.Burst < 0 || rate.Burst > rate.Count || (i > 0 && rate.Burst != 0) {
				t.Errorf("rate of %s: %+v", rule.Name, rate)
			}
		}
		for _, table := range rule.Tables {
			if app.Table(table) == nil {
				t.Errorf("the limit %s is about the table %s", rule.Name, table)
			}
		}
		checkScope(t, app, rule.Scope)
	}
	if query := app.Limits.Query; query.Rows < 0 || query.Time < minQueryTime || query.Time > maxQueryTime {
		t.Errorf("query = %+v", query)
	}
	for _, scope := range app.Limits.Query.Except {
		checkScope(t, app, scope)
	}
}

// checkScope reports the name of a scope that the model does not have.
func checkScope(t *testing.T, app *model.Model, name string) {
	t.Helper()
	if name == "" {
		return
	}
	if app.Accounts != nil {
		if _, ok := app.Accounts.Keys.Scope(name); ok {
			return
		}
	}
	t.Errorf("there is no scope %q", name)
}

// checkOperate reports broken invariants of the key operate of a sound model.
func checkOperate(t *testing.T, app *model.Model) {
	t.Helper()
	for _, slo := range app.Operate.SLOs {
		if slo.Available < 0 || slo.Available >= 100 || slo.FastShare < 0 || slo.FastShare >= 100 || (slo.FastShare > 0) != (slo.FastBelow > 0) || slo.Available+slo.FastShare == 0 {
			t.Errorf("objective %+v", slo)
		}
		for _, table := range slo.Tables {
			if app.Table(table) == nil {
				t.Errorf("the objective %s is about the table %s", slo.Name, table)
			}
		}
	}
	for _, target := range app.Operate.Alerts {
		if n := count(target.Mail != "", target.Webhook.Given(), target.Alertmanager.Given()); n != 1 || (target.Secret.Given() && !target.Webhook.Given()) {
			t.Errorf("target %+v", target)
		}
	}
	if logs := app.Operate.Logs; logs.Keep <= 0 || logs.Slow <= 0 || logs.Sample <= 0 || logs.Sample > 1 {
		t.Errorf("logs = %+v", logs)
	}
}

func count(conditions ...bool) (n int) {
	for _, holds := range conditions {
		if holds {
			n++
		}
	}
	return n
}

// checkAccounts reports broken invariants of the accounts of a sound model.
func checkAccounts(t *testing.T, app *model.Model) {
	t.Helper()
	a := app.Accounts
	sessions := a.Sessions
	if a.Codes.Length < 6 || a.Codes.Valid > 10*time.Minute || a.Codes.Tries < 1 || sessions.Access > sessions.Idle || sessions.Idle > sessions.Longest {
		t.Errorf("codes = %+v, sessions = %+v", a.Codes, sessions)
	}
	if p := a.Passkeys; p != nil && (p.Domain == "" || len(p.Origins) == 0) {
		t.Errorf("passkeys = %+v", p)
	}
	for _, p := range a.Providers {
		if !p.ClientID.Given() || p.Preset != (p.Issuer == "") || p.ClientSecret.Value != "" || p.Key.Value != "" || p.ClientSecret.Given() == p.Key.Given() {
			t.Errorf("provider %s = %+v", p.Name, p)
		}
	}
	for _, i := range a.Issuers {
		if i.Issuer == "" || len(i.Audience) == 0 || len(i.Algorithms) == 0 {
			t.Errorf("issuer = %+v", i)
		}
	}
	for _, scope := range a.Keys.Scopes {
		for name, allowed := range scope.Scopes.Tables {
			if app.Table(name) == nil || allowed == 0 {
				t.Errorf("scope %s allows %d on %s", scope.Name, allowed, name)
			}
		}
	}
	for _, rule := range a.Require {
		if rule.When == nil || !rule.MFA {
			t.Errorf("require = %+v", rule)
		}
	}
	if a.Invite != nil && a.Invite.By == nil {
		t.Error("anybody may invite")
	}
}

func checkTable(t *testing.T, app *model.Model, table *model.Table, sound bool) {
	t.Helper()
	last := len(table.Fields) - 2
	if table.View == nil && (last < 1 || table.Fields[last].Name != "created_at" || table.Fields[last+1].Name != "updated_at") {
		t.Fatalf("fields of %s are not id, …, created_at, updated_at", table.Name)
	}
	if table.ID().Name != "id" || (table.View != nil && slices.Contains(app.Tables, table)) {
		t.Fatalf("%s has no id, or is a view among the tables", table.Name)
	}
	checkView(t, table, sound)
	if c := table.Cache; c.Public < 0 || c.Public > maxPublic || c.Public%time.Second != 0 || c.Stale < 0 || c.Stale > maxStale || (c.Public > 0 && c.Pos.Line == 0) {
		t.Errorf("cache of %s = %+v", table.Name, c)
	}
	if (sound && !slices.Contains([]model.Type{model.UUID, model.Int, model.Text}, table.Key)) || table.ID().Type != table.Key {
		t.Errorf("%s has a key of %v and an id of %v", table.Name, table.Key, table.ID().Type)
	}
	for _, field := range table.Fields {
		if field.Table != table || table.Field(field.Name) != field {
			t.Errorf("%s.%s is not a field of its table", table.Name, field.Name)
		}
		if sound {
			checkField(t, app, field)
		}
	}
	for _, relation := range table.Relations {
		if relation.From != table || relation.To == nil || relation.Field == nil || relation.Field.Ref == nil || table.Relation(relation.Name) != relation || table.Field(relation.Name) != nil {
			t.Errorf("relation %s.%s = %+v", table.Name, relation.Name, relation)
		}
	}
	for _, fields := range slices.Concat(table.Unique, table.Indexes, [][]*model.Field{table.Search}) {
		for _, f := range fields {
			if f.Table != table || f.Secret || f.Type == model.JSON {
				t.Errorf("%s.%s cannot be unique, indexed or searched", table.Name, f.Name)
			}
		}
	}
	for _, c := range table.Checks {
		if sound && (c.Expr == nil || c.Message == "") {
			t.Errorf("check of %s = %+v", table.Name, c)
		}
	}
}

func checkView(t *testing.T, table *model.Table, sound bool) {
	t.Helper()
	if table.View == nil {
		return
	}
	a := table.Access
	if a.Create != nil || a.UpdateFrom != nil || a.UpdateTo != nil || a.Delete != nil || table.Checks != nil || table.Unique != nil || table.Indexes != nil || table.Search != nil {
		t.Errorf("the view %s can be written", table.Name)
	}
	for _, field := range table.Fields {
		if field.Default != nil || field.Write != nil || field.Unique || field.Index || field.Secret || field.Was != "" || (field.Ref != nil && field.Ref.View != nil) {
			t.Errorf("%s.%s is what a field of a view cannot be", table.Name, field.Name)
		}
	}
	if sound && table.View.SQLite == nil && table.View.Postgres == nil {
		t.Errorf("the view %s has no query", table.Name)
	}
	for _, read := range table.View.Reads {
		if read.Table == nil || read.Table.View != nil {
			t.Errorf("the view %s reads what is no table", table.Name)
		}
	}
}

func checkField(t *testing.T, app *model.Model, field *model.Field) {
	t.Helper()
	name := field.Table.Name + "." + field.Name
	switch {
	case field.Type == model.Invalid || field.Type > model.JSON:
		t.Errorf("%s has no type", name)
	case (field.Ref == nil) != (field.RefName == ""):
		t.Errorf("%s is half a reference", name)
	case field.Ref != nil && (field.Type != field.Ref.Key || app.Table(field.Ref.Name) != field.Ref || field.Name != field.RefName+"_id" || field.Table.Relation(field.RefName).To != field.Ref):
		t.Errorf("%s is no whole reference", name)
	case field.OnDelete == model.Clear && !field.Optional:
		t.Errorf("%s cannot be cleared", name)
	case field.Type == model.Decimal && (field.Precision < 1 || field.Precision > 18 || field.Scale < 0 || field.Scale > field.Precision):
		t.Errorf("%s has precision %d and scale %d", name, field.Precision, field.Scale)
	case field.Type == model.Enum && len(field.Values) == 0:
		t.Errorf("%s has no values", name)
	case field.Min != nil && field.Max != nil && *field.Min > *field.Max:
		t.Errorf("%s: %d is greater than %d", name, *field.Min, *field.Max)
	case field.Type == model.Text && field.InIndex() && (field.Max == nil || *field.Max > model.MaxIndexedText):
		t.Errorf("%s is indexed and has no short max", name)
	case field.Secret && (field.Unique || field.Index || field.Ref != nil):
		t.Errorf("%s is a secret that tells", name)
	case (field.JSONSchema == nil) != (field.JSONSchemaText == ""):
		t.Errorf("%s is half a schema", name)
	}
}
