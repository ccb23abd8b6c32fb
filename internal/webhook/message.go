package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The headers of a message.
const (
	IDHeader        = "Webhook-Id"
	TimestampHeader = "Webhook-Timestamp"
	SignatureHeader = "Webhook-Signature"
)

// An Event is what a message tells.
type Event struct {
	Type string          // such as orders.update
	At   time.Time       // when it happened; each attempt to send it has a later timestamp
	Data json.RawMessage // JSON
}

var eventType = regexp.MustCompile(`^[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)*$`)

const maxType = 200

// CheckType returns what is wrong with the type of an event.
func CheckType(text string) error {
	if len(text) > maxType || !eventType.MatchString(text) {
		return errors.New("write letters, digits and _, in parts with a dot between them, such as orders.update")
	}
	return nil
}

// Body returns the body of a message. It fails only for a wrong type, and for data that is no JSON in UTF-8: libraries of
// receivers decode the body before they verify it.
func (e Event) Body() ([]byte, error) {
	if err := CheckType(e.Type); err != nil {
		return nil, err
	}
	if !utf8.Valid(e.Data) {
		return nil, errors.New("the data of an event is not UTF-8")
	}
	var body bytes.Buffer
	body.WriteString(`{"type":"` + e.Type + `","timestamp":"` + e.At.UTC().Format(time.RFC3339Nano) + `","data":`)
	if err := json.Compact(&body, e.Data); err != nil {
		return nil, err
	}
	body.WriteByte('}')
	return body.Bytes(), nil
}

// Header returns the headers of one attempt to send a message. The id is the same in each attempt, so that a receiver can drop
// a repetition.
func Header(keys []SigningKey, id string, at time.Time, body []byte) (http.Header, error) {
	signature, err := Sign(keys, id, at, body)
	if err != nil {
		return nil, err
	}
	return http.Header{
		"Content-Type":  {"application/json"},
		IDHeader:        {id},
		TimestampHeader: {strconv.FormatInt(at.Unix(), 10)},
		SignatureHeader: {signature},
	}, nil
}

const maxID = 256

// checkID returns what is wrong with the id of a message. A dot would let an attacker move the end of the id in a signed
// message.
func checkID(id string) error {
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == '.' || r > '~' }) {
		return errors.New("the id of a message has visible ASCII characters without a dot")
	}
	return nil
}
