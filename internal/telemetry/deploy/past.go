package deploy

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// Audits returns the audits of an archive between two times, the newest first.
func Audits(ctx context.Context, a *archive.Archive, from, to time.Time) (list []Audit, err error) {
	defer errs.Wrap(&err, "deploy.Audits")
	events, err := a.Events(ctx, from, to, mostEvents, archive.EventAudit, archive.EventAudited)
	for _, e := range events {
		if audit, ok := decode(e.Details); ok {
			list = append(list, audit)
		}
	}
	return list, err
}

const mostEvents = 1000

func encode(a *Audit) string {
	text, err := json.Marshal(a)
	if err != nil {
		panic("deploy: an audit is not JSON: " + err.Error()) // its numbers are finite
	}
	return string(text)
}

// decode reads what encode wrote. Another version of the program may have written it.
func decode(details string) (a Audit, ok bool) {
	err := json.Unmarshal([]byte(details), &a)
	return a, err == nil
}

// deployed is the last deploy of a node.
type deployed struct {
	at      time.Time // zero if there was none
	begin   time.Time // of the first of several deploys that followed each other too soon to be audited
	change  string
	audited bool
}

// past is what a node did in the last hours.
type past struct {
	last   deployed
	firing *Alert // of an audit that people have not been told is over
}

// past reads the events of this node.
func (s *Service) past(ctx context.Context) (p past, err error) {
	now := s.cfg.Now()
	events, err := s.cfg.Archive.Events(ctx, now.Add(-firesFor-late), now.Add(time.Minute), mostEvents,
		archive.EventDeploy, archive.EventAudit, archive.EventAudited, archive.EventAlertOver)
	if err != nil {
		return past{}, err
	}
	var audits []Audit
	isOver := false
	for _, e := range events { // the newest first
		switch {
		case e.Node != s.cfg.Node:
		case e.Kind == archive.EventDeploy:
			p.last.add(e)
		case e.Kind == archive.EventAlertOver:
			isOver = isOver || e.Details == Key
		default:
			audit, ok := decode(e.Details)
			if ok && e.Kind == archive.EventAudit && !isOver {
				p.firing = &Alert{Firing: true, Since: e.At, At: e.At, Audit: audit}
			}
			isOver = true // an older alert ended with this deploy
			audits = append(audits, audit)
		}
	}
	for _, audit := range audits {
		p.last.audited = p.last.audited || audit.At.Equal(p.last.at)
	}
	return p, nil
}

// add adds an event that is older than the former ones.
func (d *deployed) add(e archive.Event) {
	switch {
	case d.at.IsZero():
		d.at, d.begin, d.change = e.At, e.At, e.Text
	case d.begin.Sub(e.At) < length:
		d.begin = e.At
	}
}
