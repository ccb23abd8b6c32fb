package model

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/job/cron"
)

// String returns what a queue allows, for people.
func (q *Queue) String() string {
	text := counted(q.Workers, "worker") + " on each node"
	if q.Leased {
		text = "workers lease its jobs"
	}
	if q.Rate != nil {
		text += ", " + q.Rate.String()
	}
	if q.Each == nil {
		return text
	}
	text += "; in turns by " + q.Each.By
	if q.Each.AtOnce > 0 {
		text += fmt.Sprintf(", each %d at once", q.Each.AtOnce)
	}
	if q.Each.Rate != nil {
		text += ", each " + q.Each.Rate.String()
	}
	return text
}

// String returns what starts a job, what it does, as whom and where, for people.
func (j *Job) String() string {
	text := j.start() + ": " + j.action()
	if j.As != nil {
		text += ", as " + j.As.String()
	}
	if j.Once != nil {
		text += ", " + j.Once.String()
	}
	if j.Queue != j.UsualQueue() {
		text += ", in the queue " + j.Queue
	}
	return text
}

// start returns what starts a job.
func (j *Job) start() string {
	var starts []string
	switch {
	case len(j.On) > 0:
		starts = append(starts, eventNames(j.On))
	case j.At != nil:
		starts = append(starts, "each row of "+j.Table.Name+" at "+j.At.Text)
	case j.Cron != "":
		starts = append(starts, j.due())
	case j.Every > 0:
		starts = append(starts, "every "+FormatDuration(j.Every))
	}
	if j.When != nil {
		starts[0] += ", when " + j.When.Text
	}
	if j.Enqueue != nil {
		starts = append(starts, "requests, if "+j.Enqueue.Text)
	}
	return cmp.Or(strings.Join(starts, "; "), "nothing yet")
}

// due returns the times of Cron in words.
func (j *Job) due() string {
	expression, err := cron.Parse(j.Cron)
	switch {
	case err != nil:
		return j.Cron
	case !expression.NeedsZone():
		return expression.Describe()
	}
	return expression.Describe() + " in " + j.Zone
}

// action returns what a job does.
func (j *Job) action() string {
	switch {
	case j.Mail != nil:
		return "mails " + j.Mail.Template + " to " + cmp.Or(j.Mail.Address, j.Mail.To.String()) + withMore(j.Mail.Send)
	case j.Post != nil:
		return "posts to " + j.Post.URL.place() + withMore(j.Post.Send)
	case j.Delete != nil && j.AboutRow():
		return "deletes the row, if " + j.Delete.Text
	case j.Delete != nil:
		return "deletes the rows of " + j.Table.Name + " where " + j.Delete.Text
	case j.Update != nil:
		return j.updates()
	case j.Pull:
		return "workers lease it"
	}
	return "calls a Go function"
}

func (j *Job) updates() string {
	names := make([]string, len(j.Update.Set))
	for i, set := range j.Update.Set {
		names[i] = set.Field.Name
	}
	if j.AboutRow() {
		return "sets " + strings.Join(names, ", ") + " of the row, if " + j.Update.Where.Text
	}
	return "sets " + strings.Join(names, ", ") + " of the rows of " + j.Table.Name + " where " + j.Update.Where.Text
}

// String names the caller, for people.
func (c *JobCaller) String() string {
	switch {
	case c.System:
		return "the system"
	case c.User != "":
		return "the user " + c.User
	}
	return strings.Join(c.Roles, ", ")
}

// String returns when a start adds no job, for people.
func (o *JobOnce) String() string {
	text := "once at a time"
	if len(o.By) > 0 {
		text += " for each " + strings.Join(o.By, ", ")
	}
	if o.Within > 0 {
		text += " and " + FormatDuration(o.Within)
	}
	return text
}

// String returns what a webhook tells, and to whom, for people.
func (w *Webhook) String() string {
	text := eventNames(w.On)
	if w.When != nil {
		text += ", when " + w.When.Text
	}
	if w.To != nil {
		text += ": posts to the rows of " + w.To.Name
	} else {
		text += ": posts to " + w.URL.place()
	}
	if len(w.Send) == 0 {
		text += " with the id"
	}
	text += withMore(w.Send)
	if w.As != nil {
		text += ", as " + w.As.String()
	}
	if w.Order != "" {
		text += ", in order for each " + w.Order
	}
	return text
}

// withMore names the fields that are sent.
func withMore(send []string) string {
	if len(send) == 0 {
		return ""
	}
	return " with " + strings.Join(send, ", ")
}

func eventNames(events []JobEvent) string {
	names := make([]string, len(events))
	for i, event := range events {
		names[i] = event.String()
	}
	return strings.Join(names, ", ")
}

// place says where a setting is, and not its value: a URL may hold a token.
func (s *Setting) place() string {
	if s.Source != "" {
		return s.Source
	}
	return "the address in " + s.Pos.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
