// Package passkey has the script with which forms ask the browser for a passkey.
//
// A page loads the script from a file of its own, without inline code. A form for it looks like this:
//
//	<form method="post" action="/finish" data-passkey="get" data-begin="/begin" hidden>
//	<input type="hidden" name="flow">
//	<input type="hidden" name="passkey">
//	<p role="alert" hidden></p>
//	<button>Sign in with a passkey</button>
//	</form>
//
// data-passkey is get for a proof, and create for a new passkey. Without scripts, or in a browser without passkeys, the form
// stays hidden. An element with data-without-passkey is then shown instead.
//
// The button makes the script post the fields of the form to data-begin. An answer is JSON: a Challenge, or a Refusal with a
// status of 400 or more. The script asks the authenticator, fills in flow and passkey, and submits the form. So the
// answer to the form is a page, as without the script.
//
// With data-offer the browser also suggests passkeys in an input whose autocomplete ends in webauthn. The page needs
// connect-src 'self' in its content security policy.
package passkey

import (
	_ "embed"
	"encoding/json"
)

//go:embed passkey.js
var script []byte

// Script returns the text of the script.
func Script() []byte { return script }

// A Challenge is an answer that begins a ceremony.
type Challenge struct {
	Flow    string          `json:"flow,omitempty"` // for the field flow; "" leaves the field alone
	Options json.RawMessage `json:"options"`
}

// A Refusal is an answer that begins none.
type Refusal struct {
	Detail   string `json:"detail,omitempty"`   // for people
	Location string `json:"location,omitempty"` // not "": the browser goes there
}
