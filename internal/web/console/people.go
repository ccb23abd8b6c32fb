package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// A group is the pages of one kind of account.
type group struct {
	kind       account.Kind
	path       string
	title, one string
	list, item string // templates
}

// groupUsers and groupServices return the two groups whose accounts operators change.
func groupUsers() group {
	return group{account.KindUser, "/console/users", "Users", "user", "users.html", "user.html"}
}

func groupServices() group {
	return group{account.KindService, "/console/services", "Service accounts", "service account", "services.html", "service.html"}
}

func (c *Console) userRoutes() []Route {
	g := groupUsers()
	return append(c.commonRoutes(g),
		Route{"GET /console/users/invite", Operator, c.showInvite},
		Route{"POST /console/users/invite", Operator, c.invite},
		Route{"POST /console/users/{id}/reset", Operator, c.act(g, "reset", c.sendReset)},
		Route{"POST /console/users/{id}/factor", Operator, c.act(g, "factor", c.removeFactor)},
		Route{"POST /console/users/{id}/totp", Operator, c.act(g, "totp", c.removeTOTP)},
		Route{"POST /console/users/{id}/passkeys/{passkey}", Operator, c.act(g, "passkey", c.removePasskey)},
		Route{"POST /console/users/{id}/sessions", Operator, c.act(g, "sessions", c.endSessions)},
		Route{"POST /console/users/{id}/sessions/{session}", Operator, c.act(g, "session", c.endSession)},
		Route{"POST /console/users/{id}/links/{link}", Operator, c.act(g, "unlinked", c.unlink)},
	)
}

// commonRoutes returns the routes that users and service accounts share.
func (c *Console) commonRoutes(g group) []Route {
	return []Route{
		{"GET " + g.path, Viewer, func(q *Request) error { return c.showList(q, g, nil, http.StatusOK) }},
		{"GET " + g.path + "/{id}", Viewer, func(q *Request) error { return c.showAccount(q, g, nil, http.StatusOK) }},
		{"POST " + g.path + "/{id}/roles", Operator, c.act(g, "roles", c.setRoles)},
		{"POST " + g.path + "/{id}/suspend", Operator, c.act(g, "suspended", c.suspend)},
		{"POST " + g.path + "/{id}/resume", Operator, c.act(g, "resumed", c.resume)},
		{"POST " + g.path + "/{id}/keys/{key}", Operator, c.act(g, "key", c.endKey)},
		{"POST " + g.path + "/{id}/delete", Operator, c.act(g, "deleted", c.deleteAccount)},
	}
}

// listSize is the number of rows of a page.
const listSize = 50

// listPage is a page of accounts.
type listPage struct {
	Search, By  string
	Accounts    []account.Account
	Path        string
	First, Next string // addresses; "" without such a page
	May         bool   // change accounts
	Roles       []string
	Chosen      []string // roles in the form
	Name        string   // in the form
	Problem     *problem
}

func (c *Console) showList(q *Request, g group, wrong *problem, status int) error {
	values := q.r.URL.Query()
	p := listPage{Search: strings.TrimSpace(values.Get("q")), By: values.Get("by"), Path: g.path, May: q.operator.May(string(Operator)), Roles: c.accounts.Roles(), Problem: wrong}
	if wrong != nil {
		p.Chosen, p.Name = q.form["role"], q.form.Get("name")
	}
	search := account.Search{Kind: g.kind, Limit: listSize}
	if p.By == "name" || g.kind == account.KindService {
		search.Name = p.Search
	} else {
		search.Email = p.Search
	}
	list := strings.Join([]string{string(g.kind), search.Email, search.Name}, "\n")
	var err error
	if search.Cursor, err = q.cursor(list); err != nil {
		return err
	}
	page, err := c.accounts.Accounts(q.r.Context(), search)
	if err != nil {
		return err
	}
	p.Accounts = page.Accounts
	next, err := q.seal(page.Next, list)
	if err != nil {
		return err
	}
	p.First, p.Next = pagesOf(q, next)
	return q.page(status, g.title, g.list, p)
}

// pagesOf returns the addresses of the first page of a list and of the next one.
func pagesOf(q *Request, next string) (first, following string) {
	values := q.r.URL.Query()
	isLater := values.Get("after") != ""
	values.Del("after")
	values.Del("done")
	if isLater {
		first = addressOf(q.r.URL.Path, values)
	}
	if next != "" {
		values.Set("after", next)
		following = addressOf(q.r.URL.Path, values)
	}
	return first, following
}

func addressOf(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// accountPage is the page of one account.
type accountPage struct {
	account.Account
	Path         string
	May          bool // change it
	HasPasswords bool
	AllRoles     []string
	Scopes       []string
	Sessions     []account.Session
	Keys         []account.Key
	Devices      []account.Passkey
	Links        []account.Linked
	Problem      *problem
	Made         *account.Key // shown once
}

func (c *Console) showAccount(q *Request, g group, wrong *problem, status int) error {
	p, err := c.accountPage(q, g)
	if err != nil {
		return err
	}
	p.Problem = wrong
	return q.page(status, titleOf(p.Account), g.item, p)
}

func titleOf(a account.Account) string {
	if a.Email != "" {
		return a.Email
	}
	return a.Name
}

func (c *Console) accountPage(q *Request, g group) (p accountPage, err error) {
	ctx := q.r.Context()
	a, err := c.accounts.Account(ctx, g.kind, q.r.PathValue("id"))
	if err != nil {
		return p, err
	}
	p = accountPage{
		Account: a, Path: g.path + "/" + a.ID, May: q.operator.May(string(Operator)), HasPasswords: c.accounts.HasPasswords(),
		AllRoles: c.accounts.Roles(), Scopes: c.accounts.Scopes(),
	}
	if p.Sessions, err = c.accounts.SessionsOf(ctx, a.ID); err != nil {
		return p, err
	}
	if p.Devices, err = c.accounts.PasskeysOf(ctx, a.ID); err != nil {
		return p, err
	}
	if p.Links, err = c.accounts.LinksOf(ctx, a.ID); err != nil {
		return p, err
	}
	p.Keys, err = c.accounts.KeysOf(ctx, a.ID)
	return p, err
}

// act returns the handler of a form that changes an account of a group. Then it shows the account, or what was wrong above it.
func (c *Console) act(g group, done string, change func(q *Request, a account.Account, form url.Values) error) func(*Request) error {
	return func(q *Request) error {
		form, err := q.Form()
		if err != nil {
			return err
		}
		a, err := c.accounts.Account(q.r.Context(), g.kind, q.r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := change(q, a, form); err != nil {
			wrong, status := mistake(err)
			if wrong == nil {
				return err
			}
			return c.showAccount(q, g, wrong, status)
		}
		path := g.path
		if done != "deleted" {
			path += "/" + a.ID
		}
		return q.Redirect(path + "?done=" + done)
	}
}

func (c *Console) setRoles(q *Request, a account.Account, form url.Values) error {
	by, client := q.By()
	return c.accounts.SetRoles(q.r.Context(), by, a.ID, form["role"], client)
}

func (c *Console) suspend(q *Request, a account.Account, _ url.Values) error {
	by, client := q.By()
	return c.accounts.Suspend(q.r.Context(), by, a.ID, client)
}

func (c *Console) resume(q *Request, a account.Account, _ url.Values) error {
	by, client := q.By()
	return c.accounts.Resume(q.r.Context(), by, a.ID, client)
}

func (c *Console) sendReset(q *Request, a account.Account, _ url.Values) error {
	_, client := q.By()
	return c.accounts.SendReset(q.r.Context(), a.ID, client)
}

func (c *Console) endSessions(q *Request, a account.Account, _ url.Values) error {
	_, client := q.By()
	return c.accounts.EndSessionsOf(q.r.Context(), a.ID, client)
}

func (c *Console) endSession(q *Request, a account.Account, _ url.Values) error {
	_, client := q.By()
	return c.accounts.EndSessionOf(q.r.Context(), a.ID, q.r.PathValue("session"), client)
}

func (c *Console) endKey(q *Request, a account.Account, _ url.Values) error {
	_, client := q.By()
	return c.accounts.EndKeyOf(q.r.Context(), a.ID, q.r.PathValue("key"), client)
}

func (c *Console) unlink(q *Request, a account.Account, _ url.Values) error {
	_, client := q.By()
	return c.accounts.UnlinkOf(q.r.Context(), a.ID, q.r.PathValue("link"), client)
}

func (c *Console) deleteAccount(q *Request, a account.Account, form url.Values) error {
	if strings.TrimSpace(form.Get("confirm")) != titleOf(a) {
		return invalid("confirm", "type "+titleOf(a)+" to delete the account")
	}
	by, client := q.By()
	return c.accounts.Delete(q.r.Context(), by, a.ID, client)
}

// invitePage is the page that invites a user.
type invitePage struct {
	Email   string
	Roles   []string
	Chosen  []string
	Problem *problem
}

func (c *Console) showInvite(q *Request) error {
	return q.page(http.StatusOK, "Invite a user", "invite.html", invitePage{Roles: c.accounts.Roles()})
}

func (c *Console) invite(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	p := invitePage{Email: strings.TrimSpace(form.Get("email")), Roles: c.accounts.Roles(), Chosen: form["role"]}
	by, client := q.By()
	err = c.accounts.Invite(q.r.Context(), by, p.Email, p.Chosen, client)
	if err == nil {
		return q.Redirect("/console/users?done=invited")
	}
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	p.Problem = wrong
	return q.page(status, "Invite a user", "invite.html", p)
}
