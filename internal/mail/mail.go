// Package mail renders letters, queues them in the database, and sends them by SMTP or into files.
//
// A request only queues a Letter, in its own transaction: the work is the same for every address. The Outbox composes the
// message when it is the letter's turn. So a request tells nothing about an account, and no code or link waits in the
// database.
//
// The files form layers. From the top down:
//   - outbox.go queues letters, worker.go takes and sends them, row.go is one row of ashlar_mails.
//   - template.go renders a message, check.go judges the templates of an app, language.go picks one.
//   - smtp.go and files.go send. mailbox.go reads what files.go wrote.
//   - message.go encodes a mail. server.go, address.go and text.go check what comes from outside.
package mail

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// tableName is the name of the table of letters.
const tableName = "ashlar_mails"

// The states of a letter.
const (
	waiting = "waiting"
	sent    = "sent"
	failed  = "failed"
)

// The bounds of texts in characters.
const (
	maxKind  = 40
	maxLang  = 100
	maxError = 300
)

// Tables is the fragment of system tables of this package.
func Tables(*model.Model) []*model.Table {
	state := &model.Field{Name: "state", Type: model.Enum, Values: []model.EnumValue{{Name: waiting}, {Name: sent}, {Name: failed}}}
	due := &model.Field{Name: "due_at", Type: model.Timestamp}
	table := system.NewTable(tableName, model.UUID,
		&model.Field{Name: "kind", Type: model.Text, Max: new(int64(maxKind))},
		&model.Field{Name: "address", Type: model.Text, Max: new(int64(maxAddress))},
		&model.Field{Name: "lang", Type: model.Text, Optional: true, Max: new(int64(maxLang))},
		&model.Field{Name: "data", Type: model.JSON, Optional: true},
		state,
		&model.Field{Name: "attempts", Type: model.Int},
		due,
		&model.Field{Name: "error", Type: model.Text, Optional: true, Max: new(int64(maxError + 1))},
		&model.Field{Name: "sent_at", Type: model.Timestamp, Optional: true},
	)
	table.Indexes = [][]*model.Field{{state, due}}
	return []*model.Table{table}
}

// A Letter is a wish to write to somebody. Its data names things, such as an account. It holds no secret, because it waits
// in the database.
type Letter struct {
	Kind string
	To   string            // plain address: see CheckAddress
	Lang string            // wanted languages, as in Accept-Language; "" for any
	Data map[string]string // for the composer
}

// A Message is what a letter says.
type Message struct {
	Template string // verify, sign-in, reset, known, invite, changed, alert or endpoint
	To       string // "": the address of the letter
	Subject  string // "": the first line of the text
	Data     Data
}

// Data is what templates show. Texts from users are cut to one short line, and left out if they look like a link.
type Data struct {
	Name    string // of the person who gets the mail, as they gave it
	By      string // of the person who invites, as they gave it
	Code    string // one-time code
	Path    string // of the link, on the public URL: /account/verify#…
	Minutes int    // for which the code and the link are valid
	Change  string // password, new factor, factor, device, email or session
	Device  string // that did it, as it named itself
	Address string // IP address that did it
	Keys    string // beginnings of the API keys that still work after a change of the password
	At      time.Time
	Alert   Alert
}

// Alert is what the templates alert and endpoint show.
type Alert struct {
	Severity string   // page or ticket
	Summary  string   // one sentence
	Firing   bool     // false: it is over
	Details  []string // one line each
}

// A Composer says what a letter says when its turn comes. It returns false if there is nothing to send. The letter then
// counts as sent.
type Composer func(ctx context.Context, letter Letter) (message Message, send bool, err error)

// A Sender sends mails. It is safe for concurrent use.
type Sender interface {
	// send sends a mail, or says why not: a *permanentError if another attempt would end alike.
	send(ctx context.Context, m *outgoing) error
}

// A permanentError ends the attempts to send a letter.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
