package incident

import (
	"context"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A Draft is an incident that a person opens.
type Draft struct {
	Title  string
	From   time.Time // when it began; zero means now, and the analysis looks for the begin
	To     time.Time // when it ended; zero leaves it open
	Author string
}

// Open opens an incident by hand. It returns its ID.
func (s *Service) Open(ctx context.Context, d Draft) (id int64, err error) {
	defer errs.Wrap(&err, "incident.Open")
	now := s.cfg.Now()
	title := strings.TrimSpace(d.Title)
	switch {
	case title == "":
		return 0, errs.New(errs.Malformed, "an incident needs a title")
	case d.From.After(now) || d.To.After(now):
		return 0, errs.New(errs.Malformed, "an incident cannot begin or end in the future")
	case !d.To.IsZero() && (d.From.IsZero() || !d.From.Before(d.To)):
		return 0, errs.New(errs.Malformed, "an incident must begin before its end")
	}
	st := state{Given: !d.From.IsZero()}
	in := archive.Incident{Opened: d.From, Closed: d.To, State: Open, Title: title, Details: st.text()}
	if d.From.IsZero() {
		in.Opened = now
	}
	if !d.To.IsZero() {
		in.State = Closed
	}
	if id, err = s.archive.PutIncident(ctx, in); err != nil {
		return 0, err
	}
	if err := s.Note(ctx, id, d.Author, "Opened by hand."); err != nil || in.State == Open {
		return id, err
	}
	_, err = s.Report(ctx, id)
	return id, err
}

// Close closes an incident by hand. An alert of it that still fires opens no other one.
func (s *Service) Close(ctx context.Context, id int64, author string) (err error) {
	defer errs.Wrap(&err, "incident.Close")
	if err := s.end(ctx, id); err != nil {
		return err
	}
	if err := s.Note(ctx, id, author, "Closed by hand."); err != nil {
		return err
	}
	_, err = s.Report(ctx, id)
	return err
}

func (s *Service) end(ctx context.Context, id int64) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	in, err := s.archive.Incident(ctx, id)
	if err != nil {
		return err
	}
	if in.State == Closed {
		return errs.New(errs.Conflict, "the incident is closed already")
	}
	in.State, in.Closed = Closed, s.cfg.Now()
	_, err = s.archive.PutIncident(ctx, in)
	return err
}

// Note adds a note to an incident, be it open or closed.
func (s *Service) Note(ctx context.Context, id int64, author, text string) (err error) {
	defer errs.Wrap(&err, "incident.Note")
	if text = strings.TrimSpace(text); text == "" {
		return errs.New(errs.Malformed, "a note needs a text")
	}
	return s.archive.PutNote(ctx, id, archive.Note{At: s.cfg.Now(), Author: author, Text: text})
}

// List returns the newest incidents that were open at some time between two times, without their notes.
func (s *Service) List(ctx context.Context, from, to time.Time, limit int) ([]archive.Incident, error) {
	return s.archive.Incidents(ctx, from, to, limit)
}
