package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Mailbox reads the mails that Files wrote into a folder.
type Mailbox struct{ folder string }

// OpenMailbox returns the mailbox of a folder, which may be missing.
func OpenMailbox(folder string) Mailbox { return Mailbox{folder} }

// An Envelope is what the header of a mail says.
type Envelope struct {
	Name    string // of the file, for Read
	From    string
	To      string
	Subject string
	At      time.Time
}

// A Mail is a mail that was read.
type Mail struct {
	Envelope
	Text string
	HTML string // "" for a mail of text alone
}

// maxRead bounds what is read of a mail, in bytes.
const maxRead = 2 << 20

// List returns the newest mails, at most limit and at most 500. It leaves out files that are no mail.
func (b Mailbox) List(limit int) ([]Envelope, error) {
	names, err := mailFiles(b.folder)
	if err != nil {
		return nil, err
	}
	var all []Envelope
	for _, name := range names[:min(len(names), max(limit, 0), maxFiles)] {
		read, err := b.Read(name)
		if err == nil {
			all = append(all, read.Envelope)
		}
	}
	return all, nil
}

// Read reads the mail in a file. It is errs.NotFound for a name that List does not return.
func (b Mailbox) Read(name string) (Mail, error) {
	if !fileForm.MatchString(name) {
		return Mail{}, errs.New(errs.NotFound, "there is no such mail")
	}
	root, err := os.OpenRoot(b.folder)
	if errors.Is(err, os.ErrNotExist) {
		return Mail{}, errs.New(errs.NotFound, "there is no such mail")
	}
	if err != nil {
		return Mail{}, err
	}
	defer root.Close()
	file, err := root.Open(filepath.Base(name))
	if errors.Is(err, os.ErrNotExist) {
		return Mail{}, errs.New(errs.NotFound, "there is no such mail")
	}
	if err != nil {
		return Mail{}, err
	}
	defer file.Close()
	m, err := readMail(io.LimitReader(file, maxRead))
	m.Name = name
	return m, err
}

func readMail(r io.Reader) (m Mail, err error) {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return Mail{}, err
	}
	var words mime.WordDecoder
	decode := func(header string) string {
		text, err := words.DecodeHeader(message.Header.Get(header))
		if err != nil {
			text = message.Header.Get(header)
		}
		return OneLine(text, maxLine)
	}
	m.From, m.To, m.Subject = decode("From"), decode("To"), decode("Subject")
	m.At, _ = message.Header.Date()
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return m, err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return m, m.add(kind, textproto.MIMEHeader(message.Header), message.Body)
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	for range 10 {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err == nil {
			err = m.add(kind, part.Header, part)
		}
		if err != nil {
			return m, err
		}
	}
	return m, errors.New("the mail has too many parts")
}

// add decodes a part.
func (m *Mail) add(kind string, header textproto.MIMEHeader, body io.Reader) error {
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	switch kind {
	case "text/plain":
		m.Text = strings.ToValidUTF8(string(text), "\uFFFD")
	case "text/html":
		m.HTML = strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return err
}
