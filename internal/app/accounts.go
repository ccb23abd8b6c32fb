package app

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/mail/outbox"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web"
	webaccount "github.com/ashlar-dev/ashlar/internal/web/account"
	"github.com/ashlar-dev/ashlar/internal/web/account/pages"
	"github.com/ashlar-dev/ashlar/internal/web/mailbox"
)

// accounts are the parts of an app that sign people in.
type accounts struct {
	service *account.Service
	outbox  *outbox.Outbox
	mailer  *mail.Mailer
	hasher  *password.Hasher
	handler *webaccount.Handler // nil without accounts in the model

	providers []*oidc.Provider
	issuers   []*oidc.Issuer
}

// openAccounts opens the accounts on the rows and keys of the app.
func (a *App) openAccounts() (err error) {
	if a.accounts.outbox, err = a.openOutbox(); err != nil {
		return err
	}
	ceremonies, err := a.openPasskeys()
	if err != nil {
		return err
	}
	verifier := token.NewVerifier(a.Keys, token.Config{Now: a.cfg.Now, Roles: a.Rules.Model.Roles})
	a.identify = web.Bearer(verifier.Verify)
	a.accounts.hasher = password.NewHasher(password.Config{})
	a.accounts.service = account.New(account.Config{
		Store:    a.Store,
		Rows:     a.Rows,
		Model:    a.Rules.Model,
		Keys:     a.Keys,
		Hasher:   a.accounts.hasher,
		Outbox:   a.accounts.outbox,
		Audit:    a.Audit,
		NeedsMFA: a.needsMFA,
		Invites:  a.mayInvite,
		Now:      a.cfg.Now,

		Providers: a.accounts.providers,
		Issuers:   oidc.NewIssuers(a.accounts.issuers...),
		Redirects: a.redirects(),
		Passkeys:  ceremonies,
		Jobs:      a.jobs,
	})
	a.services = append(a.services, service{"accounts", a.accounts.service})
	if a.Rules.Model.Accounts == nil {
		return nil
	}
	a.accounts.handler, err = webaccount.New(a.accounts.service, verifier, a.Keys, a.cfg.CORS)
	if err == nil {
		a.identify = a.accounts.handler.Identify
	}
	return err
}

// openPasskeys returns the ceremonies of passkeys, nil if the model has none.
func (a *App) openPasskeys() (*passkey.Ceremonies, error) {
	own := a.Rules.Model.Accounts
	if own == nil || own.Passkeys == nil {
		return nil, nil
	}
	return passkey.New(passkey.Config{App: a.Rules.Model.Name, Domain: own.Passkeys.Domain, Origins: own.Passkeys.Origins, Lives: own.Codes.Valid})
}

// needsMFA reports whether the model asks a caller for a second factor.
func (a *App) needsMFA(who caller.Caller) bool {
	rules := a.Rules.Accounts
	if rules == nil {
		return false
	}
	env := &rule.Env{Caller: who, Now: a.cfg.Now().UnixMicro()}
	for i, required := range a.Rules.Model.Accounts.Require {
		if required.MFA && rule.Holds(rules.Require[i], env) {
			return true
		}
	}
	return false
}

// mayInvite reports whether the model lets a caller invite.
func (a *App) mayInvite(who caller.Caller) bool {
	rules := a.Rules.Accounts
	return rules != nil && rule.Holds(rules.InviteBy, &rule.Env{Caller: who, Now: a.cfg.Now().UnixMicro()})
}

// mailFolder returns the folder for the mails of a server without SMTP, in the data folder.
func (a *App) mailFolder() string { return filepath.Join(a.folder.path, "mail") }

// openOutbox opens the outbox. Without an SMTP server it writes mails into the data folder, for the page /mailbox.
func (a *App) openOutbox() (*outbox.Outbox, error) {
	cfg := mail.TemplateConfig{App: a.Rules.Model.Name, Public: a.publicURL(), Files: os.DirFS(a.dir)}
	from := "no-reply@localhost"
	if own := a.Rules.Model.Accounts; own != nil {
		cfg.Folder, from = own.Mail.Folder, cmp.Or(own.Mail.From, from)
	}
	var err error
	if cfg.From, err = mail.ParseFrom(from); err != nil {
		return nil, err
	}
	for _, wanted := range jobTemplates(a.Rules.Model) {
		cfg.Jobs = append(cfg.Jobs, wanted.Name)
	}
	templates, err := mail.NewTemplates(cfg)
	if err != nil {
		return nil, err
	}
	sender := mail.Files(a.mailFolder())
	if !a.cfg.SMTP.IsZero() {
		sender = mail.SMTP(a.cfg.SMTP)
	}
	a.accounts.mailer = mail.NewMailer(templates, sender)
	a.jobs.Job(outbox.Queue) // has metrics before the first mail
	return outbox.New(outbox.Config{Jobs: a.work, Compose: a.compose, Mailer: a.accounts.mailer, Logger: a.cfg.Logger}), nil
}

// publicURL returns the address that links in mails begin with. It comes from the configuration alone, never from a request.
func (a *App) publicURL() string {
	if own := a.Rules.Model.Accounts; a.cfg.URL == "" && own != nil {
		return cmp.Or(own.URL, a.cfg.LocalURL)
	}
	return cmp.Or(a.cfg.URL, a.cfg.LocalURL)
}

// compose says what a letter says. Most are about accounts.
func (a *App) compose(ctx context.Context, l mail.Letter) (mail.Message, bool, error) {
	switch l.Kind {
	case alertLetter:
		return composeAlert(l)
	case disabledLetter:
		return composeDisabled(l)
	}
	return a.accounts.service.Compose(ctx, l)
}

// accountRoutes returns the routes of accounts, none without accounts in the model.
func (a *App) accountRoutes() []web.Route {
	if a.accounts.handler == nil {
		return nil
	}
	origins := http.NewCrossOriginProtection() // forms come from our own pages
	shown := pages.New(a.accounts.service, a.Keys, origins, pages.Config{
		App: a.Rules.Model.Name, Accounts: a.Rules.Model.Accounts, Mailbox: a.cfg.SMTP.IsZero(),
	})
	a.accounts.handler.Land(shown.Land)
	forPeople := shown.Routes()
	if a.cfg.SMTP.IsZero() {
		forPeople = append(forPeople, mailbox.New(mail.OpenMailbox(a.mailFolder()), a.Rules.Model.Name).Routes()...)
	}
	return append(a.accounts.handler.Routes(), a.underOwnNames(forPeople)...)
}

// guard refuses callers whose session or key has ended.
func (a *App) guard(who caller.Caller) (store.Step, bool) { return a.accounts.service.Guard(who) }
