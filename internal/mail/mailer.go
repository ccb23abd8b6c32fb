package mail

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Mailer sends the mails of an app. It is safe for concurrent use.
type Mailer struct {
	templates *Templates
	sender    Sender
}

// NewMailer returns a Mailer with the templates of an app.
func NewMailer(templates *Templates, sender Sender) *Mailer { return &Mailer{templates, sender} }

// SendMessage sends a message in the best of the wanted languages. Every attempt with one id has the same Message-ID, so that
// receivers can drop a repetition. The error holds no secret of the message; see IsPermanent.
func (m *Mailer) SendMessage(ctx context.Context, id, lang string, message Message) error {
	out, err := m.templates.render(message, lang)
	if err != nil {
		return message.Data.Redact(err)
	}
	out.id, out.at = id, time.Now()
	return message.Data.Redact(m.sender.send(ctx, out))
}

// IsPermanent reports whether another attempt to send a mail would end alike.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}

// maxError bounds the text of an error in characters: servers repeat what they refuse.
const maxError = 300

// Redact returns an error as one line without the secrets of the data. It is permanent if err is.
func (d Data) Redact(err error) error {
	if err == nil {
		return nil
	}
	text := errors.New(errs.Clip(OneLine(d.redact(err.Error()), maxError), maxError))
	if IsPermanent(err) {
		return &permanentError{text}
	}
	return text
}

// redact returns text without the secrets of the data. Servers repeat parts of what they refuse.
func (d Data) redact(text string) string {
	secrets := []string{d.Code, d.Path}
	if _, token, ok := strings.Cut(d.Path, "#"); ok {
		secrets = append(secrets, token)
	}
	if _, query, ok := strings.Cut(d.Path, "?"); ok {
		secrets = append(secrets, query)
	}
	for _, secret := range secrets {
		if len(secret) > 3 {
			text = strings.ReplaceAll(text, secret, "REDACTED")
		}
	}
	return text
}
