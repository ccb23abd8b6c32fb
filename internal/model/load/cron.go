package load

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/job/cron"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxCron bounds an expression for editors. Package cron has the same bound.
const maxCron = 1000

func missedWords() []string { return wordsOf(cron.Policies()) }

// readCron reads a cron expression. needsZone is true if hours or days of it depend on the zone.
func (l *loader) readCron(value *node) (text string, needsZone bool) {
	text, ok := l.readText(value, "cron")
	if !ok {
		return "", false
	}
	expression, err := cron.Parse(text)
	if err != nil {
		l.cronFault(value, err)
		return "", false
	}
	return text, expression.NeedsZone()
}

// cronFault reports a mistake in an expression at its character.
func (l *loader) cronFault(value *node, err error) {
	mistake, ok := errors.AsType[*cron.Error](err)
	if !ok {
		l.fault(value.pos, "cron is wrong: %v", err)
		return
	}
	l.fault(l.expr(value).At(mistake.Offset), "cron is wrong here: %s", mistake.Message)
}

// readZone reads the name of a time zone.
func (l *loader) readZone(value *node) string {
	name, ok := l.readText(value, "zone")
	if !ok {
		return ""
	}
	if _, err := cron.Zone(name); err != nil {
		message := err.Error()
		if mistake, ok := errors.AsType[*cron.Error](err); ok {
			message = mistake.Message
		}
		l.fault(value.pos, "%s", message)
		return ""
	}
	return name
}

// checkCron reports zone and missed without cron, and fills in what cron needs.
func (l *loader) checkCron(decl *jobDecl, start string) {
	job, value := decl.job, decl.value
	if start != "cron" {
		for _, name := range []string{"zone", "missed"} {
			if other := value.get(name); other != nil {
				l.fault(keyOf(value, other).pos, "%s is for cron: remove it, or add cron, such as cron: \"30 2 * * *\"", name)
			}
		}
		job.Zone, job.Missed = "", ""
		return
	}
	if job.Missed == "" {
		job.Missed = cron.Once
	}
	switch {
	case value.get("zone") != nil || job.Cron == "":
	case decl.needsZone:
		l.fault(keyOf(value, value.get("cron")).pos, "cron names an hour or a day, and each zone has its own: add zone: UTC, or a place such as zone: Europe/Berlin")
	default:
		job.Zone = model.UsualZone
	}
}
