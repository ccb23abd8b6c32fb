package delivery

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// A Delivery is a message on its way to one endpoint.
type Delivery struct {
	ID, Message     string
	Webhook, Event  string
	Table, Endpoint string // the row of the endpoint; "" for a webhook with one URL
	Row             string // id of the row that the message is about
	State           string
	Attempts        int // since the last replay
	Created         time.Time
	NextAt          time.Time // of the next attempt; zero if there is none
	Tries           []Try
	Body            []byte // of Get only
}

// A Query asks for deliveries.
type Query struct {
	Webhook  string
	Endpoint string // id of a row; "": of all that the caller may read
	State    string // "": all
	Before   string // id of the last delivery that was seen
	Limit    int
}

// MostListed is how many deliveries one call returns at most.
const MostListed = 100

// mostReadable is how many endpoints a list without Query.Endpoint is about.
const mostReadable = 100

// List returns deliveries, the newest first. Callers see the ones to endpoints whose rows they may read.
func (s *Service) List(ctx context.Context, who caller.Caller, q Query) (all []Delivery, more bool, err error) {
	hook := s.cfg.Model.Webhook(q.Webhook)
	if hook == nil {
		return nil, false, errs.New(errs.NotFound, "there is no webhook %s", errs.Clip(q.Webhook, 60))
	}
	if q.State != "" && !slices.Contains(states(), q.State) {
		return nil, false, errs.New(errs.Malformed, "state must be one of %s", strings.Join(states(), ", "))
	}
	if q.Limit < 1 || q.Limit > MostListed {
		return nil, false, errs.New(errs.Malformed, "limit must be from 1 to %d", MostListed)
	}
	where, args := []string{"d.webhook = $1"}, []value.Value{value.OfText(hook.Name)}
	add := func(condition string, v value.Value) {
		args = append(args, v)
		where = append(where, strings.ReplaceAll(condition, "$", "$"+strconv.Itoa(len(args))))
	}
	keys, err := s.readable(ctx, who, hook, q.Endpoint)
	if err != nil {
		return nil, false, err
	}
	switch len(keys) {
	case 0:
		if !who.IsSystem() {
			return nil, false, nil
		}
	case 1:
		add("d.endpoint = $", value.OfText(keys[0]))
	default:
		list := "d.endpoint IN (SELECT value FROM json_each($))"
		if s.sql.dialect == sqlgen.Postgres {
			list = "d.endpoint IN (SELECT unnest($::text[]))"
		}
		add(list, value.OfList(keys))
	}
	if q.State != "" {
		add("d.state = $", value.OfText(q.State))
	}
	if q.Before != "" {
		id, ok := value.ParseUUID(q.Before)
		if !ok {
			return nil, false, errs.New(errs.Malformed, "before must be the id of a delivery")
		}
		add("d.id < $::uuid", value.OfUUID(id))
	}
	args = append(args, value.OfInt(int64(q.Limit+1)))
	sql := s.sql.of(listColumns + fromLists + strings.Join(where, " AND ") + " ORDER BY d.id DESC LIMIT $" + strconv.Itoa(len(args)))
	err = s.read(ctx, func(r store.Reader) error {
		all = nil
		return r.Query(sql, args, func(row value.Row) error {
			all = append(all, deliveryOf(row))
			return nil
		})
	})
	if len(all) > q.Limit {
		return all[:q.Limit], true, err
	}
	return all, false, err
}

// readable returns the keys of the endpoints that a list is about. Nobody but the system reads the deliveries of a webhook
// with one URL: no row says who may.
func (s *Service) readable(ctx context.Context, who caller.Caller, hook *model.Webhook, endpoint string) ([]string, error) {
	if hook.To == nil {
		if !who.IsSystem() {
			return nil, errs.New(errs.NotFound, "the webhook %s has one address, and its deliveries are for the operators", hook.Name)
		}
		return nil, nil
	}
	if endpoint != "" {
		at, err := s.endpointOf(hook, endpoint)
		if err != nil {
			return nil, err
		}
		if !who.IsSystem() {
			if _, err := s.cfg.Rows.Get(ctx, who, at.table, at.id, record.Selection{Fields: "id"}, nil); err != nil {
				return nil, err
			}
		}
		return []string{at.key}, nil
	}
	if who.IsSystem() {
		return nil, nil
	}
	page, err := s.cfg.Rows.List(ctx, who, hook.To, record.Query{Selection: record.Selection{Fields: "id"}, Limit: mostReadable}, nil)
	if err != nil {
		return nil, err
	}
	var found struct {
		Items []struct {
			ID json.RawMessage `json:"id"`
		} `json:"items"`
		Next *string `json:"next"`
	}
	if err := json.Unmarshal(page, &found); err != nil {
		return nil, err
	}
	if found.Next != nil {
		return nil, errs.New(errs.Malformed, "there are more than %d endpoints: name one with endpoint", mostReadable)
	}
	var keys []string
	for _, item := range found.Items {
		keys = append(keys, keyOf(hook.To.Name, plainID(item.ID)))
	}
	return keys, nil
}

// plainID returns the text of an id in JSON.
func plainID(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// endpointOf returns the endpoint of a webhook by the id of its row.
func (s *Service) endpointOf(hook *model.Webhook, id string) (address, error) {
	if hook.To == nil {
		if id == "" {
			return address{key: keyOfHook(hook.Name), hook: hook}, nil
		}
		return address{}, noEndpoint(id)
	}
	v, ok := value.ParseID(hook.To, id)
	if !ok {
		return address{}, noEndpoint(id)
	}
	return address{key: keyOf(hook.To.Name, textOfID(v)), table: hook.To, id: v, hook: hook}, nil
}

// Get returns a delivery of a webhook with the body of its message.
func (s *Service) Get(ctx context.Context, who caller.Caller, name, id string) (d Delivery, err error) {
	d, at, err := s.find(ctx, name, id)
	if err != nil || who.IsSystem() {
		return d, err
	}
	if at.table == nil {
		return Delivery{}, noDelivery(id)
	}
	if _, err := s.cfg.Rows.Get(ctx, who, at.table, at.id, record.Selection{Fields: "id"}, nil); err != nil {
		return Delivery{}, hidden(err, id)
	}
	return d, nil
}

// find reads a delivery without asking who may.
func (s *Service) find(ctx context.Context, name, id string) (d Delivery, at address, err error) {
	uuid, ok := value.ParseUUID(id)
	if !ok {
		return d, at, noDelivery(id)
	}
	err = s.read(ctx, func(r store.Reader) error {
		d = Delivery{}
		return r.Query(s.sql.of(getDelivery), []value.Value{value.OfUUID(uuid)}, func(row value.Row) error {
			d = deliveryOf(row)
			d.Body = bytesOf(row, 11)
			return nil
		})
	})
	if err != nil {
		return d, at, err
	}
	key := keyOf(d.Table, d.Endpoint)
	if d.Table == "" {
		key = keyOfHook(d.Webhook)
	}
	if at, ok = s.locate(key); d.ID == "" || d.Webhook != name || !ok {
		return Delivery{}, at, noDelivery(id)
	}
	return d, at, nil
}

func noDelivery(id string) error {
	return errs.New(errs.NotFound, "there is no delivery %s", errs.Clip(id, 60))
}

// hidden makes a refusal of the endpoint's row look like a delivery that does not exist.
func hidden(err error, id string) error {
	if kind := errs.KindOf(err); kind == errs.NotFound || kind == errs.Forbidden {
		return noDelivery(id)
	}
	return err
}

func deliveryOf(row value.Row) Delivery {
	d := Delivery{
		ID: textOf(row, 0), Message: textOf(row, 1), Webhook: textOf(row, 2), State: textOf(row, 4), Attempts: int(row.Int(5)),
		Tries: triesOf(bytesOf(row, 7)), Created: timeOf(row, 8).UTC(), Event: textOf(row, 9), Row: textOf(row, 10),
	}
	if table, id, _ := strings.Cut(textOf(row, 3), "/"); table != "" {
		d.Table, d.Endpoint = table, id
	}
	if d.State == Waiting {
		d.NextAt = timeOf(row, 6).UTC()
	}
	return d
}

// An Endpoint is how an endpoint is doing.
type Endpoint struct {
	Key, Webhook, Table, ID, URL string
	State                        webhook.State
	Failures                     int // since the last success
	Since, NotBefore, LastAt     time.Time
	LastStatus                   int
	Waiting                      int // deliveries that have not ended
}

// Endpoints returns the endpoints of a webhook for operators, ordered by id, after one.
func (s *Service) Endpoints(ctx context.Context, name, after string, most int) (all []Endpoint, next string, err error) {
	hook := s.cfg.Model.Webhook(name)
	if hook == nil {
		return nil, "", errs.New(errs.NotFound, "there is no webhook %s", errs.Clip(name, 60))
	}
	var from *value.Value
	if after != "" && hook.To != nil {
		id, ok := value.ParseID(hook.To, after)
		if !ok {
			return nil, "", noEndpoint(after)
		}
		from = &id
	}
	err = s.read(ctx, func(r store.Reader) error {
		all, next = nil, ""
		if hook.To == nil {
			all = []Endpoint{{Key: keyOfHook(name), Webhook: name, State: webhook.Active}}
			if target := s.cfg.Targets[name]; target != nil {
				all[0].URL = string(target.URL.Value)
			}
			return s.addBreakers(r, name, all)
		}
		found, err := s.page(r, hook.To, from, most+1, true)
		if err != nil {
			return err
		}
		if len(found) > most {
			found = found[:most]
			next = textOfID(found[most-1].id)
		}
		for _, c := range found {
			all = append(all, Endpoint{Key: c.key, Webhook: name, Table: hook.To.Name, ID: textOfID(c.id), URL: c.url, State: c.state})
		}
		return s.addBreakers(r, name, all)
	})
	return all, next, err
}

func (s *Service) addBreakers(r store.Reader, name string, all []Endpoint) error {
	if len(all) == 0 {
		return nil
	}
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	of := func(key string) *Endpoint { return &all[slices.Index(keys, key)] }
	err := r.Query(s.sql.of(selectBreakers), []value.Value{value.OfList(keys)}, func(row value.Row) error {
		e := of(textOf(row, 0))
		if e.Table == "" {
			e.State = stateOf(textOf(row, 1))
		}
		e.Failures, e.Since, e.NotBefore, e.LastAt = int(row.Int(2)), timeOf(row, 3), timeOf(row, 4), timeOf(row, 5)
		if !row.Null(6) {
			e.LastStatus = int(row.Int(6))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.Query(s.sql.of(countWaiting), []value.Value{value.OfText(name), value.OfList(keys)}, func(row value.Row) error {
		of(textOf(row, 0)).Waiting = int(row.Int(1))
		return nil
	})
}
