package delivery

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// dataOf returns what a message tells of its row: the fields of send that its caller may read, or the id alone. A row that is
// gone, or that the caller may not read, is an id too.
func (s *Service) dataOf(tx store.Tx, m *message) ([]byte, error) {
	id, ok := value.ParseID(m.table, m.row)
	if len(m.hook.Send) == 0 || m.op == model.DeleteOperation || !ok {
		return idOnly(m.table, m.row), nil
	}
	who, ok, err := s.callerOf(tx, m, id)
	if err != nil || !ok {
		return idOnly(m.table, m.row), err
	}
	row, err := s.get(tx, who, m.table, id, "id,"+strings.Join(m.hook.Send, ","))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return idOnly(m.table, m.row), nil
	}
	return row, nil
}

// get reads a row through the door. It returns nil for one that the caller cannot see.
func (s *Service) get(tx store.Tx, who caller.Caller, t *model.Table, id value.Value, fields string) ([]byte, error) {
	rows := s.cfg.Rows.In(tx, who)
	defer rows.Done()
	row, err := rows.Get(t, id, record.Selection{Fields: fields})
	switch errs.KindOf(err) {
	case errs.NotFound, errs.Forbidden, errs.Unauthenticated:
		return nil, nil
	}
	return row.JSON, err
}

// callerOf returns whom the rules see. ok is false if the row refers to no user, or to one whose account is suspended.
func (s *Service) callerOf(tx store.Tx, m *message, id value.Value) (who caller.Caller, ok bool, err error) {
	as := m.hook.As
	switch {
	case as == nil:
		return who, false, nil
	case as.System:
		return ours(), true, nil
	case as.User == "":
		return caller.Service(caller.Identity{ID: serviceID, Roles: as.Roles}), true, nil
	}
	row, err := s.get(tx, ours(), m.table, id, as.User)
	if err != nil || row == nil {
		return who, false, err
	}
	members, err := value.DecodeObject(row)
	if err != nil {
		return who, false, err
	}
	for _, member := range members {
		if member.Name == as.User && member.Raw.Kind() == '"' {
			return s.user(tx, unquoted(member.Raw))
		}
	}
	return who, false, nil
}

func (s *Service) user(tx store.Tx, id string) (who caller.Caller, ok bool, err error) {
	if s.cfg.User == nil {
		return caller.User(caller.Identity{ID: id}), true, nil
	}
	who, err = s.cfg.User(tx, id)
	if errs.KindOf(err) == errs.Forbidden {
		return who, false, nil
	}
	return who, err == nil, err
}

// serviceID is the id of the caller of a webhook with roles. No user and no service account has it.
const serviceID = "00000000-0000-0000-0000-000000000000"

func unquoted(raw jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return ""
	}
	return string(text)
}

// idOnly returns the data of a message that tells the id alone.
func idOnly(t *model.Table, row string) []byte {
	id, ok := value.ParseID(t, row)
	if !ok {
		id = value.OfText(row)
	}
	out := value.AppendMember([]byte(`{"id":`), t.ID(), id)
	return append(out, '}')
}
