package load

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

const (
	day = 24 * time.Hour

	minPassword = 8   // code points, the least that a model may ask for (ASVS 5.0, 6.2.1)
	maxPassword = 128 // the most that a model may ask for

	maxWords    = 1000
	maxWord     = 100 // bytes
	maxAccounts = 100 // entries of any list of accounts
)

func accountKeys() []string {
	return []string{"url", "signup", "verify", "password", "passkeys", "totp", "codes", "sessions", "require",
		"providers", "issuers", "keys", "invite", "mail", "audit"}
}

func passwordKeys() []string { return []string{"min", "words"} }
func passkeyKeys() []string  { return []string{"domain", "origins"} }
func codeKeys() []string     { return []string{"length", "valid", "tries"} }
func sessionKeys() []string  { return []string{"access", "idle", "longest", "each_user"} }
func requireKeys() []string  { return []string{"when", "mfa"} }
func inviteKeys() []string   { return []string{"by", "roles"} }
func mailKeys() []string     { return []string{"from", "folder"} }
func auditKeys() []string    { return []string{"keep"} }

// defaultAccounts returns the accounts of an empty group.
func defaultAccounts() *model.Accounts {
	return &model.Accounts{
		Password:  &model.Password{Min: minPassword},
		TOTP:      true,
		Codes:     model.Codes{Length: 8, Valid: 10 * time.Minute, Tries: 5},
		Sessions:  model.Sessions{Access: 10 * time.Minute, Idle: 14 * day, Longest: 90 * day, EachUser: 50},
		Keys:      model.Keys{Longest: 365 * day},
		Positions: make(map[string]model.Pos),
	}
}

// readAccounts reads the key accounts. It needs the roles and the finished tables.
func (l *loader) readAccounts(key member) {
	value := key.value
	if value.kind != null && !l.isObject(value, "accounts") {
		return
	}
	accounts := defaultAccounts()
	l.model.Accounts = accounts
	recordPositions(accounts.Positions, value, nil)
	accounts.Positions[""] = key.pos
	known := l.known(value, "accounts", accountKeys())
	order := func(a, b member) int {
		return slices.Index(accountKeys(), a.name) - slices.Index(accountKeys(), b.name)
	}
	slices.SortFunc(known, order) // passkeys needs url
	for _, key := range known {
		isScalar := slices.Contains([]string{"url", "signup", "verify", "password", "totp"}, key.name)
		if key.value.kind != null || isScalar {
			l.readAccountKey(accounts, key)
		}
	}
	l.checkFactors(accounts)
	l.checkSignup(accounts, value)
}

// maxPositionDepth is the number of keys that lead to the deepest value of accounts.
const maxPositionDepth = 5

// recordPositions stores the positions of a value and everything in it.
func recordPositions(positions map[string]model.Pos, value *node, path []string) {
	positions[model.PathOf(path...)] = value.pos
	if len(path) == maxPositionDepth {
		return
	}
	for _, key := range value.members {
		recordPositions(positions, key.value, append(path, key.name))
	}
	for i, item := range value.items {
		recordPositions(positions, item, append(path, strconv.Itoa(i)))
	}
}

func (l *loader) readAccountKey(accounts *model.Accounts, key member) {
	value := key.value
	switch key.name {
	case "url":
		accounts.URL = l.readAddress(value, "url", PublicURL)
	case "signup":
		i, _ := l.readChoice(value, "signup", model.Signups())
		accounts.Signup = model.Signup(max(i, 0))
	case "verify":
		i, _ := l.readChoice(value, "verify", model.Verifies())
		accounts.Verify = model.Verify(max(i, 0))
	case "password":
		accounts.Password = l.readPassword(value)
	case "passkeys":
		accounts.Passkeys = l.readPasskeys(accounts, value)
	case "totp":
		accounts.TOTP = l.readBool(value, "totp")
	case "codes":
		l.readCodes(&accounts.Codes, value)
	case "sessions":
		l.readSessions(&accounts.Sessions, value)
	case "require":
		l.readRequire(accounts, value)
	case "providers":
		l.readProviders(accounts, value)
	case "issuers":
		l.readIssuers(accounts, value)
	case "keys":
		l.readKeys(&accounts.Keys, value)
	case "invite":
		accounts.Invite = l.readInvite(key)
	case "mail":
		l.readMail(&accounts.Mail, value)
	case "audit":
		l.readAudit(&accounts.Audit, value)
	}
}

// readPassword reads the policy for passwords, or false.
func (l *loader) readPassword(value *node) *model.Password {
	policy := &model.Password{Min: minPassword}
	if value.kind == boolean {
		if !l.readBool(value, "password") {
			return nil
		}
		return policy
	}
	if value.kind != object && value.kind != invalid {
		l.fault(value.pos, "password must be a group of keys such as {min: 12}, or false, not %s", value.kind)
	}
	for _, key := range l.known(value, "password", passwordKeys()) {
		if key.name == "min" {
			if least, ok := l.readInt(key.value, "min", minPassword, maxPassword); ok {
				policy.Min = int(least)
			}
			continue
		}
		policy.Words = l.readWords(key.value)
	}
	return policy
}

func (l *loader) readWords(value *node) []string {
	var words []string
	for _, item := range l.readSome(value, "words", maxWords) {
		word, ok := l.readText(item, "a word")
		switch {
		case !ok:
		case word == "" || len(word) > maxWord:
			l.fault(item.pos, "a word must have 1 to %d bytes", maxWord)
		default:
			words = append(words, word)
		}
	}
	return words
}

// readSome reads a list of at most so many items.
func (l *loader) readSome(value *node, what string, most int) []*node {
	items := l.readList(value, what)
	if len(items) > most {
		l.fault(items[most].pos, "%s has %d items, but may have at most %d", what, len(items), most)
		return items[:most]
	}
	return items
}

func (l *loader) readCodes(codes *model.Codes, value *node) {
	if !l.isObject(value, "codes") {
		return
	}
	for _, key := range l.known(value, "codes", codeKeys()) {
		switch key.name {
		case "length":
			l.setInt(&codes.Length, key, 6, 10)
		case "valid":
			l.setDuration(&codes.Valid, key, time.Minute, 10*time.Minute)
		case "tries":
			l.setInt(&codes.Tries, key, 1, 10)
		}
	}
}

func (l *loader) readSessions(sessions *model.Sessions, value *node) {
	if !l.isObject(value, "sessions") {
		return
	}
	for _, key := range l.known(value, "sessions", sessionKeys()) {
		switch key.name {
		case "access":
			l.setDuration(&sessions.Access, key, time.Minute, time.Hour)
		case "idle":
			l.setDuration(&sessions.Idle, key, 5*time.Minute, 365*day)
		case "longest":
			l.setDuration(&sessions.Longest, key, 5*time.Minute, 365*day)
		case "each_user":
			l.setInt(&sessions.EachUser, key, 1, 1000)
		}
	}
	at := value.pos
	if idle := value.get("idle"); idle != nil {
		at = idle.pos
	}
	switch {
	case sessions.Idle > sessions.Longest:
		l.fault(at, "a session ends after %s at the latest, so idle (%s) has no effect: give a shorter idle",
			formatDuration(sessions.Longest), formatDuration(sessions.Idle))
	case sessions.Access > sessions.Idle:
		l.fault(at, "an access token is valid for %s, so a session cannot end after %s without use: give a longer idle or a shorter access",
			formatDuration(sessions.Access), formatDuration(sessions.Idle))
	}
}

func (l *loader) setInt(target *int, key member, least, most int64) {
	if i, ok := l.readInt(key.value, key.name, least, most); ok {
		*target = int(i)
	}
}

func (l *loader) readRequire(accounts *model.Accounts, value *node) {
	for _, item := range l.readSome(value, "require", maxAccounts) {
		if !l.isObject(item, "an item of require") {
			continue
		}
		var rule model.Require
		for _, key := range l.known(item, "an item of require", requireKeys()) {
			if key.name == "when" {
				rule.When = l.readExpr(key.value, "when")
				continue
			}
			rule.MFA = l.readBool(key.value, "mfa")
			if key.value.kind == boolean && !rule.MFA {
				l.fault(key.value.pos, "an item of require demands something: write mfa: true, or remove the item")
			}
		}
		if l.require(item, item.pos, "an item of require", requireKeys()...) && rule.When != nil {
			accounts.Require = append(accounts.Require, rule)
		}
	}
}

// checkFactors reports a demand for a second factor that nobody can have.
func (l *loader) checkFactors(accounts *model.Accounts) {
	if len(accounts.Require) > 0 && !accounts.TOTP && accounts.Passkeys == nil {
		l.fault(accounts.At("totp"), "require demands a second factor, but there is none: write totp: true, or add passkeys")
	}
}

func (l *loader) readInvite(invite member) *model.Invite {
	if !l.isObject(invite.value, "invite") {
		return nil
	}
	result := &model.Invite{}
	for _, key := range l.known(invite.value, "invite", inviteKeys()) {
		if key.name == "by" {
			result.By = l.readExpr(key.value, "by")
			continue
		}
		for _, item := range l.readSome(key.value, "roles", maxAccounts) {
			if role, ok := l.readRole(item); ok {
				result.Roles = l.appendOnce(result.Roles, role, item, "the role")
			}
		}
	}
	l.require(invite.value, invite.pos, "invite", "by")
	if result.By == nil {
		return nil
	}
	return result
}

// readRole reads the name of a role of the model.
func (l *loader) readRole(value *node) (string, bool) {
	role, ok := l.readText(value, "a role")
	switch known := l.model.Roles; {
	case !ok:
		return "", false
	case slices.Contains(known, role):
		return role, true
	case len(known) == 0:
		l.fault(value.pos, "the model declares no roles: add `roles: [%s]` at its top", snakeCase(role))
	default:
		l.fault(value.pos, "the model declares no role %s%s", quote(role), cmp.Or(suggest.DidYouMean(role, known), "; it has "+sentence(known)))
	}
	return "", false
}

// appendOnce appends a word to a list. It reports one that the list has already.
func (l *loader) appendOnce(words []string, word string, at *node, what string) []string {
	if slices.Contains(words, word) {
		l.fault(at.pos, "%s %s is repeated", what, word)
		return words
	}
	return append(words, word)
}

// longestKeep is the longest time that the audit log keeps rows of, if not for ever.
const longestKeep = 3650 * day

func (l *loader) readAudit(audit *model.Audit, value *node) {
	if !l.isObject(value, "audit") {
		return
	}
	for _, key := range l.known(value, "audit", auditKeys()) {
		l.setDuration(&audit.Keep, key, day, longestKeep)
	}
}

// checkSignup reports required fields of users that a sign-up cannot fill.
func (l *loader) checkSignup(accounts *model.Accounts, value *node) {
	signup := value.get("signup")
	if accounts.Signup == model.SignupClosed || signup == nil {
		return
	}
	for _, field := range l.model.Table(usersTable).Fields {
		if !field.System && !field.Optional && field.Default == nil && field.Type != model.Invalid {
			l.fault(signup.pos, "a sign-up gives only an email and a name, but users needs %s: "+
				"add optional: true or a default to it (%s, line %d)", yamlName(field), field.Pos.File, field.Pos.Line)
		}
	}
}
