package mail

import (
	"io"
	"net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// outgoing is a mail that is ready to be sent.
type outgoing struct {
	id      string // of the row: every attempt has the same Message-ID, so that receivers can drop a repetition
	from    From
	to      string
	subject string
	text    string
	html    string // "" for a mail of text alone
	at      time.Time
}

// encode returns the mail as package gomail sends it. It refuses what could not be one header line.
func (m *outgoing) encode() (*gomail.Msg, error) {
	if err := CheckAddress(m.to); err != nil {
		return nil, &permanentError{err}
	}
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&m.from.address)
	msg.ToMailAddress(&mail.Address{Address: m.to})
	msg.Subject(OneLine(m.subject, maxLine))
	msg.SetDateWithValue(m.at)
	msg.SetMessageIDWithValue(m.id + "@" + m.from.domain())
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.text)
	if m.html != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.html)
	}
	return msg, nil
}

// writeTo writes the mail as a file of the form .eml.
func (m *outgoing) writeTo(w io.Writer) error {
	msg, err := m.encode()
	if err != nil {
		return err
	}
	_, err = msg.WriteTo(w)
	return err
}
