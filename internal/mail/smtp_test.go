package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A fakeServer is an SMTP server that answers as a test wants.
type fakeServer struct {
	address  string // host:port
	password string // required to sign in; "": anybody may send

	onMail, onRcpt, onData func() error

	mu    sync.Mutex
	mails []received
	conns int
}

type received struct {
	from, to, text string
	encrypted      bool
	signedIn       bool
	utf8           bool
}

func (f *fakeServer) all() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]received(nil), f.mails...)
}

// session is one connection to a fakeServer.
type session struct {
	server *fakeServer
	conn   *smtp.Conn
	now    received
}

func (s *session) Reset()        { s.now = received{signedIn: s.now.signedIn} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, options *smtp.MailOptions) error {
	if s.server.password != "" && !s.now.signedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "authentication required"}
	}
	s.now.from, s.now.utf8 = from, options != nil && options.UTF8
	return call(s.server.onMail)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = to
	return call(s.server.onRcpt)
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := call(s.server.onData); err != nil {
		return err
	}
	s.now.text = string(text)
	_, s.now.encrypted = s.conn.TLSConnectionState()
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.now)
	return nil
}

func (s *session) AuthMechanisms() []string {
	if s.server.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "ada" || password != s.server.password {
			return errors.New("the password " + password + " is wrong")
		}
		s.now.signedIn = true
		return nil
	}), nil
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// certificate returns a certificate for 127.0.0.1 and example.com, and a configuration that trusts it.
func certificate(t *testing.T) (tls.Certificate, *tls.Config) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.TLS.Certificates[0], &tls.Config{RootCAs: roots}
}

// listen starts a server on a free port. wrap may change the listener.
func (f *fakeServer) listen(t *testing.T, config *tls.Config, wrap func(net.Listener) net.Listener) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = ln.Addr().String()
	if wrap != nil {
		ln = wrap(ln)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		f.mu.Lock()
		f.conns++
		f.mu.Unlock()
		return &session{server: f, conn: c}, nil
	}))
	server.Domain, server.TLSConfig, server.AllowInsecureAuth, server.EnableSMTPUTF8 = "localhost", config, true, true
	server.ErrorLog = log.New(io.Discard, "", 0)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
}

// sender returns a sender for the server at address.
func sender(t *testing.T, address string) *smtpSender {
	t.Helper()
	server, err := ParseServer(address)
	if err != nil {
		t.Fatal(err)
	}
	return &smtpSender{server: server}
}

func letterOf(t testing.TB) *outgoing {
	return &outgoing{
		id: "018f0000-0000-7000-8000-0000000000a1", from: mustFrom(t, "Careers <no-reply@example.com>"), to: "ada@example.com",
		subject: "Grüße", text: "Hello\n.\nfoo\n", html: "<p>Hello", at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func TestMailArrives(t *testing.T) {
	f := &fakeServer{}
	f.listen(t, nil, nil)
	m := letterOf(t)
	m.to = "jürgen@müller.example"
	if err := sender(t, "smtp://"+f.address).send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	all := f.all()
	if len(all) != 1 || all[0].from != "no-reply@example.com" || all[0].to != m.to || !all[0].utf8 {
		t.Fatalf("received %+v", all)
	}
	for _, want := range []string{
		"From: \"Careers\" <no-reply@example.com>\r\n", "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n", "Message-ID: <018f0000-0000-7000-8000-0000000000a1@example.com>\r\n",
		"Auto-Submitted: auto-generated\r\n", "Subject: =?UTF-8?q?Gr=C3=BC=C3=9Fe?=\r\n", "multipart/alternative", "text/plain", "text/html", "\r\n.\r\nfoo",
	} {
		if !strings.Contains(all[0].text, want) {
			t.Errorf("the mail does not have %q:\n%s", want, all[0].text)
		}
	}
}

func TestRefusals(t *testing.T) {
	refuse := func(code int) func() error {
		return func() error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no"}
		}
	}
	for _, tt := range []struct {
		name  string
		set   func(*fakeServer)
		final bool
	}{
		{"sender 4xx", func(f *fakeServer) { f.onMail = refuse(451) }, false},
		{"sender 5xx", func(f *fakeServer) { f.onMail = refuse(550) }, true},
		{"recipient 4xx", func(f *fakeServer) { f.onRcpt = refuse(450) }, false},
		{"recipient 5xx", func(f *fakeServer) { f.onRcpt = refuse(550) }, true},
		{"mail 4xx", func(f *fakeServer) { f.onData = refuse(452) }, false},
		{"mail 5xx", func(f *fakeServer) { f.onData = refuse(554) }, true},
		{"our sign-in", func(f *fakeServer) { f.onMail = refuse(530) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeServer{}
			tt.set(f)
			f.listen(t, nil, nil)
			err := sender(t, "smtp://"+f.address).send(t.Context(), letterOf(t))
			if err == nil {
				t.Fatal("the mail was sent")
			}
			if _, final := errors.AsType[*permanentError](err); final != tt.final {
				t.Errorf("send = %v, final %t", err, final)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	err = sender(t, "smtp://"+address).send(t.Context(), letterOf(t))
	if _, final := errors.AsType[*permanentError](err); err == nil || final {
		t.Errorf("send = %v", err)
	}
}

// cutting is a listener whose connections break after some bytes from the client.
type cutting struct {
	net.Listener
	after int
}

func (c cutting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	return &cutConn{conn, c.after}, err
}

type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left -= n; c.left <= 0 {
		_ = c.Close()
		return 0, io.EOF
	}
	return n, err
}

func TestConnectionLostMidway(t *testing.T) {
	for _, after := range []int{1, 20, 60, 90, 120, 400} {
		f := &fakeServer{}
		f.listen(t, nil, func(ln net.Listener) net.Listener { return cutting{ln, after} })
		err := sender(t, "smtp://"+f.address).send(t.Context(), letterOf(t))
		if _, final := errors.AsType[*permanentError](err); err == nil || final {
			t.Errorf("after %d bytes: send = %v, final %t", after, err, final)
		}
	}
}

// A server that goes silent at any step holds a worker no longer than its deadline.
func TestHangingServer(t *testing.T) {
	for _, script := range [][]string{
		{},
		{"220 hello\r\n"},
		{"220 hello\r\n", "250 localhost\r\n"},
		{"220 hello\r\n", "250 localhost\r\n", "250 ok\r\n", "250 ok\r\n"},
		{"220 hello\r\n", "250 localhost\r\n", "250 ok\r\n", "250 ok\r\n", "354 go on\r\n"},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 4096)
			for i, line := range script {
				if i > 0 {
					_, _ = conn.Read(buffer)
				}
				_, _ = io.WriteString(conn, line)
			}
			_, _ = io.Copy(io.Discard, conn) // ends when the client closes
			_ = conn.Close()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		start := time.Now()
		err = sender(t, "smtp://"+ln.Addr().String()).send(ctx, letterOf(t))
		cancel()
		if err == nil || time.Since(start) > 5*time.Second {
			t.Errorf("after %d lines: send = %v after %v", len(script), err, time.Since(start))
		}
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Errorf("after %d lines: the connection stays open", len(script))
		}
		_ = ln.Close()
	}
}

// A mail that the server took counts as sent, although the connection breaks before QUIT.
func TestAcceptedMailIsSent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		lines := bufio.NewReader(conn)
		for _, answer := range []string{"220 hello", "250 localhost", "250 ok", "250 ok", "354 go on"} {
			_, _ = io.WriteString(conn, answer+"\r\n")
			_, _ = lines.ReadString('\n')
		}
		for line := ""; line != ".\r\n"; {
			line, _ = lines.ReadString('\n')
		}
		_, _ = io.WriteString(conn, "250 mine now\r\n")
	}()
	if err := sender(t, "smtp://"+ln.Addr().String()).send(t.Context(), letterOf(t)); err != nil {
		t.Errorf("send = %v", err)
	}
}

func TestEncryption(t *testing.T) {
	cert, trusting := certificate(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	overTLS := func(ln net.Listener) net.Listener { return tls.NewListener(ln, config) }
	for _, tt := range []struct {
		name      string
		config    *tls.Config
		wrap      func(net.Listener) net.Listener
		scheme    string
		query     string
		policy    *tlsPolicy
		roots     *tls.Config
		encrypted bool
		err       string
	}{
		{"loopback without TLS", nil, nil, "smtp", "", nil, trusting, false, ""},
		{"loopback with STARTTLS", config, nil, "smtp", "", nil, trusting, true, ""},
		{"STARTTLS that nobody trusts", config, nil, "smtp", "", nil, nil, false, "certificate"},
		{"STARTTLS required and missing", nil, nil, "smtp", "", new(startTLS), trusting, false, "STARTTLS"},
		{"STARTTLS required", config, nil, "smtp", "", new(startTLS), trusting, true, ""},
		{"off", config, nil, "smtp", "?tls=off", nil, trusting, false, ""},
		{"from the first byte", nil, overTLS, "smtps", "", nil, trusting, true, ""},
		{"from the first byte, not trusted", nil, overTLS, "smtps", "", nil, nil, false, "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeServer{password: "hunter2"}
			f.listen(t, tt.config, tt.wrap)
			s := sender(t, tt.scheme+"://ada:hunter2@"+f.address+tt.query)
			s.tls = tt.roots
			if tt.policy != nil {
				s.server.tls = *tt.policy
			}
			err := s.send(t.Context(), letterOf(t))
			if (err != nil) != (tt.err != "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("send = %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			all := f.all()
			if len(all) != 1 || !all[0].signedIn {
				t.Fatalf("received %+v", all)
			}
			if all[0].encrypted != tt.encrypted && tt.wrap == nil { // the server does not know of a wrapper
				t.Errorf("encrypted: %t, want %t", all[0].encrypted, tt.encrypted)
			}
		})
	}
}

// A wrong password is a fault of the configuration: letters wait until it is mended. The error does not say the password.
func TestWrongPassword(t *testing.T) {
	f := &fakeServer{password: "other"}
	f.listen(t, nil, nil)
	err := sender(t, "smtp://ada:hunter2@"+f.address).send(t.Context(), letterOf(t))
	if _, final := errors.AsType[*permanentError](err); err == nil || final || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("send = %v, final %t", err, final)
	}
}

func TestProbeSignsInAndSendsNothing(t *testing.T) {
	f := &fakeServer{}
	f.listen(t, nil, nil)
	server, err := ParseServer("smtp://" + f.address)
	if err != nil {
		t.Fatal(err)
	}
	if err := Probe(t.Context(), server); err != nil || len(f.all()) != 0 {
		t.Errorf("Probe = %v, mails %v", err, f.all())
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if Probe(ended, server) == nil {
		t.Error("Probe after the end of its context succeeds")
	}
}
