package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// address judges the public address and the one to listen on.
func address(_ context.Context, e *examination) {
	accounts := e.Rules.Model.Accounts
	public := e.publicURL()
	u, err := url.Parse(public)
	local := isLocal(e.Listen)
	switch {
	case err != nil:
		e.add(Error, "The public address is no URL.", "Set --public, such as https://app.example.com.")
	case public == "" && accounts != nil && local:
		e.add(Note, "No public address is set, so links in mails lead to this machine.", "Set --public before people elsewhere use the app.")
	case public == "" && accounts != nil:
		e.add(Error, "No public address is set, so links in mails lead to "+e.Listen+".", "Set --public, such as https://app.example.com.")
	case public == "" && !local:
		e.add(Note, "No public address is set, so the pages for people answer under any name.", "Set --public, such as https://app.example.com.")
	case u.Scheme == "http" && !web.IsLoopback(u.Host):
		e.add(Error, "The public address "+public+" is not encrypted: passwords and tokens can be read on their way, and browsers keep no session cookie.", "Serve it over HTTPS, with --tls-cert, --acme or a proxy in front, and set --public to the https address.")
	}
	for _, origin := range e.CORS {
		if o, err := url.Parse(origin); err == nil && o.Scheme == "http" && !web.IsLoopback(o.Host) {
			e.add(Warning, "Pages of "+origin+" may read answers, and anybody on their network path can change such a page.", "Name the https origin in --cors.")
		}
	}
}

// speaksTLS reports whether the server itself speaks TLS.
func (d *Deployment) speaksTLS() bool { return d.TLSCert != "" || len(d.ACME) > 0 }

// isLocal reports whether an address to listen on can be reached from this machine alone.
func isLocal(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && web.IsLoopback(host)
}

// proxies judges who may say which client a request is from.
func proxies(_ context.Context, e *examination) {
	if len(e.Proxies) == 0 {
		if e.speaksTLS() {
			return
		}
		if u, err := url.Parse(e.publicURL()); err == nil && u.Scheme == "https" {
			e.add(Warning, "The app is served over https, so by a proxy, and no proxy is trusted: all clients then share one address, and one count of wrong passwords.", "Name the proxy with --trusted-proxies, such as 127.0.0.1 for one on this machine.")
		} else if !isLocal(e.Listen) {
			e.add(Note, "The server listens to other machines without TLS, and trusts no proxy.", "Give it certificates with --tls-cert or --acme, or put a proxy with TLS in front, and name it with --trusted-proxies.")
		}
	}
	for _, network := range e.Proxies {
		private := network.Addr().IsPrivate() || network.Addr().IsLoopback() || network.Addr().IsLinkLocalUnicast()
		wide := (network.Addr().Is4() && network.Bits() < 16) || (network.Addr().Is6() && network.Bits() < 48)
		if wide && !private {
			e.add(Warning, fmt.Sprintf("All addresses of %s count as proxies: clients there choose their own address.", network), "Name only the addresses of your proxies.")
		}
	}
}

const (
	certificateTime = 5 * time.Second
	soonExpired     = 14 * 24 * time.Hour
)

// certificate looks at the certificate of the public address, as clients see it.
func certificate(ctx context.Context, e *examination) {
	u, err := url.Parse(e.publicURL())
	if err != nil {
		return // the check of the address has told
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "443")
	}
	bounded, cancel := context.WithTimeout(ctx, certificateTime)
	defer cancel()
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: e.Roots, MinVersion: tls.VersionTLS12, Time: e.Now}}
	conn, err := dialer.DialContext(bounded, "tcp", host)
	if err != nil {
		e.certificateError(host, err)
		return
	}
	defer func() { _ = conn.Close() }()
	leaf := conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	if left := leaf.NotAfter.Sub(e.Now()); left < soonExpired {
		e.add(Warning, fmt.Sprintf("The certificate of %s ends in %d days.", host, int(left.Hours()/24)), "Renew it. Renewal by ACME should have done so by now: look at the log of the proxy.")
	}
}

func (e *examination) certificateError(host string, err error) {
	bad, isBad := errors.AsType[*tls.CertificateVerificationError](err)
	if !isBad {
		e.add(Note, fmt.Sprintf("%s could not be reached from here: %v.", host, err), "Look at it from elsewhere. A machine behind the proxy may not reach its own public address.")
		return
	}
	invalid, _ := errors.AsType[x509.CertificateInvalidError](bad.Err)
	if invalid.Cert != nil && invalid.Reason == x509.Expired {
		e.add(Error, fmt.Sprintf("The certificate of %s has expired, or is not valid yet: %v.", host, bad.Err), "Renew it, and compare the clock of this machine.")
		return
	}
	e.add(Error, fmt.Sprintf("The certificate of %s is refused: %v.", host, bad.Err), "Get one for this name from an authority that browsers trust, and serve its whole chain.")
}

// mailTime bounds the sign-in at a mail server.
const mailTime = 10 * time.Second

// mails finds out whether the server could send mails.
func mails(ctx context.Context, e *examination) {
	accounts := e.Rules.Model.Accounts
	switch {
	case e.SMTP.IsZero() && isLocal(e.Listen) && !isPublic(e.publicURL()):
		e.add(Note, "Mails are files in the data folder, shown at /mailbox.", "Set --smtp before people elsewhere use the app.")
		return
	case e.SMTP.IsZero():
		e.add(Error, "No mail server is set: codes, links and warnings reach nobody.", "Set ASHLAR_SMTP, such as smtp://user:password@host:587.")
		return
	}
	bounded, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	if err := e.ProbeSMTP(bounded, e.SMTP); err != nil {
		e.add(Error, "The mail server does not take mails: "+err.Error()+".", "Compare its name, port, user and password, and the firewall.")
	}
	if accounts.Mail.From == "" {
		e.add(Warning, "Mails come from no-reply@localhost, which most servers refuse.", "Set accounts.mail.from in the model.")
	}
}

func isPublic(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && !web.IsLoopback(u.Host)
}

// backups says what to do until servers make backups by themselves.
func backups(_ context.Context, e *examination) {
	if e.Database != "" {
		e.add(Warning, "Ashlar makes no backups of the database yet.", "Back up PostgreSQL with pgBackRest, or with pg_dump each night, and keep a copy of the keys in "+e.Data+" elsewhere.")
		return
	}
	e.add(Warning, "Ashlar makes no backups of the database yet.",
		"Each night stop the server, copy "+e.Data+" to another machine, and start it again; or take a snapshot of its disk, which needs no stop. Try once to serve from a copy.")
}

// exposure warns of what anonymous callers may do, and of accounts that are open.
func exposure(_ context.Context, e *examination) {
	for _, one := range Anonymous(e.Rules) {
		if len(one.Personal) > 0 {
			e.add(Warning, fmt.Sprintf("Everybody may read %s of %s%s, which looks like data of persons.", strings.Join(one.Personal, ", "), one.Table, ofSome(one.Some)),
				"Give the table or the fields a rule for `read`, unless that is what you want.")
		}
		if writes := one.writes(); len(writes) > 0 {
			e.add(Warning, fmt.Sprintf("Everybody may %s rows of %s%s without signing in.", strings.Join(writes, ", "), one.Table, ofSome(one.SomeWrites)),
				"Give these operations a rule about auth, unless that is what you want. Let the proxy limit how often.")
		}
	}
	if a := e.Rules.Model.Accounts; a != nil && a.Signup == model.SignupOpen && a.Verify == model.VerifyLater {
		e.add(Note, "Anybody may sign up, and use the app before the address is confirmed (verify: later).", "")
	}
}

func ofSome(some bool) string {
	if some {
		return " (some rows)"
	}
	return ""
}
