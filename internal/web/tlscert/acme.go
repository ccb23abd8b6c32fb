package tlscert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// LetsEncrypt is the usual directory.
const LetsEncrypt = acme.LetsEncryptURL

// ACMEConfig configures an ACME. Domains, Directory, Client, Store, Seal and Owner are needed.
type ACMEConfig struct {
	Domains   []string     // in lower case; each gets a certificate of its own
	Email     string       // for letters of the authority; "": none
	Directory string       // URL of the authority
	Client    *http.Client // asks the authority
	HTTP      bool         // port 80 is answered too, so HTTP-01 is an alternative to TLS-ALPN-01
	Store     store.DB     // with the Tables
	Seal      Sealer
	Owner     string // names this process among all nodes

	Logger *slog.Logger     // default: no log
	Now    func() time.Time // default: time.Now
	Every  time.Duration    // between two looks at the table; default: 1 minute
	Wait   []time.Duration  // after the first failures in a row; default: 1, 5, 15 minutes, then an hour each
}

// ACME is a Source that orders certificates of an authority (RFC 8555), and shares them with the other nodes of its database.
// Only one node at a time orders a certificate for a name.
type ACME struct {
	cfg   ACMEConfig
	table shared

	mu       sync.Mutex
	domains  []*domain
	client   *acme.Client // with the account; nil before the first order
	warnedOf string       // an error of the table that was told
}

// domain is a name with its certificate.
type domain struct {
	name string
	pair *tls.Certificate // nil: there is none yet
	lock lock             // as it was last seen
	told time.Time        // when the end was warned of last
}

// NewACME returns an ACME with the certificates that the database has.
func NewACME(ctx context.Context, cfg ACMEConfig) (*ACME, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Every == 0 {
		cfg.Every = time.Minute
	}
	if cfg.Wait == nil {
		cfg.Wait = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
	}
	a := &ACME{cfg: cfg, table: shared{store: cfg.Store, seal: cfg.Seal, now: cfg.Now}}
	for _, name := range cfg.Domains {
		d := &domain{name: name}
		if err := a.load(ctx, d); err != nil {
			return nil, err
		}
		a.domains = append(a.domains, d)
	}
	return a, nil
}

// id returns the id of a row of a name. Certificates of different authorities are kept apart, so that a trial with another
// directory changes nothing.
func (a *ACME) id(kind string, d *domain) string { return kind + d.name + " " + a.cfg.Directory }

// load takes the certificate of the table if it is newer.
func (a *ACME) load(ctx context.Context, d *domain) error {
	pair, err := a.table.certificate(ctx, a.id(certificateRow, d))
	if errors.Is(err, errSealed) {
		a.warnOnce("a certificate in the database cannot be opened, and another one is ordered", fmt.Errorf("%s: %w", d.name, err))
	} else if err != nil {
		return fmt.Errorf("the stored certificate of %s: %w", d.name, err)
	}
	locked, err := a.table.readLock(ctx, a.id(lockRow, d))
	if err != nil {
		return fmt.Errorf("the lock of %s: %w", d.name, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	d.lock = locked
	if pair != nil && (d.pair == nil || pair.Leaf.NotAfter.After(d.pair.Leaf.NotAfter)) {
		d.pair = pair
	}
	return nil
}

// errNoCertificate fails a handshake.
var errNoCertificate = errors.New("no certificate yet: it is being ordered")

// Certificate implements Source. A handshake never orders a certificate, so nobody can make the server order one. A client that
// names no server, or an unknown one, gets the first certificate: health checks ask by address.
func (a *ACME) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto {
		return a.challengeCertificate(hello.Context(), name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var first *tls.Certificate
	for _, d := range a.domains {
		if d.name == name && d.pair != nil {
			return d.pair, nil
		}
		if first == nil {
			first = d.pair
		}
	}
	if first == nil {
		return nil, errNoCertificate
	}
	return first, nil
}

// answerTime bounds the look-up of the answer to a challenge.
const answerTime = 5 * time.Second

// challengeCertificate answers TLS-ALPN-01 (RFC 8737). The authority may ask any node, so the answer is in the database.
func (a *ACME) challengeCertificate(ctx context.Context, name string) (*tls.Certificate, error) {
	if !slices.Contains(a.cfg.Domains, name) {
		return nil, fmt.Errorf("no certificate is ordered for %q", name)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	pair, err := a.table.certificate(ctx, alpnRow+name)
	if err == nil && pair == nil {
		err = fmt.Errorf("no challenge is open for %q", name)
	}
	return pair, err
}

// longestToken bounds the token of a challenge. Authorities send 43 characters.
const longestToken = 128

// Answer returns the answer to HTTP-01 for a token, "" if there is none.
func (a *ACME) Answer(ctx context.Context, token string) (string, error) {
	if len(token) > longestToken || strings.Trim(token, tokenLetters) != "" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return a.table.get(ctx, tokenRow+token)
}

const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Status implements Source.
func (a *ACME) Status() (list []Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.domains {
		status := Status{Names: []string{d.name}, Source: a.cfg.Directory}
		if d.pair != nil {
			status = statusOf(d.pair, a.cfg.Directory)
			status.Next = renewal(d.pair.Leaf)
		}
		if d.lock.Error != "" {
			status.Error, status.Failed, status.Next = d.lock.Error, d.lock.Failed, d.lock.Next
		}
		list = append(list, status)
	}
	return list
}

// renewal returns when a certificate is renewed: when a third of its life is left. Authorities shorten lives, so a number of days
// would not last.
func renewal(leaf *x509.Certificate) time.Time {
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
}

// Run implements Source: it orders certificates that are missing or due, and takes what other nodes have ordered.
func (a *ACME) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		timer.Reset(a.look(ctx))
	}
}

// missingWait is the time between two looks while a name has no certificate: another node may just have got it.
const missingWait = time.Second

// look looks at each name, and returns the time until the next look.
func (a *ACME) look(ctx context.Context) time.Duration {
	wait := a.cfg.Every
	if err := a.table.removeOld(ctx); err != nil && ctx.Err() == nil {
		a.warnOnce("old answers to challenges were not removed", err)
	}
	for _, d := range a.domains {
		if err := a.refresh(ctx, d); err != nil && ctx.Err() == nil {
			a.warnOnce("the certificates in the database could not be looked at", err)
		}
		if d.pair == nil {
			wait = min(wait, missingWait)
		}
	}
	return wait
}

// warnOnce logs an error that is not the last one again.
func (a *ACME) warnOnce(text string, err error) {
	if a.warnedOf != err.Error() {
		a.warnedOf = err.Error()
		a.cfg.Logger.Warn(text, "error", err)
	}
}

func (a *ACME) due(d *domain) bool {
	return d.pair == nil || !a.cfg.Now().Before(renewal(d.pair.Leaf))
}

// The time of an order, and of its lock. The lock of a node that was killed ends by itself.
const (
	orderTime = 4 * time.Minute
	lockTime  = 5 * time.Minute
)

// refresh takes the certificate that another node has got, or orders one if it is due.
func (a *ACME) refresh(ctx context.Context, d *domain) (err error) {
	if err := a.load(ctx, d); err != nil {
		return err
	}
	a.warnOfEnd(d)
	if !a.due(d) || a.cfg.Now().Before(d.lock.Next) {
		return nil
	}
	before, id := d.lock, a.id(lockRow, d)
	taken, err := a.table.writeLock(ctx, takeRow, id, lock{Owner: a.cfg.Owner, Failures: before.Failures, Error: before.Error, Failed: before.Failed}, a.cfg.Now().Add(lockTime))
	if err != nil || !taken {
		return err
	}
	cause := a.load(ctx, d) // another node may have got it between the look and the lock
	if cause == nil && a.due(d) {
		cause = a.orderLocked(ctx, d)
	}
	after := context.WithoutCancel(ctx)
	if cause == nil || ctx.Err() != nil { // a server that stops has not failed
		return errors.Join(a.table.remove(after, id), a.load(after, d))
	}
	return a.fail(after, d, before.Failures, cause)
}

func (a *ACME) orderLocked(ctx context.Context, d *domain) error {
	bounded, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	begun := time.Now()
	pair, err := a.order(bounded, d.name)
	if err != nil {
		return err
	}
	if err := a.table.putCertificate(bounded, a.id(certificateRow, d), pair, pair.Leaf.NotAfter); err != nil {
		return fmt.Errorf("the new certificate could not be stored: %w", err)
	}
	a.cfg.Logger.Info("got a certificate", "name", d.name, "issuer", pair.Leaf.Issuer.CommonName, "ends", pair.Leaf.NotAfter.UTC(), "seconds", time.Since(begun).Seconds())
	return nil
}

// fail keeps the lock until the next attempt.
func (a *ACME) fail(ctx context.Context, d *domain, failures int, cause error) error {
	now := a.cfg.Now()
	next := now.Add(a.cfg.Wait[min(failures, len(a.cfg.Wait)-1)])
	failed := lock{Owner: a.cfg.Owner, Failures: failures + 1, Error: explain(cause), Failed: now, Next: next}
	a.cfg.Logger.Warn("no certificate was got: see that the name leads to this server and that the authority reaches its port 443, or 80 with --redirect-listen",
		"name", d.name, "directory", a.cfg.Directory, "error", failed.Error, "next", next.UTC())
	_, err := a.table.writeLock(ctx, putRow, a.id(lockRow, d), failed, next)
	a.mu.Lock()
	d.lock = failed
	a.mu.Unlock()
	return err
}

// warnOfEnd warns once a day of a certificate that should have been renewed by now.
func (a *ACME) warnOfEnd(d *domain) {
	if d.pair == nil {
		return
	}
	status, now := statusOf(d.pair, a.cfg.Directory), a.cfg.Now()
	if status.EndsSoon(now) && now.Sub(d.told) >= 24*time.Hour {
		d.told = now
		a.cfg.Logger.Warn("the certificate ends soon, and could not be renewed", "name", d.name, "ends", status.NotAfter.UTC(), "days_left", daysLeft(status.NotAfter, now), "error", d.lock.Error)
	}
}
