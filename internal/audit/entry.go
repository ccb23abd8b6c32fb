package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Entry is one row of the log.
type Entry struct {
	ID        int64          `json:"id"`
	At        time.Time      `json:"at"` // in whole microseconds
	Action    string         `json:"action"`
	ActorKind string         `json:"actor_kind,omitempty"`
	ActorID   string         `json:"actor_id,omitempty"`
	Account   string         `json:"account,omitempty"`
	Target    string         `json:"target,omitempty"`
	Address   string         `json:"address,omitempty"`
	Session   string         `json:"session,omitempty"`
	Key       string         `json:"key,omitempty"`
	Request   string         `json:"request,omitempty"`
	Detail    jsontext.Value `json:"detail,omitempty"`
	Prev      string         `json:"prev,omitempty"`
	Hash      string         `json:"hash,omitempty"`
}

// MarshalJSON returns the entry in the form of RFC 8785.
func (e Entry) MarshalJSON() ([]byte, error) {
	type plain Entry
	if string(e.Detail) == "null" {
		e.Detail = nil
	}
	all := struct {
		plain
		At jsontext.Value `json:"at"` // as the data API writes it, always with six digits of a second
	}{plain(e), value.AppendValue(nil, value.OfTimestamp(e.At.UnixMicro()))}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	canonical := jsontext.Value(text)
	err = canonical.Canonicalize()
	return canonical, err
}

// computeHash returns the hash that belongs to the entry.
func (e Entry) computeHash() (string, error) {
	e.Hash = ""
	text, err := e.MarshalJSON() // json.Marshal would escape the signs of HTML
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
