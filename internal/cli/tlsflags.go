package cli

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/tlscert"
)

// tlsFlags holds the flags of serve about certificates.
type tlsFlags struct {
	cert, key               string
	domains                 []string
	email, directory, roots string
	redirect                string
	config                  app.TLS // of the flags
}

func (f *tlsFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.cert, "tls-cert", "", "`file` with the certificate of the server and its chain, in PEM: speak HTTPS; read again when it changes")
	flags.StringVar(&f.key, "tls-key", "", "`file` with the key of --tls-cert, in PEM")
	flags.StringSliceVar(&f.domains, "acme", nil, "`name` for which to get a certificate by ACME: speak HTTPS; may be repeated; you agree to the terms of the authority")
	flags.StringVar(&f.email, "acme-email", "", "`address` at which the authority may write to you")
	flags.StringVar(&f.directory, "acme-directory", tlscert.LetsEncrypt, "`URL` of the authority's ACME directory")
	flags.StringVar(&f.roots, "acme-roots", "", "`file` with the authorities that sign the certificate of --acme-directory itself, in PEM (default those of the system)")
	flags.StringVar(&f.redirect, "redirect-listen", "", "`address` that redirects HTTP to HTTPS and answers ACME, such as :80 (default none)")
}

// check refuses flags that do not go together.
func (f *tlsFlags) check(cmd *cobra.Command) error {
	switch {
	case (f.cert == "") != (f.key == ""):
		return usage(cmd, "--tls-cert (%s) and --tls-key (%s) need each other: name both files", variable("tls-cert"), variable("tls-key"))
	case f.cert != "" && len(f.domains) > 0:
		return usage(cmd, "--tls-cert and --acme exclude each other: choose the files, or certificates by ACME")
	case f.redirect != "" && f.cert == "" && len(f.domains) == 0:
		return usage(cmd, "--redirect-listen (%s) redirects to HTTPS, which needs --tls-cert or --acme", variable("redirect-listen"))
	case len(f.domains) == 0 && (f.email != "" || f.roots != ""):
		return usage(cmd, "--acme-email and --acme-roots are of no use without --acme")
	case f.email != "" && (strings.Count(f.email, "@") != 1 || strings.ContainsAny(f.email, " ,?<>:")):
		return usage(cmd, "--acme-email (%s) must be an address such as ops@example.com, not %q", variable("acme-email"), f.email)
	}
	if err := checkHosts(cmd, "acme", f.domains); err != nil {
		return err
	}
	for _, name := range f.domains {
		if net.ParseIP(name) != nil || !strings.Contains(name, ".") || web.IsLoopback(name) {
			return usage(cmd, "--acme (%s) must be a public name such as app.example.com, not %q", variable("acme"), name)
		}
	}
	if u, err := url.Parse(f.directory); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return usage(cmd, "--acme-directory (%s) must be like %s, not %q", variable("acme-directory"), tlscert.LetsEncrypt, f.directory)
	}
	f.config = app.TLS{Cert: f.cert, Key: f.key, Domains: f.domains, Email: f.email, Directory: f.directory}
	if f.roots != "" {
		var err error
		if f.config.Roots, err = app.ReadRoots(f.roots); err != nil {
			return fmt.Errorf("--acme-roots: %w", err)
		}
	}
	return nil
}

// bind binds the address that redirects, or returns nil.
func (f *tlsFlags) bind(listen binder) (net.Listener, error) {
	if f.redirect == "" {
		return nil, nil
	}
	return listen("redirect-listen", f.redirect)
}

// urlOf returns the URL of the server for a browser on this machine, or under its own name.
func (f *tlsFlags) urlOf(address net.Addr) string {
	if !f.config.On() {
		return urlOf(address)
	}
	if tcp, ok := address.(*net.TCPAddr); ok && len(f.domains) > 0 {
		if tcp.Port == 443 {
			return "https://" + f.domains[0]
		}
		return fmt.Sprintf("https://%s:%d", f.domains[0], tcp.Port)
	}
	return "https://" + strings.TrimPrefix(urlOf(address), "http://")
}
