package feed

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A token is the id of an event: what a watcher has been told until then. It needs no memory of a server, so a watcher
// resumes at any node, after a restart too.
type token struct {
	window   [8]byte // hash of the window's key
	others   uint64  // hash of the generations of the other tables
	shown    digest  // of the rows that the watcher shows
	content  uint64  // exclusive or of hashContent of these rows; 0: unknown
	position Position
}

const (
	tokenVersion = 2
	tokenBytes   = 1 + 8 + 8 + 32 + 8
)

func (t token) String() string {
	raw := make([]byte, 0, tokenBytes)
	raw = append(append(raw, tokenVersion), t.window[:]...)
	raw = binary.BigEndian.AppendUint64(raw, t.others)
	for _, part := range t.shown {
		raw = binary.BigEndian.AppendUint64(raw, part)
	}
	raw = binary.BigEndian.AppendUint64(raw, t.content)
	return base64.RawURLEncoding.EncodeToString(raw) + "." + string(t.position)
}

// parseToken reads the id of an event.
func parseToken(text string) (t token, err error) {
	malformed := errs.New(errs.Malformed, "Last-Event-ID is not the id of an event of this server: connect without it")
	head, position, ok := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || !ok || len(raw) != tokenBytes || raw[0] != tokenVersion || !bytes.Equal([]byte(head), []byte(base64.RawURLEncoding.EncodeToString(raw))) {
		return token{}, malformed
	}
	copy(t.window[:], raw[1:])
	t.others = binary.BigEndian.Uint64(raw[9:])
	for i := range t.shown {
		t.shown[i] = binary.BigEndian.Uint64(raw[17+8*i:])
	}
	t.content = binary.BigEndian.Uint64(raw[49:])
	t.position = Position(position)
	_, _, bad1 := parseSQLite(t.position)
	_, _, bad2 := parsePostgres(t.position)
	if bad1 != nil && bad2 != nil {
		return token{}, malformed
	}
	return t, nil
}
