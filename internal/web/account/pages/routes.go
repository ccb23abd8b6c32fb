package pages

import (
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Routes returns the routes of the pages.
func (p *Pages) Routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /account", Handler: p.open(func(v *visit) error { return v.redirect(homePath) })},
		{Pattern: "GET /account/{$}", Handler: p.member(homePath, p.home)},
		{Pattern: "GET /account/assets/{name}", Handler: serveAsset},

		{Pattern: "GET " + signInPath, Handler: p.open(p.signIn)},
		{Pattern: "POST " + signInPath, Handler: p.open(p.postSignIn)},
		{Pattern: "GET " + factorPath, Handler: p.open(p.factor)},
		{Pattern: "POST " + factorPath, Handler: p.open(p.postFactor)},
		{Pattern: "POST " + proofPath, Handler: p.open(p.postProof)},
		{Pattern: "POST " + proofPath + "/begin", Handler: p.open(p.beginProof)},
		{Pattern: "POST " + passkeyPath, Handler: p.open(p.postPasskeySignIn)},
		{Pattern: "POST " + passkeyPath + "/begin", Handler: p.open(p.beginPasskeySignIn)},
		{Pattern: "GET " + linkPath, Handler: p.member(linkPath, p.link)},
		{Pattern: "POST " + linkPath, Handler: p.member(linkPath, p.postLink)},
		{Pattern: "GET " + codePath, Handler: p.open(p.code)},
		{Pattern: "POST " + codePath, Handler: p.open(p.postCode)},
		{Pattern: "GET " + signUpPath, Handler: p.open(p.signUp)},
		{Pattern: "POST " + signUpPath, Handler: p.open(p.postSignUp)},
		{Pattern: "GET " + verifyPath, Handler: p.open(p.verify)},
		{Pattern: "POST " + verifyPath, Handler: p.open(p.postVerify)},
		{Pattern: "GET " + resetPath, Handler: p.open(p.reset)},
		{Pattern: "POST " + resetPath, Handler: p.open(p.postReset)},
		{Pattern: "GET " + newPassPath, Handler: p.open(p.confirmReset)},
		{Pattern: "POST " + newPassPath, Handler: p.open(p.postConfirmReset)},

		{Pattern: "GET " + sessionsPath, Handler: p.member(sessionsPath, p.sessions)},
		{Pattern: "POST " + sessionsPath + "/end", Handler: p.member(sessionsPath, p.endSession)},
		{Pattern: "POST " + sessionsPath + "/end-others", Handler: p.member(sessionsPath, p.endOthers)},
		{Pattern: "GET " + passwordPath, Handler: p.member(passwordPath, p.password)},
		{Pattern: "POST " + passwordPath, Handler: p.member(passwordPath, p.postPassword)},
		{Pattern: "GET " + totpPath, Handler: p.member(totpPath, p.totp)},
		{Pattern: "POST " + totpPath + "/begin", Handler: p.member(totpPath, p.beginTOTP)},
		{Pattern: "POST " + totpPath + "/remove", Handler: p.member(totpPath, p.removeTOTP)},
		{Pattern: "GET " + setUpPath, Handler: p.member(totpPath, p.setUp)},
		{Pattern: "POST " + setUpPath, Handler: p.member(totpPath, p.postSetUp)},
		{Pattern: "GET " + passkeysPath, Handler: p.member(passkeysPath, p.passkeys)},
		{Pattern: "POST " + passkeysPath, Handler: p.member(passkeysPath, p.postPasskey)},
		{Pattern: "POST " + passkeysPath + "/begin", Handler: p.open(p.beginPasskey)},
		{Pattern: "POST " + passkeysPath + "/rename", Handler: p.member(passkeysPath, p.renamePasskey)},
		{Pattern: "POST " + passkeysPath + "/remove", Handler: p.member(passkeysPath, p.removePasskey)},
		{Pattern: "GET " + linksPath, Handler: p.member(linksPath, p.links)},
		{Pattern: "POST " + linksPath + "/remove", Handler: p.member(linksPath, p.removeLink)},
		{Pattern: "GET " + keysPath, Handler: p.member(keysPath, p.listKeys)},
		{Pattern: "GET " + newKeyPath, Handler: p.member(newKeyPath, p.newKey)},
		{Pattern: "POST " + newKeyPath, Handler: p.member(newKeyPath, p.postNewKey)},
		{Pattern: "POST " + keysPath + "/rotate", Handler: p.member(keysPath, p.rotateKey)},
		{Pattern: "POST " + keysPath + "/end", Handler: p.member(keysPath, p.endKey)},
		{Pattern: "GET " + deletePath, Handler: p.member(deletePath, p.leave)},
		{Pattern: "POST " + deletePath, Handler: p.member(deletePath, p.postLeave)},
		{Pattern: "GET " + signOutPath, Handler: p.open(p.signOut)},
		{Pattern: "POST " + signOutPath, Handler: p.open(p.postSignOut)},
	}
}
