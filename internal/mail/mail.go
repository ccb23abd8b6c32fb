// Package mail renders mails, and sends them by SMTP or into files.
//
// The files form layers. From the top down:
//   - mailer.go sends messages. jobmail.go sends the mails that jobs of a model ask for.
//   - template.go renders a message, check.go judges the templates of an app, language.go picks one.
//   - smtp.go and files.go send. mailbox.go reads what files.go wrote.
//   - message.go encodes a mail. server.go, address.go and text.go check what comes from outside.
package mail

import (
	"context"
	"time"
)

// A Letter is a wish to write to somebody. Its data names things, such as an account. It holds no secret, because it waits
// in the database.
type Letter struct {
	Kind string            `json:"kind"`
	To   string            `json:"to"`             // plain address: see CheckAddress
	Lang string            `json:"lang,omitempty"` // wanted languages, as in Accept-Language; "" for any
	Data map[string]string `json:"data,omitempty"` // for the composer
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

// A Sender sends mails. It is safe for concurrent use.
type Sender interface {
	// send sends a mail, or says why not: a *permanentError if another attempt would end alike.
	send(ctx context.Context, m *outgoing) error
}

// A permanentError ends the attempts to send a letter.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
