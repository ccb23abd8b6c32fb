package load

import "github.com/ashlar-dev/ashlar/internal/model"

func accountProperties() schema {
	policy := group("The policy for new passwords.", passwordProperties())
	return schema{
		"url":       described("The public address of the app, such as https://app.example.com. Links in mails begin with it.", schema{"type": "string", "maxLength": maxAddress}),
		"signup":    described("Who may make an account. Default: closed.", schema{"enum": model.Signups()}),
		"verify":    described("When a new account must confirm its address. Default: before its first session.", schema{"enum": model.Verifies()}),
		"password":  described("The policy for new passwords. false turns passwords off.", schema{"anyOf": []schema{policy, {"type": "boolean"}}}),
		"passkeys":  orNull(group("Where passkeys work.", passkeyProperties(), "domain")),
		"totp":      described("One-time passwords of an authenticator app are a second factor. Default: true.", schema{"type": "boolean"}),
		"codes":     orNull(group("The one-time codes in mails.", codeProperties())),
		"sessions":  orNull(group("How long a user stays signed in.", sessionProperties())),
		"require":   described("Who must prove more.", orNull(some(group("A demand on some callers.", requireProperties(), requireKeys()...)))),
		"providers": described("Accounts elsewhere with which users sign in, by name.", orNull(providersSchema())),
		"issuers":   described("Issuers whose access tokens the server accepts.", orNull(some(group("An issuer of access tokens.", issuerProperties(), "issuer", "audience")))),
		"keys":      orNull(group("Bounds of API keys.", keyProperties())),
		"invite":    orNull(group("Who may invite, and to which roles.", inviteProperties(), "by")),
		"mail":      orNull(group("How mails look.", mailProperties())),
		"audit":     orNull(group("How long the audit log keeps its rows.", auditProperties())),
	}
}

func passwordProperties() schema {
	return schema{
		"min":   described("The least number of characters. Default: 8.", integerFrom(minPassword, maxPassword)),
		"words": described("Words of the app that are too easy to guess.", schema{"type": "array", "maxItems": maxWords, "items": textUpTo(maxWord)}),
	}
}

func passkeyProperties() schema {
	return schema{
		"domain":  described("The domain that passkeys belong to, such as example.com.", schema{"type": "string"}),
		"origins": described("The addresses of the pages that ask for a passkey.", schema{"type": "array", "maxItems": maxOrigins, "items": schema{"type": "string"}}),
	}
}

func codeProperties() schema {
	return schema{
		"length": described("The number of digits. Default: 8.", integerFrom(6, 10)),
		"valid":  described("How long a code is valid, at most 10m. Default: 10m.", ref("duration")),
		"tries":  described("How many wrong attempts a code survives. Default: 5.", integerFrom(1, 10)),
	}
}

func sessionProperties() schema {
	return schema{
		"access":    described("How long an access token is valid. Default: 10m.", ref("duration")),
		"idle":      described("A session ends when it is not used for so long. Default: 14d.", ref("duration")),
		"longest":   described("A session ends at this age. Default: 90d.", ref("duration")),
		"each_user": described("How many sessions a user may have. Default: 50.", integerFrom(1, 1000)),
	}
}

func requireProperties() schema {
	return schema{
		"when": described("The callers, as a condition on auth alone.", ref("expression")),
		"mfa":  described("They need a second factor.", schema{"const": true}),
	}
}

func auditProperties() schema {
	return schema{
		"keep": described("How long a row is kept, such as 400d. Default: for ever.", ref("duration")),
	}
}

func providersSchema() schema {
	known := schema{}
	for _, name := range model.Presets() {
		known[name] = providerSchema(name)
	}
	return schema{"type": "object", "propertyNames": ref("name"), "maxProperties": maxAccounts, "properties": known, "additionalProperties": providerSchema("")}
}

func providerSchema(name string) schema {
	all := schema{
		"issuer":        described("The address of the provider. Its tokens name it so in iss.", schema{"type": "string", "maxLength": maxAddress}),
		"client_id":     ref("setting"),
		"client_secret": ref("secret"),
		"team":          ref("setting"),
		"key_id":        ref("setting"),
		"key":           described("The private key in PEM.", ref("secret")),
		"tenant":        described("common, organizations, consumers, or the id or domain of one tenant.", schema{"type": "string", "pattern": tenantShape.String()}),
		"scopes":        described("What to ask for instead of the usual scopes.", some(schema{"type": "string", "pattern": `^\S+$`})),
		"roles":         ref("claims"),
	}
	properties, required := schema{}, []string{}
	for _, key := range providerKeys(name) {
		properties[key] = all[key]
		if key != "scopes" && key != "roles" {
			required = append(required, key)
		}
	}
	return group("An account elsewhere with which users sign in.", properties, required...)
}

func issuerProperties() schema {
	algorithms := schema{"type": "array", "minItems": 1, "items": schema{"enum": model.Algorithms()}}
	return schema{
		"issuer":     described("The address that its tokens have in iss.", schema{"type": "string", "maxLength": maxAddress}),
		"audience":   described("The name of this app in aud.", oneOrMore(schema{"type": "string", "minLength": 1})),
		"users":      described("known: accounts that are linked with the issuer's user. new: the first token makes an account. Default: known.", schema{"enum": model.AllIssuerUsers()}),
		"algorithms": described("The signatures to accept. Default: all that are safe.", algorithms),
		"mfa":        described("Values of the claim acr that stand for a second factor.", oneOrMore(schema{"type": "string", "minLength": 1})),
		"roles":      ref("claims"),
	}
}

func keyProperties() schema {
	operation := schema{"enum": operations()}
	scope := schema{"type": "object", "minProperties": 1, "additionalProperties": oneOrMore(operation),
		"properties": schema{jobsKey: schema{"anyOf": []schema{oneOrMore(operation), {"type": "array", "items": ref("name")}}}}}
	scopes := schema{"type": "object", "propertyNames": ref("name"), "maxProperties": maxAccounts, "additionalProperties": scope}
	return schema{
		"scopes":  described("What a key may do, by the name of the scope: operations by table.", orNull(scopes)),
		"longest": described("How long a key is valid at most. Default: 365d.", ref("duration")),
	}
}

func inviteProperties() schema {
	return schema{
		"by":    described("Who may invite, as a condition on auth alone.", ref("expression")),
		"roles": described("The roles that an invitation may give.", some(ref("name"))),
	}
}

func mailProperties() schema {
	return schema{
		"from":   described("The sender, such as Careers <no-reply@example.com>.", schema{"type": "string"}),
		"folder": described("The folder of the templates that replace the built-in ones.", schema{"type": "string", "minLength": 1, "maxLength": maxAddress}),
	}
}

func settingSchema() schema {
	return described("A text, or where it is: $NAME for an environment variable, file:/path for a file.", textUpTo(maxSetting))
}

func secretSchema() schema {
	return described("Where the secret is: $NAME for an environment variable, file:/path for a file.",
		schema{"type": "string", "maxLength": maxSetting, "pattern": `^(\$[A-Za-z_][A-Za-z0-9_]*|file:/.*)$`})
}

// claimRolesSchema describes the roles by the values of a claim, which may be any words.
func claimRolesSchema() schema {
	return schema{"description": "The roles that the values of a claim give.", "type": "object", "required": []string{"from"}, "minProperties": 2,
		"properties":           schema{"from": described("The name of the claim, such as groups.", schema{"type": "string", "minLength": 1})},
		"additionalProperties": oneOrMore(ref("name"))}
}

func integerFrom(least, most int) schema {
	return schema{"type": "integer", "minimum": least, "maximum": most}
}

func textUpTo(bytes int) schema {
	return schema{"type": "string", "minLength": 1, "maxLength": bytes}
}

// some describes a list of at most maxAccounts items.
func some(items schema) schema {
	return schema{"type": "array", "maxItems": maxAccounts, "items": items}
}

// oneOrMore describes one item or a list of them.
func oneOrMore(item schema) schema {
	return schema{"anyOf": []schema{item, {"type": "array", "minItems": 1, "maxItems": maxAccounts, "items": item}}}
}
