package pages_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
)

// TestPasskeysAndProvidersInABrowser goes through all ways to sign in with an authenticator and a provider.
func TestPasskeysAndProvidersInABrowser(t *testing.T) {
	s := openReal(t)
	known := []string{"mailbox", "account_verify", "account_sessions", "account_totp_set"}
	w := &screen{browsertest.Open(t, s.URL, desk, 900), t, s, desk, map[string]bool{}, known}
	w.AddAuthenticator()
	w.signUpFromMailbox()
	w.addPasskey()
	w.signInByPasskey()
	w.provePasskey()
	w.renameAndRemovePasskey()
	w.linkAtSignIn()
	w.linkFromSettings()
	w.signUpAtProvider()
}

const submit = "form.main button:not([type])"

// signUpFromMailbox signs up, and finds the mail by the link on the page.
func (w *screen) signUpFromMailbox() {
	w.to("/account/sign-up")
	w.fill("email", ann, "password", secret)
	w.press(submit, "/account/verify")
	w.press(`a[href="/mailbox"]`, "/mailbox")
	w.Run(chromedp.Navigate("about:blank"), chromedp.Navigate(w.mailed("code")))
	w.press(submit, "/account/")
	w.says("Passkeys")
}

// signOut signs out in the head of the page.
func (w *screen) signOut() {
	w.Helper()
	w.press("header form button", "/account/sign-in")
}

// addPasskey adds the first passkey, which is the first second factor too.
func (w *screen) addPasskey() {
	w.press(`a[href="/account/passkeys"]`, "/account/passkeys")
	w.says("You have no passkeys yet.")
	w.fill("name", "Blue key")
	w.press("form.passkey button", "/account/passkeys")
	w.says("Keep your recovery codes")
	w.to("/account/passkeys")
	w.says("Blue key")
}

// signInByPasskey signs in without a name or a password.
func (w *screen) signInByPasskey() {
	// The authenticator agrees at once to what the browser suggests in the field for the address.
	w.Run(chromedp.Evaluate(`window.former = true`, nil), chromedp.Click("header form button", chromedp.ByQuery),
		waitFor(`!window.former && location.pathname === '/account/'`))
	w.to("/account/sessions")
	w.says("by passkey")

	w.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`PublicKeyCredential.isConditionalMediationAvailable = async () => false`).Do(ctx)
		return err
	}))
	w.signOut()
	w.press("form.passkey button", "/account/")
}

// provePasskey signs in by password, with the passkey as second factor.
func (w *screen) provePasskey() {
	w.signOut()
	w.fill("email", ann, "password", secret)
	w.press(submit, "/account/sign-in/factor")
	w.says("Use a recovery code")
	w.press("form.passkey button", "/account/")

	// With an authenticator app the page offers both.
	var key string
	w.to("/account/totp")
	w.press("button.primary", "/account/totp/set-up")
	w.Run(chromedp.Text("#secret", &key, chromedp.ByQuery))
	w.fill("code", accounttest.TOTP(w.t, key, w.site.Clock.Now()))
	w.press("form.main button", "/account/totp")
	w.signOut()
	w.fill("email", ann, "password", secret)
	w.press(submit, "/account/sign-in/factor")
	w.says("Code from the app")
	w.press("form.passkey button", "/account/")
	w.to("/account/totp")
	w.Run(chromedp.Click("details summary", chromedp.ByQuery))
	w.press("button.danger", "/account/totp")
}

func (w *screen) renameAndRemovePasskey() {
	w.to("/account/passkeys")
	w.Run(chromedp.Click("details summary", chromedp.ByQuery))
	w.look()
	w.Run(chromedp.SetValue("details input[name=name]", "Green key", chromedp.ByQuery))
	w.press(`form[action$="rename"] button`, "/account/passkeys")
	w.says("Green key")
	w.Run(chromedp.Click("details summary", chromedp.ByQuery))
	w.press(`form[action$="remove"] button`, "/account/passkeys")
	w.says("The passkey is removed.")
	w.signOut()
	w.press("form.passkey button", "/account/sign-in/passkey")
	w.says("This passkey did not sign you in")
}

// linkAtSignIn signs in at a provider with the address of an account that is there.
func (w *screen) linkAtSignIn() {
	w.site.corp.Person = map[string]any{"sub": "ann", "email": ann, "email_verified": true, "name": "Ann"}
	w.press("a.way", "/account/sign-in")
	w.says("You have an account with the address")
	w.fill("password", secret)
	w.press(submit, "/account/link")
	w.says("can then sign in to your account")
	w.press(submit, "/account/")
	w.says("corp can now sign in to your account.")
	w.signOut()
	w.press("a.way", "/account/")
	w.says("1 account linked")
}

// linkFromSettings adds a second account of the provider, with another address, and removes the first.
func (w *screen) linkFromSettings() {
	w.site.corp.Person = map[string]any{"sub": "ann at work", "email": "ann.archer@corp.example"}
	w.press(`a[href="/account/providers"]`, "/account/providers")
	w.press("a.way", "/account/link")
	w.press(submit, "/account/providers")
	w.says("ann.archer@corp.example")
	w.press("a.way", "/account/providers")
	w.says("This account at the provider is linked already.")
	w.Run(chromedp.Click("details summary", chromedp.ByQuery))
	w.look()
	w.press(`details[open] form button`, "/account/providers")
	w.says("The account is no longer linked.")
	w.signOut()
}

// signUpAtProvider makes an account at a provider. Its link is the last way to sign in.
func (w *screen) signUpAtProvider() {
	w.site.corp.Person = map[string]any{"sub": "bob", "email": "bob@example.com", "email_verified": true, "name": "Bob"}
	w.to("/account/sign-up")
	w.press("a.way", "/account/")
	w.says("bob@example.com")
	w.to("/account/providers")
	w.Run(chromedp.Click("details summary", chromedp.ByQuery))
	w.press(`details[open] form button`, "/account/providers")
	w.says("This is the last way to sign in: set a password or add a passkey first.")
	w.site.corp.Person = map[string]any{"sub": "eve", "email": "eve@example.com"}
	w.signOut()
	w.press("a.way", "/account/sign-in")
	w.says("The provider does not vouch for an email address of yours")
}
