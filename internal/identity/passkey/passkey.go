// Package passkey runs the ceremonies of WebAuthn: it registers passkeys, and checks what they sign.
//
// It keeps nothing. Each ceremony begins with Options for the browser and a State. The caller stores the State, and gives it
// back once, with the answer of the browser.
package passkey

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Config says whom passkeys belong to. All fields are required.
type Config struct {
	App     string   // name of the app, for people
	Domain  string   // relying party id
	Origins []string // pages that may ask for passkeys, such as https://app.example.com
	Lives   time.Duration
}

// Ceremonies are the ceremonies of one app. They are safe for concurrent use.
type Ceremonies struct {
	library *webauthn.WebAuthn
}

// New returns the ceremonies of an app.
func New(cfg Config) (*Ceremonies, error) {
	lives := webauthn.TimeoutConfig{Timeout: cfg.Lives, TimeoutUVD: cfg.Lives} // only a hint for browsers: the caller's clock decides
	required := true
	library, err := webauthn.New(&webauthn.Config{
		RPID: cfg.Domain, RPDisplayName: cfg.App, RPOrigins: cfg.Origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationPreferred,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: lives, Registration: lives},
		// Some password managers answer with extensions that nobody asked for. None is read here.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, err
	}
	return &Ceremonies{library}, nil
}

// An Owner is an account with its passkeys.
type Owner struct {
	Handle   string // identifies the account to authenticators; at most 64 bytes, and nothing personal
	Name     string // such as the address
	Title    string // for people
	Passkeys []Passkey
}

// A Passkey is what the server keeps of a passkey.
type Passkey struct {
	ID     string // credential id in base64url, unique in the world
	Key    string // public key (COSE) in base64url
	Count  uint32 // signatures so far; 0 from authenticators that do not count
	Traits Traits
}

// Traits are what an authenticator said of a passkey.
type Traits struct {
	Transports     []string `json:"transports,omitempty"`
	Model          string   `json:"aaguid,omitempty"` // of the authenticator, in base64url
	BackupEligible bool     `json:"backup_eligible"`  // may be copied to other devices
	BackedUp       bool     `json:"backed_up"`
	UserVerified   bool     `json:"user_verified"` // by a PIN or a finger, at registration
}

// Options are what a browser needs, as JSON: the publicKey member of navigator.credentials.create or get.
type Options = json.RawMessage

// A State is what the server must remember between the two halves of a ceremony.
type State = json.RawMessage

// BeginRegistration begins to make a passkey for an account. Authenticators that hold one of its passkeys refuse.
func (c *Ceremonies) BeginRegistration(owner Owner) (Options, State, error) {
	who := user{owner}
	known := make([]protocol.CredentialDescriptor, len(owner.Passkeys))
	for i, credential := range who.WebAuthnCredentials() {
		known[i] = credential.Descriptor()
	}
	creation, session, err := c.library.BeginRegistration(who, webauthn.WithExclusions(known))
	if err != nil {
		return nil, nil, err
	}
	return encode(creation.Response, session)
}

// FinishRegistration checks the browser's answer and returns the new passkey. An answer that does not fit is errs.Invalid.
func (c *Ceremonies) FinishRegistration(owner Owner, state State, answer []byte) (Passkey, error) {
	session, err := decode(state)
	if err != nil {
		return Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, refused(err)
	}
	credential, err := c.library.CreateCredential(user{owner}, session, parsed)
	if err != nil {
		return Passkey{}, refused(err)
	}
	return keep(credential), nil
}

// BeginSignIn begins a sign-in of somebody: the passkey says who it is.
func (c *Ceremonies) BeginSignIn() (Options, State, error) {
	assertion, session, err := c.library.BeginDiscoverableLogin()
	if err != nil {
		return nil, nil, err
	}
	return encode(assertion.Response, session)
}

// BeginProof begins a proof that somebody has one of the passkeys of an account.
func (c *Ceremonies) BeginProof(owner Owner) (Options, State, error) {
	assertion, session, err := c.library.BeginLogin(user{owner})
	if err != nil {
		return nil, nil, err
	}
	return encode(assertion.Response, session)
}

// An Answer is what a browser answered at sign-in, not checked yet.
type Answer struct {
	Passkey string // credential id in base64url
	Handle  string // of the owner, or "": authenticators may leave it out in a proof
	parsed  *protocol.ParsedCredentialAssertionData
}

// ParseAnswer reads an answer. One that cannot be read is errs.Invalid.
func ParseAnswer(text []byte) (Answer, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(text)
	if err != nil {
		return Answer{}, refused(err)
	}
	return Answer{Passkey: encoding.EncodeToString(parsed.RawID), Handle: string(parsed.Response.UserHandle), parsed: parsed}, nil
}

// A Proof is the result of a sign-in.
type Proof struct {
	Passkey      Passkey // as the server keeps it from now on
	UserVerified bool    // the authenticator verified its user, by a PIN or a finger
}

// FinishSignIn checks the answer to BeginSignIn. The owner is the one that the answer names.
func (c *Ceremonies) FinishSignIn(owner Owner, state State, answer Answer) (Proof, error) {
	return c.finish(state, answer, func(session webauthn.SessionData) (*webauthn.Credential, error) {
		found := func(_, _ []byte) (webauthn.User, error) { return user{owner}, nil }
		return c.library.ValidateDiscoverableLogin(found, session, answer.parsed)
	})
}

// FinishProof checks the answer to BeginProof.
func (c *Ceremonies) FinishProof(owner Owner, state State, answer Answer) (Proof, error) {
	return c.finish(state, answer, func(session webauthn.SessionData) (*webauthn.Credential, error) {
		return c.library.ValidateLogin(user{owner}, session, answer.parsed)
	})
}

func (c *Ceremonies) finish(state State, answer Answer, check func(webauthn.SessionData) (*webauthn.Credential, error)) (Proof, error) {
	if answer.parsed == nil {
		return Proof{}, errs.New(errs.Invalid, notAccepted)
	}
	session, err := decode(state)
	if err != nil {
		return Proof{}, err
	}
	credential, err := check(session)
	if err != nil {
		return Proof{}, refused(err)
	}
	// A passkey that is copied between devices has no count of its own. Only one that cannot be copied tells of a clone.
	if credential.Authenticator.CloneWarning && !credential.Flags.BackupEligible {
		return Proof{}, errs.New(errs.Invalid, "the passkey was used more often than here: it may be a copy")
	}
	return Proof{Passkey: keep(credential), UserVerified: answer.parsed.Response.AuthenticatorData.Flags.HasUserVerified()}, nil
}

const notAccepted = "the passkey's answer is not acceptable"

// refused hides why the library refuses an answer.
func refused(err error) error { return errs.Wrapf(err, errs.Invalid, notAccepted) }

var encoding = base64.RawURLEncoding

func encode(options any, session *webauthn.SessionData) (Options, State, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, nil, err
	}
	state, err := json.Marshal(session)
	return text, state, err
}

func decode(state State) (session webauthn.SessionData, err error) {
	return session, json.Unmarshal(state, &session)
}
