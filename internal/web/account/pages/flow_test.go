package pages_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

func TestSignUpVerifySignOutSignIn(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.leads(b.get("/account/"), "/account/sign-in")
	b.want(b.get("/account/sign-up"), 200, "Sign up", "At least 8 characters")
	page := b.leads(b.post("/account/sign-up", "email", " Ann@Example.com ", "password", secret, "name", "Ann"), "/account/verify")
	b.want(page, 200, "Almost done", "8 digits")
	if !strings.Contains(page.body, `value="Ann@Example.com"`) {
		t.Error("the page does not hold the address")
	}
	code := s.code(t, ann)
	b.want(b.post("/account/verify", "email", ann, "code", "0000"), 422, "The code is not valid")
	home := b.leads(b.post("/account/verify", "email", ann, "code", code), "/account/")
	b.want(home, 200, "Your account", "Ann", ann, "Signed in on 1 device")
	b.leads(b.post("/account/sign-out"), "/account/sign-in")
	b.leads(b.get("/account/"), "/account/sign-in")
	b.want(b.post("/account/sign-in", "email", ann, "password", "wrong"), 422, "The address or the password is wrong")
	b.want(b.post("/account/sign-in", "email", "x", "password", "wrong"), 422, "Please look at this:", "This is not an email address.")
	b.want(b.post("/account/sign-in"), 422, "Please look at these:", "Fill this in.")
	b.signIn(ann)
}

func TestSignUpFaultsStandAtTheirFields(t *testing.T) {
	b := open(t, nil).browser(t)
	page := b.post("/account/sign-up", "email", "ann", "password", "short", "name", "Ann <b>")
	b.want(page, 422, "The password has fewer than 8 characters.", "This is not an email address.")
	for _, want := range []string{
		`value="Ann &lt;b&gt;"`, `id="email-error"`, `id="password-error"`, `aria-describedby="password-error password-hint"`, `<a href="#email">`,
	} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page.body, "short") {
		t.Error("the page shows the password again")
	}
}

// TestPreHijack_SignUpConfirmedElsewhere shows that a stranger who signs up with the address of somebody else gets no account,
// even if the owner of the address types the code.
func TestPreHijack_SignUpConfirmedElsewhere(t *testing.T) {
	s := open(t, nil)
	stranger, owner := s.browser(t), s.browser(t)
	stranger.leads(stranger.post("/account/sign-up", "email", ann, "password", "known to the stranger"), "/account/verify")
	code := s.code(t, ann)
	owner.want(owner.get("/account/verify"), 200)
	owner.want(owner.post("/account/verify", "email", ann, "code", code), 422, "You signed up in another browser", "Sign up with a password of your own")
	owner.want(owner.post("/account/verify", "email", ann, "code", code, "password", secret), 422, "This is not the password that was chosen at sign-up")
	owner.leads(owner.get("/account/"), "/account/sign-in")
	stranger.want(stranger.post("/account/sign-in", "email", ann, "password", "known to the stranger"), 422)

	// The owner signs up too. The browser is known, but the code of the stranger stays the stranger's.
	owner.leads(owner.post("/account/sign-up", "email", ann, "password", secret), "/account/verify")
	own := s.code(t, ann)
	owner.want(owner.post("/account/verify", "email", ann, "code", code), 422, "You signed up in another browser")
	owner.leads(owner.post("/account/verify", "email", ann, "code", own), "/account/")
	stranger.want(stranger.post("/account/sign-in", "email", ann, "password", "known to the stranger"), 422)
}

func TestSignUpConfirmedElsewhereWithItsPassword(t *testing.T) {
	s := open(t, nil)
	desk, phone := s.browser(t), s.browser(t)
	desk.post("/account/sign-up", "email", ann, "password", secret)
	code := s.code(t, ann)
	page := phone.post("/account/verify", "email", ann, "code", code)
	phone.want(page, 422, "Password that you chose at sign-up")
	if !strings.Contains(page.body, `value="`+code+`"`) {
		t.Error("the page lost the code")
	}
	phone.leads(phone.post("/account/verify", "email", ann, "code", code, "password", secret), "/account/")
}

func TestGetConsumesNoCode(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.post("/account/sign-up", "email", ann, "password", secret)
	path, code := s.letter(t, ann)
	if path != "/account/verify#"+"ann@example.com/"+code {
		t.Fatalf("the link is %s", path)
	}
	for range 3 {
		b.want(b.get("/account/verify"), 200)
	}
	b.leads(b.post("/account/verify", "email", ann, "code", code), "/account/")
}

func TestSignInByMail(t *testing.T) {
	s := open(t, nil)
	s.browser(t).signUp(ann)
	b := s.browser(t)
	b.want(b.get("/account/code?next=/account/keys"), 200, "You need no password")
	b.leads(b.post("/account/code", "email", ann, "next", "/account/keys"), "/account/verify")
	b.leads(b.post("/account/verify", "email", ann, "code", s.code(t, ann)), "/account/keys")
	unknown := s.browser(t)
	page := unknown.leads(unknown.post("/account/code", "email", "nobody@example.com"), "/account/verify")
	unknown.want(page, 200, "If this address has an account")
}

func TestReset(t *testing.T) {
	s := open(t, nil)
	before := s.browser(t)
	before.signUp(ann)
	b := s.browser(t)
	b.want(b.get("/account/reset"), 200, "I have a code")
	b.leads(b.post("/account/reset", "email", ann), "/account/reset/confirm")
	path, code := s.letter(t, ann)
	if !strings.HasPrefix(path, "/account/reset/confirm#") {
		t.Errorf("the link is %s", path)
	}
	b.want(b.post("/account/reset/confirm", "email", ann, "code", code, "password", "ann"), 422, "The password has fewer than 8 characters.")
	page := b.leads(b.post("/account/reset/confirm", "email", ann, "code", code, "password", "another good secret"), "/account/")
	b.want(page, 200, "Your new password is set.")
	before.leads(before.get("/account/"), "/account/sign-in")
}

// The forms of what pages show.
var (
	secretForm = regexp.MustCompile(`id="secret">([A-Z2-7 ]+)<`)
	keyForm    = regexp.MustCompile(`ashl_[0-9A-Za-z_]{30,}`)
	assetForm  = regexp.MustCompile(`/account/assets/[^"]+`)
)

// addTOTP sets an authenticator app up, and returns its secret and the recovery codes.
func (b *browser) addTOTP() (key string, codes []string) {
	b.t.Helper()
	page := b.leads(b.post("/account/totp/begin"), "/account/totp/set-up")
	b.want(page, 200, "Scan this with your authenticator app")
	if !strings.Contains(page.body, "<svg ") {
		b.t.Error("the page has no QR code")
	}
	found := secretForm.FindStringSubmatch(page.body)
	if found == nil {
		b.t.Fatal("the page shows no secret")
	}
	b.want(b.post("/account/totp/set-up", "code", "000000"), 422, "The code is not valid", found[1])
	page = b.leads(b.post("/account/totp/set-up", "code", accounttest.TOTP(b.t, found[1], b.site.Clock.Now())), "/account/totp")
	b.want(page, 200, "Keep your recovery codes")
	for _, match := range regexp.MustCompile(`<li><code>([0-9a-z-]+)</code>`).FindAllStringSubmatch(page.body, -1) {
		codes = append(codes, match[1])
	}
	if len(codes) != 10 {
		b.t.Fatalf("the page shows the codes %q", codes)
	}
	return found[1], codes
}

func TestTOTP(t *testing.T) {
	s := open(t, nil)
	b, other := s.browser(t), s.browser(t)
	b.signUp(ann)
	other.signIn(ann)
	key, codes := b.addTOTP()
	again := b.get("/account/totp")
	b.want(again, 200, "10 unused recovery codes")
	if strings.Contains(again.body, codes[0]) {
		t.Error("the recovery codes are shown twice")
	}
	other.leads(other.get("/account/"), "/account/sign-in")

	s.Clock.Pass(time.Minute)
	page := other.leads(other.post("/account/sign-in", "email", ann, "password", secret, "next", "/account/sessions"), "/account/sign-in/factor")
	other.want(page, 200, "authenticator app", "Use a recovery code")
	other.want(other.post("/account/sign-in/factor", "totp", "000000"), 422, "This code is not valid, or no longer")
	other.want(other.post("/account/sign-in/factor", "totp", ""), 422, "Fill this in.")
	other.leads(other.post("/account/sign-in/factor", "totp", accounttest.TOTP(t, key, s.Clock.Now())), "/account/sessions")

	third := s.browser(t)
	third.leads(third.post("/account/sign-in", "email", ann, "password", secret), "/account/sign-in/factor")
	third.want(third.get("/account/sign-in/factor?with=recovery"), 200, "Recovery code")
	third.leads(third.post("/account/sign-in/factor", "recovery", codes[3]), "/account/")
	third.want(third.get("/account/"), 200, "On, 9 recovery codes left")
	page = third.leads(third.post("/account/totp/remove"), "/account/totp")
	third.want(page, 200, "The authenticator app is off.")
}

func TestSetUpOfTOTPIsOfOneSession(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.signUp(ann)
	b.leads(b.post("/account/totp/begin"), "/account/totp/set-up")
	b.signIn(ann) // another session in the same browser
	b.leads(b.get("/account/totp/set-up"), "/account/totp")
}

func TestStepUpComesBack(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.signUp(ann)
	s.Clock.Pass(11 * time.Minute)
	for _, tt := range []struct {
		back string
		ask  func() answer
	}{
		{"/account/keys/new", func() answer { return b.get("/account/keys/new") }},
		{"/account/totp", func() answer { return b.post("/account/totp/begin") }},
		{"/account/delete", func() answer { return b.get("/account/delete") }},
		{"/account/delete", func() answer { return b.post("/account/delete", "confirm", ann) }},
	} {
		page := b.leads(tt.ask(), "/account/sign-in?again=1&next="+url.QueryEscape(tt.back))
		b.want(page, 200, "To continue, sign in again.")
		if !strings.Contains(page.body, `value="`+tt.back+`"`) || !strings.Contains(page.body, `value="`+ann+`"`) {
			t.Errorf("the page does not lead back to %s", tt.back)
		}
	}
	b.want(b.leads(b.post("/account/sign-in", "email", ann, "password", secret, "next", "/account/keys/new"), "/account/keys/new"), 200)
	b.want(b.get("/account/"), 200, "Signed in on 1 device") // the new session replaced the old one
}

func TestSessions(t *testing.T) {
	s := open(t, nil)
	b, phone, desk := s.browser(t), s.browser(t), s.browser(t)
	b.signUp(ann)
	phone.agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
	phone.signIn(ann)
	desk.signIn(ann)
	page := b.get("/account/sessions")
	b.want(page, 200, "This browser", "Safari on iPhone", "by mailed code", "by password")
	ids := regexp.MustCompile(`name="id" value="([0-9a-f-]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(ids) != 3 {
		t.Fatalf("%d sessions are shown", len(ids))
	}
	b.want(b.leads(b.post("/account/sessions/end", "id", ids[2][1]), "/account/sessions"), 200, "The session has ended.")
	b.want(b.post("/account/sessions/end", "id", "018f0000-0000-7000-8000-00000000beef"), 404, "There is nothing here")
	b.want(b.leads(b.post("/account/sessions/end-others"), "/account/sessions"), 200, "All other sessions have ended.")
	for _, other := range []*browser{phone, desk} {
		other.leads(other.get("/account/sessions"), "/account/sign-in?next=%2Faccount%2Fsessions")
	}
	b.leads(b.post("/account/sessions/end", "id", ids[0][1]), "/account/sign-in")
}

func TestSessionOfSomebodyElseStays(t *testing.T) {
	s := open(t, nil)
	b, other := s.browser(t), s.browser(t)
	b.signUp(ann)
	other.signUp("bob@example.com")
	id := regexp.MustCompile(`name="id" value="([0-9a-f-]+)"`).FindStringSubmatch(b.get("/account/sessions").body)[1]
	other.want(other.post("/account/sessions/end", "id", id), 404)
	b.want(b.get("/account/sessions"), 200)
}

func TestPasswordChange(t *testing.T) {
	s := open(t, nil)
	b, other := s.browser(t), s.browser(t)
	b.signUp(ann)
	other.signIn(ann)
	b.want(b.get("/account/password"), 200, "Current password")
	b.want(b.post("/account/password", "old", "wrong", "new", "another good secret"), 422, "This is not the password of the account.")
	b.want(b.post("/account/password", "old", secret, "new", "password1"), 422, "The password is among the first that an attacker tries.")
	b.want(b.leads(b.post("/account/password", "old", secret, "new", "another good secret"), "/account/"), 200, "Your new password is set.")
	other.leads(other.get("/account/"), "/account/sign-in")
}

func TestKeys(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.signUp(ann)
	b.want(b.get("/account/keys"), 200, "You have no keys yet.")
	b.want(b.get("/account/keys/new"), 200, "read notes", "read, create, change notes", "1 year")
	b.want(b.post("/account/keys/new", "name", ""), 422, "Fill this in.", "Choose at least one.")
	b.want(b.post("/account/keys/new", "name", "x", "scopes", "other"), 422, "There is no such scope")
	b.want(b.post("/account/keys/new", "name", "x", "scopes", "reader", "expires_at", "soon"), 422, "Choose one of these.")
	b.want(b.post("/account/keys/new", "name", "x", "scopes", "reader", "expires_at", "90000h"), 422, "A key ends at the latest at")
	page := b.leads(b.post("/account/keys/new", "name", "Nightly", "scopes", "reader", "scopes", "writer", "expires_at", "720h0m0s"), "/account/keys")
	b.want(page, 200, "It is not shown again", "Nightly", "reader, writer", "Never used")
	first := keyForm.FindString(page.body)
	if _, err := s.Service.ByKey(t.Context(), first); err != nil {
		t.Errorf("the key %q that was shown does not work: %v", first, err)
	}
	if keyForm.MatchString(b.get("/account/keys").body) {
		t.Error("the key is shown twice")
	}
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page.body)[1]
	page = b.leads(b.post("/account/keys/rotate", "id", id), "/account/keys")
	b.want(page, 200, "The key has a successor.")
	if second := keyForm.FindString(page.body); second == "" || second == first {
		t.Errorf("the successor of %q is %q", first, second)
	}
	b.want(b.leads(b.post("/account/keys/end", "id", id), "/account/keys"), 200, "The key is deleted.")
	other := s.browser(t)
	other.signUp("bob@example.com")
	other.want(other.post("/account/keys/end", "id", id), 404)
}

func TestDeleteAccount(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.signUp(ann)
	b.want(b.get("/account/delete"), 200, "Type ann@example.com to confirm.")
	b.want(b.post("/account/delete", "confirm", "bob@example.com"), 422, "This is not the address of your account.")
	b.want(b.leads(b.post("/account/delete", "confirm", "Ann@Example.com"), "/account/sign-in"), 200, "Your account is deleted.")
	b.want(b.post("/account/sign-in", "email", ann, "password", secret), 422)
}

func TestClosedSignUp(t *testing.T) {
	b := open(t, func(rules *model.Accounts) { rules.Signup = model.SignupClosed }).browser(t)
	b.want(b.get("/account/sign-up"), 403, "Sign-up is closed: ask whoever runs Notes for an account.")
	b.want(b.post("/account/sign-up", "email", ann, "password", secret), 422, "Sign-up is closed")
	if page := b.get("/account/sign-in"); strings.Contains(page.body, "Sign up") {
		t.Error("the page offers sign-up")
	}
}

func TestSignUpByInvitation(t *testing.T) {
	s := open(t, func(rules *model.Accounts) { rules.Signup = model.SignupInvite })
	b := s.browser(t)
	invite(t, s, ann)
	path, code := s.letter(t, ann)
	if path != "/account/sign-up?invited#ann@example.com/"+code {
		t.Errorf("the link is %s", path)
	}
	b.want(b.get("/account/sign-up"), 200, "Invitation code")
	b.want(b.post("/account/sign-up", "email", ann, "password", secret), 422, "Invitation code : Fill this in.")
	b.want(b.post("/account/sign-up", "email", ann, "password", secret, "invitation", "1234"), 422, "The code is not valid")
	b.want(b.leads(b.post("/account/sign-up", "email", ann, "password", secret, "invitation", code), "/account/"), 200, "Roles: editor")
}

func TestInvitationWhereSignUpIsOpen(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	invite(t, s, ann)
	b.want(b.get("/account/sign-up"), 200, "Use an invitation code")
	b.want(b.get("/account/sign-up?invited"), 200, "Invitation code")
	b.leads(b.post("/account/sign-up", "email", ann, "password", secret, "invitation", s.code(t, ann)), "/account/")
}

func TestVerifyLater(t *testing.T) {
	s := open(t, func(rules *model.Accounts) { rules.Verify = model.VerifyLater })
	b := s.browser(t)
	home := b.leads(b.post("/account/sign-up", "email", ann, "password", secret), "/account/")
	b.want(home, 200, "Your email address is not confirmed yet.")
	b.leads(b.post("/account/code", "email", ann), "/account/verify")
	home = b.leads(b.post("/account/verify", "email", ann, "code", s.code(t, ann)), "/account/")
	if strings.Contains(home.body, "not confirmed") {
		t.Error("the address is still not confirmed")
	}
	b.post("/account/sign-out")
	b.signIn(ann) // the password stayed: the browser had a session of the account
}

func TestWithoutPasswords(t *testing.T) {
	s := open(t, func(rules *model.Accounts) { rules.Password = nil })
	b := s.browser(t)
	b.want(b.leads(b.get("/account/sign-in?next=/account/keys"), "/account/code?next=%2Faccount%2Fkeys"), 200, "You need no password")
	for _, path := range []string{"/account/reset", "/account/reset/confirm"} {
		b.want(b.get(path), 404)
	}
	b.leads(b.post("/account/sign-up", "email", ann), "/account/verify")
	b.leads(b.post("/account/verify", "email", ann, "code", s.code(t, ann)), "/account/")
	b.want(b.get("/account/password"), 404)
}

func TestTooManyAttemptsSayHowLongToWait(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	var last answer
	for range 40 {
		if last = b.post("/account/sign-in", "email", ann, "password", "guess"); last.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	b.want(last, 429, "There were too many attempts. Wait 1 second, then try again.")
	if last.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", last.Header.Get("Retry-After"))
	}
}
