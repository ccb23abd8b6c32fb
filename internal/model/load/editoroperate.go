package load

func operateProperties() schema {
	return schema{
		"slos": described("Service level objectives by name. api is there by default: available 99.9, and 99 % of the answers below 300ms.",
			orNull(schema{"type": "object", "propertyNames": ref("name"), "maxProperties": maxSLOs, "additionalProperties": sloSchema()})),
		"alerts": orNull(group("Where alerts go.", alertsProperties())),
		"probe":  described("A request that an idle server makes to itself. false turns it off.", schema{"anyOf": []schema{group("When and what.", probeProperties()), {"type": []string{"boolean", "null"}}}}),
		"logs":   orNull(group("Which records are kept.", logProperties())),
		"costs":  orNull(group("Prices, in any currency.", costProperties())),
	}
}

func sloSchema() schema {
	slo := group("An objective for the requests of some routes or tables, or of the whole API, or for backups.", sloProperties())
	slo["anyOf"] = []schema{{"required": []string{"available"}}, {"required": []string{"fast"}}, {"required": []string{restorePointKey}}}
	return slo
}

func sloProperties() schema {
	names := schema{"type": "array", "minItems": 1, "maxItems": maxTraced, "uniqueItems": true}
	routes, tables := schema{"items": schema{"type": "string"}}, schema{"items": ref("name")}
	for key, part := range names {
		routes[key], tables[key] = part, part
	}
	return schema{
		"routes":        described("Routes such as POST /api/orders.", routes),
		"tables":        described("Tables and views.", tables),
		"available":     described("The share of requests that the server must not fail, in percent.", percentSchema()),
		"fast":          group("The share of answers that must be quick.", fastProperties(), fastKeys()...),
		restorePointKey: described("The oldest that the newest restorable moment may be. It must be longer than every under backups, and stand alone.", ref("duration")),
	}
}

func percentSchema() schema {
	return schema{"type": "number", "exclusiveMinimum": 0, "maximum": maxPercent}
}

func fastProperties() schema {
	return schema{
		"share": described("In percent.", percentSchema()),
		"below": described("The longest time of a quick answer, such as 300ms.", shortDurationSchema()),
	}
}

func shortDurationSchema() schema {
	return schema{"type": "string", "pattern": shortDurationShape.String()}
}

func alertsProperties() schema {
	target := group("A mail address, a webhook or an Alertmanager.", targetProperties())
	target["oneOf"] = []schema{{"required": []string{"mail"}}, {"required": []string{"webhook"}}, {"required": []string{"alertmanager"}}}
	target["dependentRequired"] = schema{"secret": []string{"webhook"}}
	return schema{"to": described("The targets. Each gets every alert.", schema{"type": "array", "maxItems": maxAlerts, "items": target})}
}

func targetProperties() schema {
	return schema{
		"mail":         described("An address such as ops@example.com.", schema{"type": "string", "maxLength": maxEmail}),
		"webhook":      described("The URL of a webhook, or where it is.", ref("setting")),
		"secret":       described("Signs the webhook: whsec_ and 24 to 64 bytes in base64.", ref("secret")),
		"alertmanager": described("The base URL of an Alertmanager, or where it is.", ref("setting")),
	}
}

func probeProperties() schema {
	return schema{
		"every": described("The time between two requests. Default: 1m.", ref("duration")),
		"path":  described("The path to ask for. Default: chosen by the server.", schema{"type": "string", "pattern": "^/"}),
	}
}

func logProperties() schema {
	return schema{
		"keep":   described("How long records are kept. Default: 7d.", ref("duration")),
		"slow":   described("A statement that takes longer is logged with its plan. Default: 200ms.", shortDurationSchema()),
		"sample": described("The share of healthy and quick records that are kept, and of their lines in the log. Default: 0.1, and every line.", schema{"type": "number", "minimum": minSample, "maximum": 1}),
	}
}

func costProperties() schema {
	price := schema{"type": "number", "minimum": 0, "maximum": maxPrice}
	return schema{
		"cpu_hour": described("An hour of one core. Default: 0.04.", price),
		"gb_out":   described("A gigabyte sent to clients. Default: 0.09.", price),
		"gb_month": described("A gigabyte stored for a month. Default: 0.02.", price),
	}
}
