package load

func limitsSchema() schema {
	limits := schema{
		"type": "object", "propertyNames": ref("name"), "maxProperties": maxLimits,
		"properties": schema{
			addressLimit: orOff(described("Every request, for each address. Default: 300/10s.", limitSchema(fixedLimitProperties()))),
			callerLimit:  orOff(described("Every request, for each caller. Default: 1000/10s, and 16 in flight.", limitSchema(fixedLimitProperties()))),
			queryLimit:   orNull(group("What one query may cost.", queryLimitProperties())),
		},
		"additionalProperties": described("A limit for the requests to some tables or routes, or for some keys.", limitSchema(limitProperties())),
	}
	return orOff(limits)
}

// orOff allows a value, nothing, or false.
func orOff(s schema) schema {
	return schema{"anyOf": []schema{s, {"type": "null"}, {"enum": []any{false, "off"}}}}
}

func limitSchema(properties schema) schema {
	limit := group("A limit.", properties)
	limit["anyOf"] = []schema{{"required": []string{"rate"}}, {"required": []string{"in_flight"}}}
	limit["dependentRequired"] = schema{"burst": []string{"rate"}}
	if properties["routes"] != nil {
		limit["dependentSchemas"] = schema{
			"write":      schema{"properties": schema{"operations": false, "routes": false}},
			"operations": schema{"properties": schema{"routes": false}},
		}
	}
	return limit
}

func limitProperties() schema {
	names := schema{"type": "array", "minItems": 1, "maxItems": maxTraced, "uniqueItems": true}
	routes, tables := schema{"items": schema{"type": "string"}}, schema{"items": ref("name")}
	for key, part := range names {
		routes[key], tables[key] = part, part
	}
	operation := schema{"enum": limitOperations()}
	properties := fixedLimitProperties()
	properties["tables"] = described("Tables and views.", tables)
	properties["routes"] = described("Routes such as POST /auth/sign-up.", routes)
	properties["operations"] = described("What the requests do with rows. Default: anything.", schema{"anyOf": []schema{operation,
		{"type": "array", "minItems": 1, "uniqueItems": true, "items": operation}}})
	properties["write"] = described("Short for operations: [create, update, delete].", schema{"const": true})
	properties["key"] = described("One of accounts.keys.scopes: only keys with it count.", ref("name"))
	properties["per"] = described("What is counted separately. Default: caller, or key beside the key `key`.", schema{"enum": limitUnits()})
	return properties
}

func fixedLimitProperties() schema {
	rate := schema{"type": "string", "pattern": rateShape.String()}
	return schema{
		"rate": described("A count and a length of time, such as 300/10s, or several of them.", schema{"anyOf": []schema{rate,
			{"type": "array", "minItems": 1, "maxItems": maxRates, "uniqueItems": true, "items": rate}}}),
		"burst":     described("How many requests may come at once. Default: the count of the first rate.", integerFrom(1, maxCount)),
		"in_flight": described("How many requests may be at work at once.", integerFrom(1, maxInFlight)),
	}
}

func queryLimitProperties() schema {
	return schema{
		"rows":   described("The rows that a plan may touch. Default: no bound.", integerFrom(1, maxPlanRows)),
		"time":   described("The longest time of a statement. Default: 5s.", shortDurationSchema()),
		"except": described("Scopes of keys that query does not bind.", schema{"type": "array", "maxItems": maxAccounts, "uniqueItems": true, "items": ref("name")}),
	}
}

func cacheProperties() schema {
	return schema{
		"public": described("How long proxies and browsers may keep answers that are the same for everybody. Default: not at all.", ref("duration")),
		"stale":  described("How long a node may reuse an answer without asking the database whether rows changed, at most 1h. Default: not at all.", shortDurationSchema()),
	}
}
