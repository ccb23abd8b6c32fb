package load

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// actionKeys are the keys that say what a job does. They exclude each other.
func actionKeys() []string { return []string{"mail", "post", "delete", "update", "work"} }

func jobMailKeys() []string { return []string{"to", "template", "send"} }
func postKeys() []string    { return []string{"url", "secret", "send", "headers"} }
func setKeys() []string     { return []string{"where", "set"} }
func workWords() []string   { return []string{"pull", "go"} }

// readAction reads what a job does, and as whom.
func (l *loader) readAction(decl *jobDecl, keys []member) {
	var actions []member
	var as *member
	for _, key := range keys {
		if slices.Contains(actionKeys(), key.name) {
			actions = append(actions, key)
		}
		if key.name == "as" {
			as = &key
		}
	}
	job := decl.job
	switch {
	case len(actions) > 1:
		l.fault(actions[1].pos, "a job does one thing, and this one has %s and %s: make two jobs of it", actions[0].name, actions[1].name)
		decl.unreadable = true
		return
	case len(actions) == 0:
		if !decl.value.incomplete {
			l.fault(job.Pos, "the job %s does nothing: add one of %s, such as work: pull", job.Name, sentence(actionKeys()))
		}
		decl.unreadable = true
		return
	}
	action := actions[0]
	switch action.name {
	case "mail":
		job.Mail = l.readJobMail(decl, action)
	case "post":
		job.Post = l.readPost(decl, action)
	case "delete":
		job.Delete = l.readExpr(action.value, "delete")
	case "update":
		job.Update = l.readJobUpdate(decl, action)
	case "work":
		i, _ := l.readChoice(action.value, "work", workWords())
		job.Pull, job.Func = i == 0, i == 1
	}
	l.checkChanged(decl, action)
	l.checkArgsUsed(decl, action)
	if as != nil {
		job.As = l.readCaller(*as, decl.tables(), decl.unreadable)
	}
	l.checkCaller(decl, action, as)
}

// checkChanged reports a delete or an update without its rows.
func (l *loader) checkChanged(decl *jobDecl, action member) {
	job, table := decl.job, decl.value.get("table")
	changes := action.name == "delete" || action.name == "update"
	switch {
	case !changes && table != nil && decl.value.get("at") == nil && decl.value.get("on") == nil:
		l.fault(keyOf(decl.value, table).pos, "table is for at, delete and update: remove it")
	case !changes || decl.unreadable:
	case len(job.On) > 0 && deletion(job.On) != nil:
		l.fault(deletion(job.On).Pos, "the row is gone when the job starts, so %s cannot change it: remove %s", action.name, deletion(job.On))
	case len(job.RowTables()) > 1:
		l.fault(action.pos, "%s changes the row that starts the job, which must be of one table: make a job for each", action.name)
	case !job.AboutRow() && table == nil:
		l.fault(action.pos, "%s needs the key table, such as table: %s", action.name, l.model.Tables[len(l.model.Tables)-1].Name)
	case action.name == "update" && job.When == nil && updates(job.On) != nil:
		l.fault(action.pos, "the job's own update is an %s too and starts it again, for ever: add when, with a condition that the update ends", updates(job.On))
	}
	if tables := job.RowTables(); changes && len(tables) == 1 {
		job.Table = tables[0]
	}
}

// updates returns the first event that is an update, or nil.
func updates(events []model.JobEvent) *model.JobEvent {
	i := slices.IndexFunc(events, func(event model.JobEvent) bool { return event.Op == model.UpdateOperation })
	if i < 0 {
		return nil
	}
	return &events[i]
}

// checkArgsUsed reports arguments that reach nobody.
func (l *loader) checkArgsUsed(decl *jobDecl, action member) {
	args := decl.value.get("args")
	if args == nil || action.name == "post" || action.name == "work" {
		return
	}
	l.fault(keyOf(decl.value, args).pos, "arguments are for work and post, and %s uses none: remove args", action.name)
}

// readJobMail reads a mail. A mail about a row goes to a path from it.
func (l *loader) readJobMail(decl *jobDecl, key member) *model.JobMail {
	if kind := key.value.kind; kind != object {
		if kind != invalid {
			l.fault(key.value.pos, "mail must be a group of keys such as {to: customer.email, template: receipt}, not %s", kind)
		}
		return nil
	}
	result := &model.JobMail{Template: decl.job.Name}
	for _, part := range l.known(key.value, "mail", jobMailKeys()) {
		switch part.name {
		case "to":
			l.readMailTo(decl, result, part)
		case "template":
			result.Template = l.readTemplateName(part.value)
		case "send":
			result.Send = l.readRowSend(decl, part)
		}
	}
	if deleted := deletion(decl.job.On); deleted != nil && (result.To != nil || result.Send != nil) {
		l.fault(deleted.Pos, "the row is gone when the mail is written: remove %s", deleted)
	}
	if l.accounts == nil || l.model.Accounts == nil || l.model.Accounts.Mail.Folder == "" {
		l.fault(key.pos, "the template of a mail is in the folder of accounts.mail: add accounts: {mail: {folder: mail}}, and the file mail/%s.txt", result.Template)
	}
	if !l.require(key.value, key.pos, "mail", "to") || (result.To == nil && result.Address == "") {
		return nil
	}
	return result
}

// readMailTo reads a plain address, or a path from the row to one.
func (l *loader) readMailTo(decl *jobDecl, result *model.JobMail, to member) {
	source, ok := l.readText(to.value, "to")
	switch {
	case !ok:
	case strings.Contains(source, "@"):
		result.Address = l.checkMailAddress(to.value, "to", source)
	case !decl.job.AboutRow() && !decl.unreadable:
		l.fault(to.value.pos, "to cannot be %s, because no row starts the job: write an address such as ops@example.com", quote(source))
	default:
		result.To = l.readExpr(to.value, "to")
	}
}

var templateShape = regexp.MustCompile(`^[a-z0-9]+([-_][a-z0-9]+)*$`)

func (l *loader) readTemplateName(value *node) string {
	name, ok := l.readText(value, "template")
	if ok && (!templateShape.MatchString(name) || len(name) > maxName) {
		l.fault(value.pos, "template cannot be %s: write the name of a file without its ending, such as receipt for receipt.txt", quote(name))
		return ""
	}
	return name
}

// readRowSend reads the fields that a job sends: of its row, or its arguments.
func (l *loader) readRowSend(decl *jobDecl, send member) []string {
	switch {
	case decl.unreadable:
		return nil
	case len(decl.tables()) == 0:
		l.fault(send.pos, "no row and no argument starts the job, so there is nothing to send: remove send")
		return nil
	case onlyDeletes(decl.job.On):
		l.fault(send.pos, "a deleted row cannot be read, so only its id is sent: remove send")
		return nil
	}
	return l.readSend(send.value, decl.tables())
}

func (l *loader) readPost(decl *jobDecl, key member) *model.JobPost {
	if kind := key.value.kind; kind != object {
		if kind != invalid {
			l.fault(key.value.pos, "post must be a group of keys such as {url: $CRM_URL}, not %s", kind)
		}
		return nil
	}
	result := &model.JobPost{}
	for _, part := range l.known(key.value, "post", postKeys()) {
		switch part.name {
		case "url":
			result.URL = l.readTargetURL(part, model.CheckWebhook)
		case "secret":
			result.Secret = l.readSecret(part)
		case "send":
			result.Send = l.readRowSend(decl, part)
		case "headers":
			result.Headers = l.readHeaders(part)
		}
	}
	if !l.require(key.value, key.pos, "post", "url") || !result.URL.Given() {
		return nil
	}
	return result
}

const maxHeaders = 20

// headerShape matches the name of a header (RFC 9110, token).
var headerShape = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

func (l *loader) readHeaders(headers member) (result []model.JobHeader) {
	if headers.value.kind == null || !l.isObject(headers.value, "headers") {
		return nil
	}
	if len(headers.value.members) > maxHeaders {
		l.fault(headers.value.members[maxHeaders].pos, "there are %d headers, but at most %d are allowed", len(headers.value.members), maxHeaders)
		return nil
	}
	for _, declared := range headers.value.members {
		name := http.CanonicalHeaderKey(declared.name)
		same := func(other model.JobHeader) bool { return other.Name == name }
		switch {
		case !headerShape.MatchString(declared.name):
			l.fault(declared.pos, "%s cannot be the name of a header: write one such as X-Api-Key", quote(declared.name))
		case isOwnHeader(name):
			l.fault(declared.pos, "the server sets the header %s: remove it", name)
		case slices.ContainsFunc(result, same):
			l.fault(declared.pos, "the header %s is repeated", name)
		default:
			result = append(result, model.JobHeader{Name: name, Value: l.readHeaderValue(declared)})
		}
	}
	return result
}

// isOwnHeader reports whether the server sets a header of a signed request, or HTTP reserves it for a connection.
func isOwnHeader(name string) bool {
	own := []string{"Connection", "Content-Length", "Content-Encoding", "Content-Type", "Date", "Host", "Keep-Alive", "Te", "Trailer",
		"Traceparent", "Tracestate", "Transfer-Encoding", "Upgrade", "User-Agent"}
	return slices.Contains(own, name) || strings.HasPrefix(name, "Webhook-") || strings.HasPrefix(name, "Proxy-")
}

// readHeaderValue reads the value of a header. One that authenticates must not be in the model file.
func (l *loader) readHeaderValue(declared member) model.Setting {
	named := member{name: settingName(declared.name), pos: declared.pos, value: declared.value}
	if isSecretHeader(declared.name) {
		return l.readSecret(named)
	}
	setting := l.readSetting(named)
	if setting.Value != "" {
		if err := model.CheckHeaderValue(string(setting.Value)); err != nil {
			l.fault(declared.value.pos, "the header %s is wrong: %v", declared.name, err)
		}
	}
	return setting
}

// isSecretHeader reports whether the name of a header says that its value authenticates.
func isSecretHeader(name string) bool {
	words := []string{"auth", "cookie", "key", "secret", "token", "password"}
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(name), word) })
}

// hideWork covers the secrets of jobs and webhooks in the lines of the model, so that no fault shows them.
func (l *loader) hideWork(root *node) {
	if webhooks := root.get("webhooks"); webhooks != nil {
		for _, declared := range webhooks.members {
			l.hideSecrets(declared.value)
		}
	}
	if jobs := root.get("jobs"); jobs != nil {
		for _, declared := range jobs.members {
			if post := declared.value.get("post"); post != nil {
				l.hidePost(post)
			}
		}
	}
}

func (l *loader) hidePost(post *node) {
	l.hideSecrets(post)
	headers := post.get("headers")
	if headers == nil {
		return
	}
	for _, header := range headers.members {
		if isSecretHeader(header.name) {
			l.hide(header.value)
		}
	}
}

// settingName returns the name of a header in the shape of a variable's name, for messages.
func settingName(header string) string { return strings.ReplaceAll(strings.ToLower(header), "-", "_") }
