package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// An Event is something that happened. Texts without a value are left out of the log. No value may be a secret.
type Event struct {
	Action string    // what happened: session.ended, sign_in.failed, key.created
	At     time.Time // zero: now

	ActorKind, ActorID string // who did it
	Account            string // account that it is about
	Target             string // thing that it is about: a key, an address, a row
	Address            string // address of the client
	Session, Key       string // ids of what the actor came with
	Request            string // id of the request

	Detail map[string]any // further facts, small
}

// By returns the event with a caller as its actor.
func (e Event) By(who caller.Caller) Event {
	e.ActorKind = who.Kind().String()
	e.ActorID, _ = who.ID()
	if id, ok := who.Session(); ok {
		e.Session = id
	}
	if id, ok := who.APIKey(); ok {
		e.Key = id
	}
	return e
}

var actionForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)

// entry returns the row of the event, without its place in the chain.
func (e Event) entry(now time.Time) (Entry, error) {
	if !actionForm.MatchString(e.Action) || len(e.Action) > maxShort {
		return Entry{}, fmt.Errorf("audit: the action %q is not of the form session.ended", e.Action)
	}
	detail, err := encodeDetail(e.Detail)
	if err != nil {
		return Entry{}, fmt.Errorf("audit: the detail of %s: %w", e.Action, err)
	}
	if e.At.IsZero() {
		e.At = now
	}
	return Entry{
		At:        time.UnixMicro(e.At.UnixMicro()).UTC(),
		Action:    e.Action,
		ActorKind: clean(e.ActorKind, maxShort),
		ActorID:   clean(e.ActorID, maxID),
		Account:   clean(e.Account, maxID),
		Target:    clean(e.Target, maxTarget),
		Address:   clean(e.Address, maxShort),
		Session:   clean(e.Session, maxShort),
		Key:       clean(e.Key, maxShort),
		Request:   clean(e.Request, maxShort),
		Detail:    detail,
	}, nil
}

// clean returns text without secrets, in a form that every engine stores, and of at most that many characters.
func clean(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	return errs.Clip(redact(text), most-1) // Clip adds an ellipsis
}

// The bounds of a detail.
const (
	maxDetailText = 500  // characters of one text
	maxDetail     = 8192 // bytes of the whole
)

// encodeDetail returns facts as canonical JSON without secrets. RFC 8785 holds numbers as float64, so encodeDetail turns
// numbers that a float64 may not hold exactly into texts.
func encodeDetail(facts map[string]any) (jsontext.Value, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(facts) // a secret's type prints REDACTED
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(cleanDetail(plain)); err != nil {
		return nil, err
	}
	detail := jsontext.Value(text)
	if err := detail.Canonicalize(); err != nil {
		return nil, err
	}
	if len(detail) > maxDetail {
		return jsontext.Value(`{"cut":true}`), nil
	}
	return detail, nil
}

// maxExact is the largest number up to which a float64 holds every whole number.
const maxExact = 1<<53 - 1

func cleanDetail(fact any) any {
	switch fact := fact.(type) {
	case map[string]any:
		cleaned := make(map[string]any, len(fact))
		for name, member := range fact {
			if namesSecret(name) && !isHarmless(member) {
				member = redacted
			}
			cleaned[clean(name, maxShort)] = cleanDetail(member)
		}
		return cleaned
	case []any:
		for i := range fact {
			fact[i] = cleanDetail(fact[i])
		}
	case string:
		return clean(fact, maxDetailText)
	case json.Number:
		if n, err := fact.Int64(); err != nil || n > maxExact || n < -maxExact {
			return fact.String()
		}
	}
	return fact
}

// isHarmless reports whether a value is too small for a secret: true, false or null.
func isHarmless(member any) bool {
	_, isBool := member.(bool)
	return isBool || member == nil
}
