package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/telemetry/watch"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/certificates"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
	"github.com/ashlar-dev/ashlar/internal/web/netconn"
	"github.com/ashlar-dev/ashlar/internal/web/tlscert"
)

// TLS says where the certificates of the listener come from. With the zero value it speaks no TLS.
type TLS struct {
	Cert, Key string         // files with a certificate and its key
	Domains   []string       // names for which certificates are ordered by ACME, in lower case
	Email     string         // for letters of the authority
	Directory string         // URL of the authority; default: Let's Encrypt
	Roots     *x509.CertPool // of the authority's own certificate; default: of the system
	Redirect  net.Listener   // answers HTTP with redirects to https, and ACME's challenges; nil: none. App.Serve closes it

	every time.Duration // between two looks at the files, or at the table; default: of package tlscert
}

// On reports whether the listener speaks TLS.
func (t *TLS) On() bool { return t.Cert != "" || len(t.Domains) > 0 }

// openCertificateFiles opens the certificate of the listener, if it is in files. It comes before the database: a file that cannot
// be served with is no reason to change tables.
func (a *App) openCertificateFiles() error {
	own := a.cfg.TLS
	if own.Cert == "" {
		return nil
	}
	files, err := tlscert.OpenFiles(own.Cert, own.Key, tlscert.FilesConfig{Every: own.every, Logger: a.cfg.Logger, Now: a.cfg.Now})
	if err == nil {
		a.certificates = files
	}
	return err
}

// openTLS opens the certificates of the listener that are in the database, and keeps all of them up to date.
func (a *App) openTLS(ctx context.Context) error {
	if len(a.cfg.TLS.Domains) > 0 {
		orders, err := a.openACME(ctx)
		if err != nil {
			return err
		}
		a.certificates, a.challenges = orders, orders.Answer
	}
	if a.certificates != nil {
		a.services = append(a.services, service{"certificates", a.certificates})
	}
	return nil
}

func (a *App) openACME(ctx context.Context) (*tlscert.ACME, error) {
	own := a.cfg.TLS
	directory, err := url.Parse(own.Directory)
	if err != nil {
		return nil, err
	}
	egress := a.egress
	if own.Roots != nil {
		egress = outbound.New(outbound.Config{Allow: a.cfg.AllowPrivate, Proxy: a.cfg.OutboundProxy, Roots: own.Roots})
	}
	return tlscert.NewACME(ctx, tlscert.ACMEConfig{
		Domains: own.Domains, Email: own.Email, Directory: own.Directory,
		Client: egress.Client(outbound.Use{Given: []string{outbound.GivenHost(directory)}, MaxAnswer: mostChain}),
		HTTP:   own.Redirect != nil, Store: a.Store, Seal: a.Keys, Owner: a.instance(),
		Logger: a.cfg.Logger, Now: a.cfg.Now, Every: own.every,
	})
}

// mostChain bounds the answers of an authority, in bytes. The longest is a chain of certificates.
const mostChain = 256 << 10

// tlsConfig returns the configuration of TLS of the listener, nil for none.
func (a *App) tlsConfig() *tls.Config {
	if a.certificates == nil {
		return nil
	}
	return tlscert.Config(a.certificates)
}

// Certificates returns what is known of the certificates of the listener.
func (a *App) Certificates() []tlscert.Status {
	if a.certificates == nil {
		return nil
	}
	return a.certificates.Status()
}

// certificateSections returns the page of the console about certificates, none without TLS.
func (a *App) certificateSections() []console.Section {
	if a.certificates == nil {
		return nil
	}
	return certificates.Sections(certificates.Config{Status: a.Certificates, Styles: operation.Styles(), Now: a.cfg.Now})
}

// tlsReadings returns the metric of the certificates. Without TLS there is none: an alert on a small number would fire.
func (a *App) tlsReadings() []metric.Reading {
	if a.certificates == nil {
		return nil
	}
	return []metric.Reading{{
		Name: "ashlar_certificate_expiry_seconds", Help: "When the first of the server's certificates expires, in seconds since 1970; 0 while there is none.",
		Value: func() float64 {
			if ends := tlscert.Ends(a.certificates); !ends.IsZero() {
				return float64(ends.Unix())
			}
			return 0
		},
	}}
}

// ownCertificates returns the ends of the certificates, for the timeline.
func (a *App) ownCertificates() (list []watch.Certificate) {
	for _, one := range a.Certificates() {
		if len(one.Names) > 0 && !one.NotAfter.IsZero() {
			list = append(list, watch.Certificate{Address: one.Names[0] + " (of this server)", Ends: one.NotAfter})
		}
	}
	return list
}

// serveRedirect answers the connections of the redirect listener until the function that it returns is called.
func (a *App) serveRedirect(ctx context.Context, own net.Addr) (stop func()) {
	ln := a.cfg.TLS.Redirect
	if ln == nil {
		return func() {}
	}
	handler := web.Redirect(web.RedirectConfig{Names: a.ownNames(), Port: a.publicPort(own), Answer: a.challenges})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	serve := func() error {
		return web.Serve(ctx, ln, handler, web.ServerConfig{
			HeaderTimeout: a.cfg.HeaderTimeout, ReadTimeout: redirectTime, WriteTimeout: redirectTime, IdleTimeout: redirectTime,
			MaxHeader: redirectHeader, Grace: time.Second, HandedOver: a.cfg.HandedOver, Name: "the redirect listener", Logger: a.cfg.Logger, Bounds: netconn.NewBounds(mostRedirects, nil),
		})
	}
	background.Go("the redirect listener", serve, func(err error) {
		if err != nil {
			a.cfg.Logger.Warn("the redirect listener has ended", "error", err)
		}
		close(ended)
	})
	return func() {
		cancel()
		<-ended
	}
}

// The bounds of requests that are redirected.
const (
	mostRedirects  = 256 // connections at once
	redirectTime   = 10 * time.Second
	redirectHeader = 16 << 10
)

// publicPort returns the port of the https URLs: the one of the public address, else the one of the listener.
func (a *App) publicPort(own net.Addr) string {
	if u, err := url.Parse(a.publicURL()); err == nil && u.Scheme == "https" {
		return u.Port()
	}
	if tcp, ok := own.(*net.TCPAddr); ok {
		return strconv.Itoa(tcp.Port)
	}
	return ""
}

// ownNames returns the names of the server that are known: of its settings, its model and its certificates.
func (a *App) ownNames() []string {
	names := a.configuredNames()
	for _, one := range a.Certificates() {
		names = append(names, one.Names...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ReadRoots reads certificates of authorities.
func ReadRoots(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return pool, nil
}
