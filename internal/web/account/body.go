package account

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// maxBody bounds the body of a request for an account, in bytes.
const maxBody = 64 << 10

// A body is the JSON object of a request. It collects all faults, so that a client hears of them together.
type body struct {
	members map[string]json.RawMessage
	faults  []errs.Fault
}

// readBody reads a JSON object with some of the named members. Any other member is a fault.
func readBody(w http.ResponseWriter, r *http.Request, names ...string) (*body, error) {
	text, err := web.ReadBody(w, r, maxBody, "application/json")
	if err != nil {
		return nil, err
	}
	members, err := value.DecodeObject(text)
	if err != nil {
		return nil, err
	}
	b := &body{members: map[string]json.RawMessage{}}
	for _, member := range members {
		if !slices.Contains(names, member.Name) {
			b.fault(member.Name, "unknown", "there is no such member; there are: "+strings.Join(names, ", "))
			continue
		}
		b.members[member.Name] = json.RawMessage(member.Raw)
	}
	return b, nil
}

// readText reads a JSON object with one member, a text that must be there.
func readText(w http.ResponseWriter, r *http.Request, name string) (string, error) {
	b, err := readBody(w, r, name)
	if err != nil {
		return "", err
	}
	text := b.text(name)
	return text, b.err()
}

func (b *body) fault(name, code, detail string) {
	b.faults = append(b.faults, errs.Fault{Pointer: "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(errs.Clip(name, 100)), Code: code, Detail: detail})
}

// text returns a member that must be a text of at least one character.
func (b *body) text(name string) string {
	text := b.optional(name)
	if text == "" && !b.hasFault(name) {
		b.fault(name, "required", "this member must be given")
	}
	return text
}

func (b *body) hasFault(name string) bool {
	return slices.ContainsFunc(b.faults, func(f errs.Fault) bool { return f.Pointer == "/"+name })
}

// optional returns a member that may be missing or null.
func (b *body) optional(name string) string {
	raw, ok := b.members[name]
	if !ok || string(raw) == "null" {
		return ""
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		b.fault(name, "type", "this member must be a text")
	}
	return text
}

// object returns a member that is a JSON object, or nil.
func (b *body) object(name string) []byte {
	raw, ok := b.members[name]
	if !ok || string(raw) == "null" {
		return nil
	}
	if raw[0] != '{' {
		b.fault(name, "type", "this member must be an object")
	}
	return raw
}

// mustObject returns a member that must be a JSON object.
func (b *body) mustObject(name string) []byte {
	raw := b.object(name)
	if raw == nil && !b.hasFault(name) {
		b.fault(name, "required", "this member must be given")
	}
	return raw
}

// texts returns a member that is a list of texts, or nil.
func (b *body) texts(name string) []string {
	raw, ok := b.members[name]
	if !ok || string(raw) == "null" {
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		b.fault(name, "type", "this member must be a list of texts")
		return nil
	}
	all := make([]string, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item, &all[i]); err != nil {
			b.faults = append(b.faults, errs.Fault{Pointer: fmt.Sprintf("/%s/%d", name, i), Code: "type", Detail: "this must be a text"})
		}
	}
	return all
}

// time returns a member that is a timestamp, or nil.
func (b *body) time(name string) *time.Time {
	text := b.optional(name)
	if text == "" {
		return nil
	}
	micros, err := value.ParseTimestamp(text)
	if err != nil {
		b.fault(name, "type", "this member must be a timestamp, such as 2027-01-31T12:00:00Z")
		return nil
	}
	at := time.UnixMicro(micros).UTC()
	return &at
}

// err returns the faults as an error.
func (b *body) err() error {
	if len(b.faults) == 0 {
		return nil
	}
	return &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: b.faults}
}
