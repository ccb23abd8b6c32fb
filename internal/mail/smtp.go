package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// stepTimeout bounds one step of a conversation with a server: its connection, then each message.
const stepTimeout = 30 * time.Second

// SMTP returns the sender for a server. Each mail has a connection of its own.
func SMTP(server Server) Sender { return &smtpSender{server: server} }

type smtpSender struct {
	server Server
	tls    *tls.Config // for tests; nil: the roots of the system
}

// send implements Sender.
func (s *smtpSender) send(ctx context.Context, m *outgoing) error {
	msg, err := m.encode()
	if err != nil {
		return err
	}
	conns := &conns{}
	defer conns.close()
	client, err := gomail.NewClient(s.server.host, s.options(conns)...)
	if err != nil {
		return s.explain(err)
	}
	// The library gives each step a deadline of its own. The end of ctx has to close the connection.
	stop := context.AfterFunc(ctx, conns.close)
	defer stop()
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // the server has it, whatever came after that
		return nil
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if refused, ok := errors.AsType[*gomail.SendError](err); ok && isFinal(refused) {
		return &permanentError{s.explain(err)}
	}
	return s.explain(err)
}

// signInCodes are permanent failures of our sign-in. They are faults of the configuration, and no letter is lost for them.
var signInCodes = []int{530, 534, 535, 538}

// isFinal reports whether the server refused the mail for good.
func isFinal(refused *gomail.SendError) bool {
	switch refused.Reason {
	case gomail.ErrSMTPMailFrom, gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		code := refused.ErrorCode()
		return code >= 500 && code <= 599 && !slices.Contains(signInCodes, code)
	}
	return false
}

// explain returns an error without the password.
func (s *smtpSender) explain(err error) error {
	text := err.Error()
	if s.server.password != "" {
		text = strings.ReplaceAll(text, s.server.password, "REDACTED")
	}
	return fmt.Errorf("smtp server %s: %s", s.server.host, text)
}

func (s *smtpSender) options(conns *conns) []gomail.Option {
	config := &tls.Config{}
	if s.tls != nil {
		config = s.tls.Clone()
	}
	config.ServerName, config.MinVersion = s.server.host, tls.VersionTLS12
	options := []gomail.Option{
		gomail.WithPort(s.server.port), gomail.WithTimeout(stepTimeout), gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(conns.dialer(config, s.server.tls == implicitTLS)), gomail.WithHELO(helo()), gomail.WithoutNoop(),
	}
	switch s.server.tls {
	case startTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case implicitTLS:
		options = append(options, gomail.WithSSL())
	case maybeTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case noTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.server.user == "" {
		return options
	}
	options = append(options, gomail.WithUsername(s.server.user), gomail.WithPassword(s.server.password))
	if isLoopback(s.server.host) { // a password in the clear stays on this machine
		return append(options, gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc))
	}
	return append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
}

// helo returns the name that this machine gives itself.
func helo() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsFunc(name, isUnprintable) {
		return "localhost"
	}
	return name
}

// dialer returns a function that dials for the library. The library leaves a connection open if a step after the dial
// fails, so conns closes all.
func (c *conns) dialer(config *tls.Config, encrypted bool) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		dialer := &net.Dialer{}
		if encrypted {
			conn, err = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, address)
		} else {
			conn, err = dialer.DialContext(ctx, network, address)
		}
		if err == nil {
			c.add(conn)
		}
		return conn, err
	}
}
