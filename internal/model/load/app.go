package load

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func appKeys() []string {
	return []string{"ashlar", "name", "version", "roles", "accounts", "operate", "backups", "limits", "queues", "jobs", "webhooks", "tables", "views"}
}

// readApp reads the keys of the main file.
func (l *loader) readApp(root *node) {
	at := startOf(model.MainFile)
	if root.kind == null {
		l.fault(at, "the file is empty: begin with `ashlar: 1`, `name:` and `tables:`")
		return
	}
	if !l.isObject(root, "a model file") {
		l.missing = true
		return
	}
	l.hideWork(root)
	for _, key := range l.known(root, "a model file", appKeys()) {
		switch key.name {
		case "ashlar":
			l.checkFormat(key.value)
		case "name":
			l.readName(key.value)
		case "version":
			l.readVersion(key.value)
		case "roles":
			l.readRoles(key.value)
		case "accounts":
			l.accounts = &key
		case "operate":
			l.operate = &key
		case "backups":
			l.backups = &key
		case "limits":
			l.limits = &key
		case "queues":
			l.queues = &key
		case "jobs":
			l.jobs = &key
		case "webhooks":
			l.webhooks = &key
		case "tables":
			l.declareTables(key.value)
		case "views":
			l.declareViews(key.value)
		}
	}
	if root.get("ashlar") == nil && !root.incomplete {
		l.fault(at, "a model file begins with the version of its format: write `ashlar: 1`")
	}
	l.require(root, at, "a model file", "name")
}

func (l *loader) checkFormat(value *node) {
	if value.kind != invalid && (value.kind != integer || value.text != "1") {
		l.fault(value.pos, "this server reads version 1 of the format: write `ashlar: 1`")
	}
}

func (l *loader) readName(value *node) {
	name, ok := l.readText(value, "the name")
	if !ok {
		return
	}
	if !nameShape.MatchString(strings.ReplaceAll(name, "-", "_")) || len(name) > maxName {
		l.fault(value.pos, "the name of an app must be at most %d lower-case letters, digits, - and _, such as careers", maxName)
		return
	}
	l.model.Name = name
}

// versionShape matches one to three numbers. The package managers of all generated clients accept them.
var versionShape = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2}$`)

// readVersion reads the version of the API. YAML takes 1.4 for a number; the loader uses its text.
func (l *loader) readVersion(value *node) {
	if value.kind == invalid {
		return
	}
	isScalar := value.kind == text || value.kind == integer || value.kind == float
	if !isScalar || !versionShape.MatchString(value.text) {
		l.fault(value.pos, "the version of the API must be one to three numbers with points between them, such as 1.4.0")
		return
	}
	l.model.Version = value.text
}

func (l *loader) readRoles(value *node) {
	for _, item := range l.readList(value, "roles") {
		role, ok := l.readText(item, "a role")
		switch {
		case !ok || !l.checkName(item.pos, "role", role):
		case slices.Contains(l.model.Roles, role):
			l.fault(item.pos, "the role %s is repeated", role)
		default:
			l.model.Roles = append(l.model.Roles, role)
		}
	}
}
