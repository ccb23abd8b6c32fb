package load

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// providerKeys returns the keys of a provider by its name. One that Ashlar does not know has the name "".
func providerKeys(name string) []string {
	switch name {
	case "":
		return []string{"issuer", "client_id", "client_secret", "scopes", "roles"}
	case "apple":
		return []string{"client_id", "team", "key_id", "key", "scopes", "roles"}
	case "microsoft":
		return []string{"client_id", "client_secret", "tenant", "scopes", "roles"}
	case "github": // speaks OAuth 2 without claims
		return []string{"client_id", "client_secret", "scopes"}
	}
	return []string{"client_id", "client_secret", "scopes", "roles"}
}

func issuerKeys() []string {
	return []string{"issuer", "audience", "users", "algorithms", "mfa", "roles"}
}

func (l *loader) readProviders(accounts *model.Accounts, value *node) {
	if !l.isObject(value, "providers") {
		return
	}
	if len(value.members) > maxAccounts {
		l.fault(value.pos, "there are %d providers, but at most %d are allowed", len(value.members), maxAccounts)
		return
	}
	for _, declared := range value.members {
		l.hideSecrets(declared.value)
	}
	for _, declared := range value.members {
		if l.checkName(declared.pos, "provider", declared.name) && l.isObject(declared.value, "a provider") {
			l.readProvider(accounts, declared)
		}
	}
}

func (l *loader) readProvider(accounts *model.Accounts, declared member) {
	provider := model.Provider{Name: declared.name, Preset: slices.Contains(model.Presets(), declared.name)}
	kind := ""
	if provider.Preset {
		kind = provider.Name
	}
	what, keys := "the provider "+provider.Name, providerKeys(kind)
	for _, key := range l.knownOfProvider(declared, kind) {
		l.readProviderKey(&provider, key)
	}
	needed := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == "scopes" || key == "roles" })
	if !l.require(declared.value, declared.pos, what, needed...) {
		return
	}
	same := func(other model.Provider) bool {
		return provider.Issuer != "" && provider.Issuer == other.Issuer && provider.ClientID.Source == other.ClientID.Source &&
			provider.ClientID.Value == other.ClientID.Value
	}
	if i := slices.IndexFunc(accounts.Providers, same); i >= 0 {
		l.fault(declared.pos, "the provider %s has the issuer and client_id of %s: remove one of the two", provider.Name, accounts.Providers[i].Name)
		return
	}
	accounts.Providers = append(accounts.Providers, provider)
}

// knownOfProvider is known for a provider. It explains the keys that only other providers have.
func (l *loader) knownOfProvider(declared member, kind string) []member {
	what, keys := "the provider "+declared.name, providerKeys(kind)
	rest := &node{members: slices.Clone(declared.value.members)}
	advise := func(name, format string, args ...any) {
		at := slices.IndexFunc(rest.members, func(key member) bool { return key.name == name })
		if at >= 0 && !slices.Contains(keys, name) {
			l.fault(rest.members[at].pos, format, args...)
			rest.members = slices.Delete(rest.members, at, at+1)
			declared.value.incomplete = true
		}
	}
	advise("issuer", "%s has an issuer of its own: remove issuer, or give the provider another name", declared.name)
	advise("client_secret", "apple has no client_secret: it takes team, key_id and key, and the server signs with the key")
	advise("roles", "github has no claims to give roles by: remove roles")
	known := l.known(rest, what, keys)
	declared.value.incomplete = declared.value.incomplete || rest.incomplete
	return known
}

func (l *loader) readProviderKey(provider *model.Provider, key member) {
	switch key.name {
	case "issuer":
		provider.Issuer = l.readAddress(key.value, "issuer", issuerURL)
	case "client_id":
		provider.ClientID = l.readSetting(key)
	case "client_secret":
		provider.ClientSecret = l.readSecret(key)
	case "team":
		provider.Team = l.readSetting(key)
	case "key_id":
		provider.KeyID = l.readSetting(key)
	case "key":
		provider.Key = l.readSecret(key)
	case "tenant":
		provider.Tenant = l.readTenant(key.value)
	case "scopes":
		for _, item := range l.readSome(key.value, "scopes", maxAccounts) {
			scope, ok := l.readText(item, "a scope")
			if ok && (scope == "" || strings.ContainsAny(scope, " \t\r\n")) {
				l.fault(item.pos, "a scope has no spaces: write [openid, email] for two of them")
				continue
			}
			if ok {
				provider.Scopes = l.appendOnce(provider.Scopes, scope, item, "the scope")
			}
		}
	case "roles":
		provider.Roles = l.readClaimRoles(key)
	}
}

var tenantShape = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$`)

func (l *loader) readTenant(value *node) string {
	tenant, ok := l.readText(value, "tenant")
	if ok && !tenantShape.MatchString(tenant) {
		l.fault(value.pos, "tenant cannot be %s: write common, organizations, consumers, or the id or domain of one tenant", quote(tenant))
		return ""
	}
	return tenant
}

var variableShape = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)

// maxSetting is the largest length of a setting in the model file, in bytes.
const maxSetting = 2000

func isReference(source string) bool {
	return strings.HasPrefix(source, "$") || strings.HasPrefix(source, "file:")
}

// readSetting reads a text, or where it is.
func (l *loader) readSetting(key member) model.Setting {
	source, ok := l.readText(key.value, key.name)
	setting := model.Setting{Pos: key.value.pos}
	path, isFile := strings.CutPrefix(source, "file:")
	switch {
	case !ok:
	case source == "" || len(source) > maxSetting:
		l.fault(key.value.pos, "%s must have 1 to %d bytes", key.name, maxSetting)
	case isFile && !strings.HasPrefix(path, "/"):
		l.fault(key.value.pos, "%s must name its file from the root on, such as file:/run/secrets/%s", key.name, key.name)
	case strings.HasPrefix(source, "$") && !variableShape.MatchString(source):
		l.fault(key.value.pos, "%s cannot be %s: the name of an environment variable has letters, digits and _, such as $%s",
			key.name, quote(source), strings.ToUpper(key.name))
	case isReference(source):
		setting.Source = source
	default:
		setting.Value = telemetry.Secret(source)
	}
	return setting
}

// readSecret is readSetting for a text that must not be in the model file.
func (l *loader) readSecret(key member) model.Setting {
	if !isOpenSecret(key.value) {
		return l.readSetting(key)
	}
	l.fault(key.value.pos, "%s must not be in the model file: write the name of an environment variable, such as $%s, or of a file, such as file:/run/secrets/%s",
		key.name, strings.ToUpper(key.name), key.name)
	return model.Setting{Pos: key.value.pos}
}

// isOpenSecret reports whether a node has a secret itself, and not the place of it.
func isOpenSecret(value *node) bool {
	return value.kind != invalid && value.kind != null && (value.kind != text || !isReference(value.text))
}

// hideSecrets covers the secrets of a provider or a webhook in the lines of the model, so that no fault shows them.
func (l *loader) hideSecrets(group *node) {
	for _, key := range group.members {
		if key.name == "client_secret" || key.name == "key" || key.name == "secret" {
			l.hide(key.value)
		}
	}
}

// hide covers the rest of the line of a secret, unless the value only says where the secret is.
func (l *loader) hide(value *node) {
	if !isOpenSecret(value) {
		return
	}
	lines, at := l.model.Lines[value.pos.File], value.pos
	line := []rune(lines[at.Line-1])
	for i := min(at.Col-1, len(line)); i < len(line); i++ {
		line[i] = '*'
	}
	lines[at.Line-1] = string(line)
}

// readClaimRoles reads which roles the values of a claim give.
func (l *loader) readClaimRoles(roles member) *model.ClaimRoles {
	if !l.isObject(roles.value, "roles") {
		return nil
	}
	result := &model.ClaimRoles{Roles: make(map[string][]string)}
	for _, key := range roles.value.members {
		if key.name == "from" {
			result.From, _ = l.readText(key.value, "from")
			if key.value.kind == text && result.From == "" {
				l.fault(key.value.pos, "from must be the name of a claim, such as groups")
			}
			continue
		}
		items := []*node{key.value}
		if key.value.kind == list {
			items = l.readSome(key.value, "the roles of "+quote(key.name), maxAccounts)
		}
		for _, item := range items {
			if role, ok := l.readRole(item); ok {
				result.Roles[key.name] = l.appendOnce(result.Roles[key.name], role, item, "the role")
			}
		}
	}
	if !l.require(roles.value, roles.pos, "roles", "from") || result.From == "" {
		return nil
	}
	if len(result.Roles) == 0 && len(roles.value.members) == 1 {
		l.fault(roles.pos, "roles names a claim, but no value of it: add one with the role that it gives, such as {from: %s, staff: editor}", result.From)
	}
	return result
}

func (l *loader) readIssuers(accounts *model.Accounts, value *node) {
	for _, item := range l.readSome(value, "issuers", maxAccounts) {
		if !l.isObject(item, "an issuer") {
			continue
		}
		issuer := model.Issuer{Algorithms: model.Algorithms()}
		for _, key := range l.known(item, "an issuer", issuerKeys()) {
			switch key.name {
			case "issuer":
				issuer.Issuer = l.readAddress(key.value, "issuer", issuerURL)
			case "audience":
				issuer.Audience = l.readClaimValues(key.value, "audience", "the audience", "audience must be the name that tokens for this app have in aud")
			case "algorithms":
				issuer.Algorithms = l.readAlgorithms(key.value)
			case "users":
				i, _ := l.readChoice(key.value, "users", model.AllIssuerUsers())
				issuer.Users = model.IssuerUsers(max(i, 0))
			case "mfa":
				issuer.MFA = l.readClaimValues(key.value, "mfa", "the value", "mfa must be what the claim acr has after a second factor, such as gold")
			case "roles":
				issuer.Roles = l.readClaimRoles(key)
			}
		}
		if l.require(item, item.pos, "an issuer", "issuer", "audience") {
			l.addIssuer(accounts, issuer, item)
		}
	}
}

func (l *loader) addIssuer(accounts *model.Accounts, issuer model.Issuer, at *node) {
	same := func(other model.Issuer) bool { return issuer.Issuer != "" && issuer.Issuer == other.Issuer }
	if slices.ContainsFunc(accounts.Issuers, same) {
		l.fault(at.pos, "the issuer %s is repeated: give one item all its audiences, such as audience: [a, b]", quote(issuer.Issuer))
		return
	}
	if users := at.get("users"); users != nil && issuer.Users == model.UsersNew && accounts.Signup == model.SignupClosed {
		l.fault(users.pos, "users: new makes accounts, but signup is closed: add signup: open or signup: invite, or write users: known")
		return
	}
	accounts.Issuers = append(accounts.Issuers, issuer)
}

// readClaimValues reads one text or a list of texts, without repeats. missing says what an empty one must be.
func (l *loader) readClaimValues(value *node, key, what, missing string) []string {
	items := []*node{value}
	if value.kind == list {
		if items = l.readSome(value, key, maxAccounts); len(items) == 0 {
			l.fault(value.pos, "%s", missing)
		}
	}
	var words []string
	for _, item := range items {
		word, ok := l.readText(item, key)
		switch {
		case !ok:
		case word == "":
			l.fault(item.pos, "%s", missing)
		default:
			words = l.appendOnce(words, word, item, what)
		}
	}
	return words
}

func (l *loader) readAlgorithms(value *node) []string {
	var algorithms []string
	items := l.readSome(value, "algorithms", maxAccounts)
	for _, item := range items {
		if strings.HasPrefix(item.text, "HS") {
			l.fault(item.pos, "%s signs with a secret that both sides know: let the issuer sign with a private key, as with ES256", quote(item.text))
			continue
		}
		if i, ok := l.readChoice(item, "an algorithm", model.Algorithms()); ok {
			algorithms = l.appendOnce(algorithms, model.Algorithms()[i], item, "the algorithm")
		}
	}
	if value.kind == list && len(items) == 0 {
		l.fault(value.pos, "algorithms is empty: remove it to accept %s", sentence(model.Algorithms()))
	}
	return algorithms
}
