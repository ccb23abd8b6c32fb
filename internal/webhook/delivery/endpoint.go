package delivery

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// keyOf returns the key of the row of an endpoint. The endpoints of several webhooks may be the same row: then they have one
// breaker.
func keyOf(table, id string) string { return table + "/" + id }

// keyOfHook returns the key of the one endpoint of a webhook. No table has an empty name.
func keyOfHook(name string) string { return "/" + name }

// An address is what a key names.
type address struct {
	key   string
	table *model.Table // nil: the URL of hook
	id    value.Value
	hook  *model.Webhook
}

// locate returns what a key names. ok is false if the model has no such endpoints any more.
func (s *Service) locate(key string) (at address, ok bool) {
	table, id, _ := strings.Cut(key, "/")
	at.key = key
	if table == "" {
		at.hook = s.cfg.Model.Webhook(id)
		return at, at.hook != nil && at.hook.To == nil
	}
	if at.table = s.cfg.Model.Table(table); at.table == nil || !s.isTarget(at.table) {
		return at, false
	}
	at.id, ok = value.ParseID(at.table, id)
	return at, ok
}

// isTarget reports whether the rows of a table are endpoints.
func (s *Service) isTarget(table *model.Table) bool {
	for _, hook := range s.cfg.Model.Webhooks {
		if hook.To == table {
			return true
		}
	}
	return false
}

// An endpoint is where messages go, as it is in a transaction.
type endpoint struct {
	address
	webhook.Breaker
	shown   webhook.State // what the row of the model said when we looked last
	former  string        // the secret before the present one
	until   time.Time     // when it signs no more
	replay  time.Time
	gone    bool // there is no such row
	url     string
	secret  string
	state   webhook.State // in the row of the model
	isGiven bool          // the operator gave the URL
}

func stateOf(text string) webhook.State {
	switch s := webhook.State(text); s {
	case webhook.Failing, webhook.Disabled:
		return s
	}
	return webhook.Active
}

// lock reads an endpoint, and keeps others from doing so until the transaction ends.
func (s *Service) lock(tx store.Tx, at address) (*endpoint, error) {
	for range 2 {
		e := &endpoint{address: at}
		found := false
		err := tx.Query(s.sql.of(lockEndpoint), []value.Value{value.OfText(at.key)}, func(row value.Row) error {
			found = true
			e.Breaker = webhook.Breaker{
				State: stateOf(string(row.Bytes(0))), Failures: int(row.Int(2)), Since: timeOf(row, 3), Trials: int(row.Int(4)), NotBefore: timeOf(row, 5),
			}
			e.shown, e.former, e.until, e.replay = stateOf(string(row.Bytes(1))), textOf(row, 6), timeOf(row, 7), timeOf(row, 8)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if found {
			return e, s.readRow(tx, e)
		}
		if _, err := tx.Exec(s.sql.of(addEndpoint), []value.Value{value.OfText(at.key), stamp(s.now())}); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the row of an endpoint vanishes")
}

// readRow reads the row of the model, or the settings of a webhook with one URL.
func (s *Service) readRow(tx store.Tx, e *endpoint) error {
	if e.table == nil {
		target := s.cfg.Targets[e.hook.Name]
		if target == nil {
			e.gone = true
			return nil
		}
		e.url, e.secret, e.state, e.isGiven = string(target.URL.Value), string(target.Secret.Value), e.shown, true
		return nil
	}
	e.gone = true
	return tx.Query(s.sql.endpointRow(e.table), []value.Value{e.id}, func(row value.Row) error {
		e.gone, e.url, e.secret, e.state = false, textOf(row, 0), textOf(row, 1), stateOf(textOf(row, 2))
		return nil
	})
}

// follow takes over what the owner did: one who sets the state to active or to disabled ends what the breaker thought.
func (e *endpoint) follow() (changed bool) {
	if e.state == e.shown || e.state == webhook.Failing {
		return false
	}
	e.Breaker = webhook.Breaker{State: e.state}
	e.shown = e.state
	return true
}

func (s *Service) saveBreaker(tx store.Tx, e *endpoint) error {
	_, err := tx.Exec(s.sql.of(saveBreaker), []value.Value{
		value.OfText(e.key), value.OfText(string(stateOf(string(e.State)))), value.OfInt(int64(e.Failures)), optionalTime(e.Since),
		value.OfInt(int64(e.Trials)), optionalTime(e.NotBefore), stamp(s.now()),
	})
	return err
}

func (s *Service) saveShown(tx store.Tx, e *endpoint) error {
	_, err := tx.Exec(s.sql.of(saveShown), []value.Value{value.OfText(e.key), value.OfText(string(e.shown))})
	return err
}

// show writes a new state of the breaker into the row of the model, and tells its owner if the endpoint is disabled now. It
// has a transaction of its own: if the row cannot be written, the outcome of the attempt must stay all the same.
func (s *Service) show(ctx context.Context, at address) error {
	var after func()
	disabled := false
	err := s.write(ctx, func(tx store.Tx) error {
		after, disabled = nil, false
		e, err := s.lock(tx, at)
		if err != nil {
			return err
		}
		to := stateOf(string(e.State))
		if e.gone || to == e.shown {
			return nil
		}
		e.shown = to
		if err := s.saveShown(tx, e); err != nil {
			return err
		}
		rows := s.cfg.Rows.In(tx, ours())
		defer rows.Done()
		if e.table != nil && e.state != to {
			member := value.Member{Name: "state", Raw: []byte(`"` + string(to) + `"`)}
			if _, err := rows.Update(e.table, e.id, []value.Member{member}, nil); err != nil {
				return err
			}
		}
		disabled = to == webhook.Disabled
		if !disabled || s.cfg.Disabled == nil {
			return nil
		}
		notice, err := s.noticeOf(tx, e)
		if err != nil {
			return err
		}
		after, err = s.cfg.Disabled(ctx, rows, notice)
		return err
	})
	if err == nil && disabled {
		s.tally.disabled.Add(1)
	}
	if err == nil && after != nil {
		after()
	}
	return err
}

func (s *Service) noticeOf(tx store.Tx, e *endpoint) (Notice, error) {
	notice := Notice{Since: e.Since, Gone: e.Failures == 0 || s.now().Sub(e.Since) < goneTime}
	if to, err := url.Parse(e.url); err == nil {
		notice.Host = to.Hostname()
	}
	if e.table == nil {
		notice.Webhook = e.hook.Name
		return notice, nil
	}
	notice.Table, notice.ID = e.table.Name, textOfID(e.id)
	for _, hook := range s.cfg.Model.Webhooks {
		if hook.To == e.table {
			notice.Webhook = hook.Name
			break
		}
	}
	owner := ownerOf(e.table, s.cfg.Model.Table("users"))
	if owner == nil {
		return notice, nil
	}
	return notice, tx.Query(s.sql.ownerMail(e.table, owner), []value.Value{e.id}, func(row value.Row) error {
		notice.Owner = textOf(row, 0)
		return nil
	})
}

// goneTime is less than the time of failures that disables an endpoint.
const goneTime = 4 * 24 * time.Hour

// ownerOf returns the only reference of an endpoint to a user, or nil. Of two, nobody can say which is the owner.
func ownerOf(table, users *model.Table) (owner *model.Field) {
	if users == nil || users.Field("email") == nil {
		return nil
	}
	for _, field := range table.Fields {
		if field.Ref != users {
			continue
		}
		if owner != nil {
			return nil
		}
		owner = field
	}
	return owner
}

// wants reports whether an endpoint with these events gets one. events is a list in JSON, or one event.
func wants(field *model.Field, events []byte, event string) bool {
	if events == nil {
		return true
	}
	if field.Type == model.Enum {
		return string(events) == event
	}
	var list []string
	var one string
	switch {
	case json.Unmarshal(events, &list) == nil:
		for _, name := range list {
			if name == event {
				return true
			}
		}
		return false
	case json.Unmarshal(events, &one) == nil:
		return one == event
	}
	return false
}

// A candidate is an endpoint that may want a message.
type candidate struct {
	id     value.Value
	key    string
	url    string
	state  webhook.State
	events []byte // nil: all
}

// pageSize is how many endpoints one transaction serves.
const pageSize = 200

// page reads a page of endpoints after an id. all includes the disabled ones.
func (s *Service) page(r store.Reader, table *model.Table, after *value.Value, most int, all bool) (found []candidate, err error) {
	args := []value.Value{value.OfText(""), value.OfInt(int64(most))}
	if after != nil {
		args[0] = *after
	}
	err = r.Query(s.sql.endpointsAfter(table, all, after == nil), args, func(row value.Row) error {
		c := candidate{url: textOf(row, 1), events: bytesOf(row, 2), state: stateOf(textOf(row, 3))}
		switch table.Key {
		case model.Int:
			c.id = value.OfInt(row.Int(0))
		case model.UUID:
			c.id = value.OfUUID(textOf(row, 0))
		default:
			c.id = value.OfText(textOf(row, 0))
		}
		c.key = keyOf(table.Name, textOfID(c.id))
		found = append(found, c)
		return nil
	})
	return found, err
}

// textOfID returns the text that value.ParseID reads.
func textOfID(id value.Value) string {
	if id.Kind == value.Int {
		return strings.Trim(string(value.AppendValue(nil, id)), `"`)
	}
	return id.Text
}

// CheckEndpoint returns what is wrong with a value of an endpoint's row that a request gives.
func CheckEndpoint(egress *outbound.Egress, field *model.Field, v value.Value) error {
	switch field.Name {
	case "url":
		return egress.CheckURL(v.Text)
	case "secret":
		_, err := webhook.ParseSecret(v.Text)
		return err
	}
	return nil
}

const callTime = 10 * time.Second

// write runs f in a transaction in which no rule decides. f may run more than once.
func (s *Service) write(ctx context.Context, f func(tx store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return s.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		return f(tx)
	})
}

func (s *Service) read(ctx context.Context, f func(r store.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return s.cfg.Store.Read(ctx, f)
}

func stamp(t time.Time) value.Value { return value.OfTimestamp(t.UnixMicro()) }

func optionalTime(t time.Time) value.Value {
	if t.IsZero() {
		return value.Value{}
	}
	return stamp(t)
}

func optional(text string) value.Value {
	if text == "" {
		return value.Value{}
	}
	return value.OfText(text)
}

func timeOf(row value.Row, col int) time.Time {
	if row.Null(col) {
		return time.Time{}
	}
	return time.UnixMicro(row.Int(col))
}

func textOf(row value.Row, col int) string { return string(bytesOf(row, col)) }

func bytesOf(row value.Row, col int) []byte {
	if row.Null(col) {
		return nil
	}
	return append([]byte{}, row.Bytes(col)...)
}

// noEndpoint is the error for an endpoint that does not exist, or that the caller may not know of.
func noEndpoint(id string) error {
	return errs.New(errs.NotFound, "there is no endpoint %s", errs.Clip(id, 60))
}
