package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// A message is what a write tells, as its job has it.
type message struct {
	id    string
	hook  *model.Webhook
	table *model.Table
	row   string
	op    model.Operation
	order string // hashed if it is long
	at    time.Time
	body  []byte // nil until it is needed
}

// args are the arguments of the job of a message.
type args struct {
	Op    model.Operation `json:"op"`
	Order *string         `json:"order"`
}

func (s *Service) messageOf(hook *model.Webhook, id, table, row string, text []byte, at time.Time) (*message, error) {
	var a args
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, job.Permanent(err)
	}
	m := &message{id: id, hook: hook, table: s.cfg.Model.Table(table), row: row, op: a.Op, at: at}
	if m.table == nil {
		return nil, job.Permanent(errors.New("the model has no table " + table))
	}
	if hook.Order != "" && a.Order != nil {
		m.order = orderKey(hook.Name, *a.Order)
	}
	return m, nil
}

// orderKey returns what deliveries have in common that must arrive in order.
func orderKey(hook, order string) string {
	if len(hook)+1+len(order) > maxOrder {
		sum := sha256.Sum256([]byte(order))
		order = "#" + hex.EncodeToString(sum[:])
	}
	return hook + "=" + order
}

// store is the work on the job of a message: it stores the message with a delivery for each endpoint that wants it. It takes a
// page of endpoints at a time. The job may run again at any point, because a delivery is there once.
func (s *Service) store(ctx context.Context, j *job.Job) error {
	hook, err := s.hook(j.Name)
	if err != nil {
		return err
	}
	m, err := s.messageOf(hook, j.ID, j.Table, j.Row, j.Args, j.EnqueuedAt)
	if err != nil {
		return err
	}
	if hook.To == nil {
		return s.write(ctx, func(tx store.Tx) error {
			return s.deliverAll(tx, m, []candidate{{key: keyOfHook(hook.Name)}})
		})
	}
	for after := (*value.Value)(nil); ; {
		var found []candidate
		err := s.write(ctx, func(tx store.Tx) (err error) {
			if found, err = s.page(tx, hook.To, after, pageSize, false); err != nil || len(found) == 0 {
				return err
			}
			return s.deliverAll(tx, m, found)
		})
		if err != nil || len(found) < pageSize {
			return err
		}
		after = &found[len(found)-1].id
	}
}

// deliverAll adds the deliveries of a message to some endpoints. With an order, older messages come first: their jobs may not
// have begun, or may have failed.
func (s *Service) deliverAll(tx store.Tx, m *message, to []candidate) error {
	if m.order == "" {
		return s.deliver(tx, m, to)
	}
	// One after the other: otherwise two messages could be stored in the wrong order.
	if _, err := s.lock(tx, address{key: "/" + m.hook.Name + "/order", hook: m.hook}); err != nil {
		return err
	}
	older, err := s.older(tx, m)
	if err != nil {
		return err
	}
	for _, former := range append(older, m) {
		if err := s.deliver(tx, former, to); err != nil {
			return err
		}
	}
	return nil
}

// older returns the messages before one, with its order, whose jobs have not ended.
func (s *Service) older(tx store.Tx, m *message) (all []*message, err error) {
	params := []value.Value{value.OfText(model.WebhookQueue), value.OfText(m.hook.Name), stamp(m.at), value.OfUUID(m.id)}
	err = tx.Query(s.sql.of(olderMessages), params, func(row value.Row) error {
		former, err := s.messageOf(m.hook, textOf(row, 0), textOf(row, 1), textOf(row, 2), bytesOf(row, 3), timeOf(row, 4))
		if err == nil && former.order == m.order {
			all = append(all, former)
		}
		return nil
	})
	if len(all) > maxOlder {
		return nil, errors.New("too many older messages wait")
	}
	return all, err
}

// maxOlder bounds the messages that one job stores.
const maxOlder = 100

// deliver adds the deliveries of one message, and a job for each.
func (s *Service) deliver(tx store.Tx, m *message, to []candidate) error {
	event := model.JobEvent{Table: m.table, Op: m.op}.String()
	for _, c := range to {
		if m.hook.To != nil && !wants(m.hook.To.Field("events"), c.events, event) {
			continue
		}
		if err := s.keep(tx, m, event); err != nil {
			return err
		}
		state := Waiting
		if m.order != "" {
			busy, err := s.isBusy(tx, c.key, m)
			if err != nil {
				return err
			}
			if busy {
				state = Held
			}
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		now := s.now()
		added, err := tx.Exec(s.sql.of(insertDelivery), []value.Value{
			value.OfUUID(id.String()), value.OfUUID(m.id), value.OfText(m.hook.Name), value.OfText(c.key), value.OfText(state), stamp(now),
			optional(m.order), stamp(m.at), value.OfText(m.id + " " + c.key), stamp(now),
		})
		if err != nil {
			return err
		}
		if added > 0 && state == Waiting {
			if err := s.summon(tx, c.key, time.Time{}, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// isBusy reports whether an older delivery of the same order has not ended. The lock keeps it from ending meanwhile.
func (s *Service) isBusy(tx store.Tx, key string, m *message) (busy bool, err error) {
	at, ok := s.locate(key)
	if !ok {
		return false, nil
	}
	if _, err := s.lock(tx, at); err != nil {
		return false, err
	}
	err = tx.Query(s.sql.of(isOrderBusy), []value.Value{value.OfText(key), value.OfText(m.order)}, func(value.Row) error {
		busy = true
		return nil
	})
	return busy, err
}

// keep stores a message, once it is known that somebody wants it. All its deliveries have one body.
func (s *Service) keep(tx store.Tx, m *message, event string) error {
	if m.body != nil {
		return nil
	}
	err := tx.Query(s.sql.of(selectMessage), []value.Value{value.OfUUID(m.id)}, func(row value.Row) error {
		m.body = bytesOf(row, 0)
		return nil
	})
	if err != nil || m.body != nil {
		return err
	}
	data, err := s.dataOf(tx, m)
	if err != nil {
		return err
	}
	body, err := webhook.Event{Type: event, At: m.at, Data: data}.Body()
	if err != nil {
		return job.Permanent(err)
	}
	if len(body) > maxBody {
		if body, err = (webhook.Event{Type: event, At: m.at, Data: idOnly(m.table, m.row)}).Body(); err != nil {
			return job.Permanent(err)
		}
		s.cfg.Logger.Warn("a message of a webhook is too large: it has the id alone", "webhook", m.hook.Name, "row", m.row, "limit", maxBody)
	}
	_, err = tx.Exec(s.sql.of(insertMessage), []value.Value{
		value.OfUUID(m.id), value.OfText(m.hook.Name), value.OfText(event), optional(m.row), stamp(m.at), value.OfText(string(body)), stamp(s.now()),
	})
	m.body = body
	return err
}

// maxBody bounds the body of a message in bytes.
const maxBody = 256 << 10

// summon adds a job for an endpoint. once makes it the only one for a reason.
func (s *Service) summon(tx store.Tx, key string, at time.Time, once string) error {
	text, err := json.Marshal(map[string]string{"endpoint": key})
	if err != nil {
		return err
	}
	_, _, err = s.cfg.Queue.Enqueue(tx, job.Insert{Name: jobName, Queue: model.WebhookQueue, Priority: model.DefaultPriority, RunAt: at, Key: key, Once: once, Args: text, By: ours().String()})
	return err
}
