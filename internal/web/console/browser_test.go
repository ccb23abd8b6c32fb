package console

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
)

// The main path in a browser: an owner begins with a link, helps a user, makes a key and a link. No page breaks its content
// security policy, asks another host or has a serious fault of accessibility.
func TestConsoleInABrowser(t *testing.T) {
	w := newWorld(t, source)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	for i, text := range hostile() {
		w.user(fmt.Sprintf("person%d@example.com", i), text)
	}
	ada, grant := w.user("ada@example.com", "Ada Lovelace")
	who := w.Caller(t, grant.Access)
	app, err := w.Service.BeginTOTP(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.ConfirmTOTP(t.Context(), who, w.code(app.Secret), account.Client{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Service.SetRoles(t.Context(), caller.System("test"), ada, []string{"editor"}, account.Client{}); err != nil {
		t.Fatal(err)
	}
	secret, err := w.Service.OperatorLink(t.Context(), "owner")
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, server.URL, 1280, 900)}

	b.Run(chromedp.Navigate(server.URL+LinkPath(secret)), chromedp.WaitVisible(`#secret`))
	if got := b.Eval(`document.querySelector('#secret').value + location.hash`); got != secret {
		t.Errorf("the link fills in %q", got)
	}
	b.look("begin")
	b.Run(
		chromedp.SendKeys(`#name`, "Grace Hopper"), chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase),
		chromedp.Click(`button.main`), chromedp.WaitVisible(`[data-rows]`),
	)
	b.look("users")
	b.press("/")
	b.Run(chromedp.KeyEvent("ada@"), chromedp.KeyEvent("\r"), chromedp.WaitVisible(`#q[value="ada@"]`), chromedp.WaitNotPresent(`//a[text()="person1@example.com"]`))
	b.press("j")
	b.Run(chromedp.KeyEvent("\r"), chromedp.WaitVisible(`dl`))
	b.look("user")
	b.Run(chromedp.Click(`input[value=reader]`), chromedp.Click(`//button[text()="Save the roles"]`), chromedp.WaitVisible(`.done`))
	b.Run(chromedp.Click(`//summary[text()="Delete the user"]`), chromedp.Click(`//summary[text()="Remove"]`))
	b.look("user-changed")
	b.Run(chromedp.Click(`//button[text()="Suspend"]`), chromedp.WaitVisible(`//button[text()="Resume"]`))
	b.look("user-suspended")

	b.open("/console/users/invite")
	b.look("invite")
	b.open("/console/services")
	b.Run(chromedp.SendKeys(`#name`, "Nightly backup"), chromedp.Click(`input[value=reader]`), chromedp.Click(`//button[text()="Make the account"]`), chromedp.WaitVisible(`#key-name`))
	b.Run(chromedp.SendKeys(`#key-name`, "server 1"), chromedp.Click(`input[value=reader][name=scope]`), chromedp.Click(`//button[text()="Make the key"]`), chromedp.WaitVisible(`[data-copy]`))
	b.look("service-key")
	b.open("/console/services")
	b.look("services")
	b.open("/console/operators")
	b.Run(chromedp.Click(`//button[text()="Make a link"]`), chromedp.WaitVisible(`[data-copy]`))
	b.look("operators")
	b.open("/console/audit")
	b.Run(chromedp.Click(`//button[text()="Verify the chain"]`), chromedp.WaitVisible(`.tag.good`))
	b.look("audit")
	b.open("/console/factor")
	b.Run(chromedp.Click(`//button[text()="Set up an authenticator app"]`), chromedp.WaitVisible(`.qr`))
	b.look("factor")
	totp := b.Eval(`document.querySelector('code.long').textContent`)
	b.Run(chromedp.SendKeys(`#code`, w.code(totp)), chromedp.Click(`button.main`), chromedp.WaitVisible(`.codes`))
	b.look("factor-codes")
	b.Run(chromedp.Click(`details.menu summary`))
	b.look("menu")
	b.Run(chromedp.Click(`//button[text()="Sign out"]`), chromedp.WaitVisible(`#email`))
	b.look("sign-in")
	w.Clock.Pass(time.Minute)
	b.Run(chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase), chromedp.Click(`button.main`), chromedp.WaitVisible(`#code`))
	b.look("sign-in-factor")
	b.Run(chromedp.SendKeys(`#code`, w.code(totp)), chromedp.Click(`button.main`), chromedp.WaitVisible(`[data-rows]`))
}

// An operator adds a passkey, signs in with it, and uses it as the second factor.
func TestPasskeysInABrowser(t *testing.T) {
	w := newWorld(t, source)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // browsers have no passkeys for an IP address
	secret, err := w.Service.OperatorLink(t.Context(), "owner")
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, base, 1280, 900)}
	b.AddAuthenticator()
	b.Run(
		chromedp.Navigate(base+LinkPath(secret)), chromedp.WaitVisible(`#secret`),
		chromedp.SendKeys(`#email`, "grace@example.com"), chromedp.SendKeys(`#password`, passphrase), chromedp.Click(`button.main`), chromedp.WaitVisible(`.empty`),
	)
	b.open("/console/account")
	b.look("account")
	b.Run(chromedp.SendKeys(`#passkey-name`, "blue key"), chromedp.Click(`//button[text()="Add a passkey"]`), chromedp.WaitVisible(`.codes`))
	b.look("codes")
	b.Run(chromedp.Click(`a.main`), chromedp.WaitVisible(`//th[text()="blue key"]`))
	b.look("account-passkey")

	// The page of the sign-in lets the browser suggest passkeys, and this authenticator takes the first suggestion.
	b.Run(chromedp.Click(`details.menu summary`), chromedp.Click(`//button[text()="Sign out"]`), chromedp.WaitVisible(`.empty`))
	b.open("/console/begin")
	b.Run(chromedp.Evaluate(`const form = document.createElement('form');
		form.method = 'post';
		form.action = '/console/sign-in';
		for (const [name, value] of Object.entries({email: 'grace@example.com', password: '`+passphrase+`'})) {
			const input = document.createElement('input');
			[input.name, input.value] = [name, value];
			form.append(input);
		}
		document.body.append(form);
		form.submit()`, nil), chromedp.WaitVisible(`//button[text()="Use a passkey"]`))
	b.look("sign-in-passkey")
	b.Run(chromedp.Click(`//button[text()="Use a passkey"]`), chromedp.WaitVisible(`.empty`))
}

// A tab is the page of a browser.
type tab struct{ *browsertest.Tab }

func (b *tab) open(path string) {
	b.Helper()
	b.Run(chromedp.Navigate(b.Base+path), chromedp.WaitVisible(`h1`))
}

// press presses a key of the console. A KeyEvent of chromedp would type it too.
func (b *tab) press(key string) {
	b.Helper()
	b.Run(chromedp.Evaluate(`document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '`+key+`', bubbles: true, cancelable: true}))`, nil))
}

// look looks at the page narrow and wide.
func (b *tab) look(name string) {
	b.Helper()
	b.Look("console-"+name, 390, 1280)
}
