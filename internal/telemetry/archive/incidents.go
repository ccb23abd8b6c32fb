package archive

import (
	"context"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// An Incident is a time in which something was wrong.
type Incident struct {
	ID      int64
	Opened  time.Time
	Closed  time.Time // zero while it is open
	State   string    // word of whoever keeps it: open, acknowledged, closed
	Source  string    // what opened it: the key of an alert, or "" for a person
	Title   string
	Details string // in any form
	Notes   []Note // the oldest first; only Incident reads them
}

// A Note is what a person wrote about an incident.
type Note struct {
	At     time.Time
	Author string
	Text   string
}

const (
	insertIncident = `INSERT INTO incidents (opened, closed, state, source, title, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id`
	updateIncident = `UPDATE incidents SET opened = ?2, closed = ?3, state = ?4, source = ?5, title = ?6, details = ?7 WHERE id = ?1 RETURNING id`
)

// PutIncident writes an incident before it returns. An incident without an ID is new. PutIncident returns its ID.
func (a *Archive) PutIncident(ctx context.Context, in Incident) (id int64, err error) {
	defer errs.Wrap(&err, "archive.PutIncident")
	closed := int64(0)
	if !in.Closed.IsZero() {
		closed = in.Closed.UnixMicro()
	}
	values := []any{in.Opened.UnixMicro(), closed, in.State, in.Source, errs.Clip(in.Title, maxLine), errs.Clip(in.Details, maxDetails)}
	err = a.now(ctx, func(tx *transaction) (err error) {
		if in.ID == 0 {
			id, err = numberOf(tx.conn, insertIncident, values...)
			return err
		}
		id, err = numberOf(tx.conn, updateIncident, append([]any{in.ID}, values...)...)
		if err == nil && id == 0 {
			err = errNoIncident(in.ID)
		}
		return err
	})
	return id, err
}

func errNoIncident(id int64) error { return errs.New(errs.NotFound, "there is no incident %d", id) }

const (
	incidentExists = `SELECT count(*) FROM incidents WHERE id = ?1`
	insertNote     = `INSERT INTO notes (incident, at, author, text) VALUES (?1, ?2, ?3, ?4)`
)

// PutNote adds a note to an incident before it returns.
func (a *Archive) PutNote(ctx context.Context, incident int64, n Note) (err error) {
	defer errs.Wrap(&err, "archive.PutNote")
	if n.At.IsZero() {
		n.At = a.cfg.Now()
	}
	return a.now(ctx, func(tx *transaction) error {
		known, err := numberOf(tx.conn, incidentExists, incident)
		if err != nil {
			return err
		}
		if known == 0 {
			return errNoIncident(incident)
		}
		return tx.run(insertNote, incident, n.At.UnixMicro(), errs.Clip(n.Author, maxLine), errs.Clip(n.Text, maxDetails))
	})
}

const (
	selectIncident  = `SELECT id, opened, closed, state, source, title, details FROM incidents WHERE id = ?1`
	selectIncidents = `SELECT id, opened, closed, state, source, title, details FROM incidents WHERE opened < ?2 AND (closed = 0 OR closed >= ?1) ORDER BY opened DESC, id DESC LIMIT ?3`
	selectNotes     = `SELECT at, author, text FROM notes WHERE incident = ?1 ORDER BY at, id`
)

// Incident returns an incident with its notes.
func (a *Archive) Incident(ctx context.Context, id int64) (in Incident, err error) {
	defer errs.Wrap(&err, "archive.Incident")
	err = a.read(ctx, func(conn *lite.Conn) error {
		err := query(conn, selectIncident, func(row *lite.Stmt) error {
			in = scanIncident(row)
			return nil
		}, id)
		if err != nil {
			return err
		}
		if in.ID == 0 {
			return errNoIncident(id)
		}
		return query(conn, selectNotes, func(row *lite.Stmt) error {
			in.Notes = append(in.Notes, Note{time.UnixMicro(row.ColumnInt64(0)), row.ColumnText(1), row.ColumnText(2)})
			return nil
		}, id)
	})
	return in, err
}

// Incidents returns the newest incidents that were open at some time between two times, without their notes.
func (a *Archive) Incidents(ctx context.Context, from, to time.Time, limit int) (list []Incident, err error) {
	defer errs.Wrap(&err, "archive.Incidents")
	err = a.read(ctx, func(conn *lite.Conn) error {
		return query(conn, selectIncidents, func(row *lite.Stmt) error {
			list = append(list, scanIncident(row))
			return nil
		}, from.UnixMicro(), to.UnixMicro(), min(max(limit, 1), maxPage))
	})
	return list, err
}

func scanIncident(row *lite.Stmt) Incident {
	in := Incident{
		ID: row.ColumnInt64(0), Opened: time.UnixMicro(row.ColumnInt64(1)), State: row.ColumnText(3), Source: row.ColumnText(4),
		Title: row.ColumnText(5), Details: row.ColumnText(6),
	}
	if closed := row.ColumnInt64(2); closed != 0 {
		in.Closed = time.UnixMicro(closed)
	}
	return in
}
