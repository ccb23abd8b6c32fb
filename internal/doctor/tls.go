package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/web/tlscert"
)

// certificateFiles looks at the certificate that the server reads from files.
func certificateFiles(_ context.Context, e *examination) {
	files, err := tlscert.OpenFiles(e.TLSCert, e.TLSKey, tlscert.FilesConfig{Now: e.Now})
	if err != nil {
		e.add(Error, "The server would not start with its certificate: "+err.Error()+".", "Mend the files of --tls-cert and --tls-key.")
		return
	}
	status := files.Status()[0]
	if status.EndsSoon(e.Now()) {
		e.add(Warning, fmt.Sprintf("The certificate in %s ends on %s.", e.TLSCert, status.NotAfter.UTC().Format(time.DateOnly)), "Renew it: a server takes the new files by itself.")
	} else {
		e.add(Note, fmt.Sprintf("The certificate in %s is for %s, and ends on %s.", e.TLSCert, strings.Join(status.Names, ", "), status.NotAfter.UTC().Format(time.DateOnly)), "")
	}
	if advice := tlscert.Readable(e.TLSKey); advice != "" {
		e.add(Warning, "The key of the certificate is not secret.", advice+".")
	}
}

// acmeCertificates looks at the certificates that servers have ordered.
func (e *examination) acmeCertificates(ctx context.Context, db store.DB) {
	if len(e.ACME) == 0 {
		return
	}
	if found, err := hasTable(ctx, db, tlscert.TableName); err != nil || !found {
		return // the next start makes it
	}
	for _, name := range e.ACME {
		ends, failed, err := tlscert.Stored(ctx, db, name, e.ACMEDirectory)
		switch {
		case err != nil:
			e.add(Warning, "The certificates in the database cannot be read: "+err.Error()+".", "Run this as the user who runs the server.")
			return
		case failed != "":
			e.add(Error, fmt.Sprintf("No certificate could be got for %s: %s.", name, strings.TrimSuffix(failed, ".")), "See that the name leads to this server, and that the authority reaches its port 443, or 80 with --redirect-listen.")
		case ends.IsZero():
			e.add(Note, fmt.Sprintf("There is no certificate for %s yet.", name), "A server orders it when it starts.")
		case ends.Before(e.Now()):
			e.add(Error, fmt.Sprintf("The certificate for %s has expired on %s.", name, ends.UTC().Format(time.DateOnly)), "Start a server, which renews it.")
		default:
			e.add(Note, fmt.Sprintf("The certificate for %s ends on %s. Servers renew it when a third of its life is left.", name, ends.UTC().Format(time.DateOnly)), "")
		}
	}
}

func hasTable(ctx context.Context, db store.DB, name string) (found bool, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		found, err = system.HasTable(r, name)
		return err
	})
	return found, err
}
