package load

func queuesSchema() schema {
	queue := group("A queue.", queueProperties())
	return orNull(schema{"type": "object", "propertyNames": ref("name"), "maxProperties": maxQueues, "additionalProperties": queue})
}

func rateSchema() schema { return schema{"type": "string", "pattern": rateShape.String()} }

func queueProperties() schema {
	return schema{
		"workers": described("How many of its jobs each node does at once. Default: 8.", integerFrom(1, maxWorkers)),
		"rate":    described("How many of its jobs start in a time, on all nodes together, such as 10/s. Default: no bound.", rateSchema()),
		"each":    group("Jobs of different tenants, customers or users take turns.", eachProperties(), "by"),
	}
}

func eachProperties() schema {
	return schema{
		"by":      described("The field or argument that tells them apart, such as tenant_id.", schema{"type": "string"}),
		"at_once": described("How many jobs of one of them are at work at once. Default: no bound.", integerFrom(1, maxWorkers)),
		"rate":    described("How many jobs of one of them start in a time. Default: no bound.", rateSchema()),
	}
}

func jobsSchema() schema {
	return orNull(schema{"type": "object", "propertyNames": ref("name"), "maxProperties": maxJobs, "additionalProperties": jobSchema()})
}

// jobSchema describes a job: one start, and one action.
func jobSchema() schema {
	job := group("Work that the server does besides answering requests.", jobProperties())
	job["oneOf"] = requireEach(actionKeys())
	starts := requireEach(startKeys())
	job["anyOf"] = append(starts, requireEach([]string{"args", "access"})...)
	exclusive := schema{}
	for _, key := range startKeys() {
		others := schema{}
		for _, other := range startKeys() {
			if other != key {
				others[other] = false
			}
		}
		others["args"] = false
		if key == "on" || key == "at" {
			others["access"] = false
		} else {
			others["when"] = false
		}
		if key == "on" {
			others["table"] = false
		}
		exclusive[key] = schema{"properties": others}
	}
	job["dependentSchemas"] = exclusive
	job["dependentRequired"] = schema{"at": []string{"table"}, "zone": []string{"cron"}, "missed": []string{"cron"}}
	return job
}

// requireEach returns a schema for each key that requires it.
func requireEach(keys []string) (all []schema) {
	for _, key := range keys {
		all = append(all, schema{"required": []string{key}})
	}
	return all
}

func jobProperties() schema {
	once := group("What makes two jobs the same.", onceProperties())
	access := group("Who may start the job with a request.", jobAccessProperties(), "enqueue")
	args := schema{"type": "object", "propertyNames": ref("name"), "minProperties": 1, "maxProperties": maxArgs, "additionalProperties": argSchema()}
	return schema{
		"on":       described("The writes that start the job, such as orders.update.", eventsSchema()),
		"when":     described("Only for these rows. In an update, old is the row before it.", ref("expression")),
		"cron":     described("When the job starts: minute, hour, day, month and weekday, or a name such as @daily.", schema{"type": "string", "maxLength": maxCron}),
		"zone":     described("The time zone of cron, such as Europe/Berlin or UTC.", schema{"type": "string"}),
		"missed":   described("What becomes of the starts while no server was up. Default: once.", schema{"enum": missedWords()}),
		"every":    described("The time between two starts, such as 1h.", ref("duration")),
		"table":    described("The table whose rows have timers (at), or whose rows change (delete, update).", ref("name")),
		"at":       described("The time of a row at which the job starts for it, such as due_at - duration('24h').", ref("expression")),
		"args":     described("What a request gives the job, by name.", args),
		"access":   access,
		"once":     described("A start adds no job while there is the same one.", schema{"anyOf": []schema{once, {"const": true}}}),
		"as":       described("As whom the job reads and writes rows.", callerSchema()),
		"queue":    described("One of queues. Default: default.", ref("name")),
		"at_most":  described("How long one attempt may take. Default: 1m.", ref("duration")),
		"tries":    described("How many attempts a job has. Default: 12.", integerFrom(1, maxTries)),
		"priority": described("Jobs with a higher one start first. Default: 5.", integerFrom(0, maxPriority)),
		"mail":     group("Sends a mail.", jobMailProperties(), "to"),
		"post":     group("Sends a signed HTTP request.", postProperties(), "url"),
		"delete":   described("Deletes the rows for which this holds.", ref("expression")),
		"update":   group("Changes rows.", setProperties(), setKeys()...),
		"work":     described("pull: workers lease the job over HTTP. go: a function of the program that embeds Ashlar.", schema{"enum": workWords()}),
	}
}

func eventsSchema() schema {
	event := schema{"type": "string", "pattern": `^[a-z][a-z0-9_]*\.(create|update|delete)$`}
	return schema{"anyOf": []schema{event, {"type": "array", "minItems": 1, "maxItems": maxTraced, "uniqueItems": true, "items": event}}}
}

// argSchema describes an argument: a field without the keys that only tables need.
func argSchema() schema {
	arg := fieldSchema()
	properties, needed := arg["properties"].(schema), arg["dependentSchemas"].(schema)
	kept, keptNeeds := schema{}, schema{}
	for _, key := range argKeys() {
		kept[key] = properties[key]
		if need, ok := needed[key]; ok {
			keptNeeds[key] = need
		}
	}
	arg["description"], arg["properties"], arg["dependentSchemas"] = "An argument. It needs type or ref.", kept, keptNeeds
	return arg
}

func jobAccessProperties() schema {
	return schema{"enqueue": described("Who may start the job, as a condition on auth, now and arg.", ref("expression"))}
}

func onceProperties() schema {
	return schema{
		"by":     described("The fields or arguments that are the same. Default: none, so there is one job of the name.", listUpTo(maxTraced, schema{"type": "string"})),
		"within": described("How long a job counts after its start, at most 30d. Default: while it waits or runs.", ref("duration")),
	}
}

func callerSchema() schema {
	of := group("A caller that the rules see.", callerProperties())
	of["oneOf"] = requireEach(callerKeys())
	return schema{"anyOf": []schema{{"const": systemWord}, of}}
}

func callerProperties() schema {
	roles := listUpTo(maxAccounts, ref("name"))
	roles["minItems"] = 1
	return schema{
		"roles": described("A service with these roles.", roles),
		"user":  described("The user to whom this field of the row or this argument refers, such as author_id.", schema{"type": "string"}),
	}
}

func jobMailProperties() schema {
	return schema{
		"to":       described("The path from the row to an address, such as customer.email, or a plain address.", schema{"type": "string"}),
		"template": described("The template in the folder of accounts.mail. Default: the name of the job.", schema{"type": "string", "pattern": templateShape.String(), "maxLength": maxName}),
		"send":     described("The fields that the template shows.", sendSchema()),
	}
}

func sendSchema() schema {
	send := listUpTo(maxSend, schema{"type": "string"})
	send["minItems"], send["uniqueItems"] = 1, true
	return send
}

func postProperties() schema {
	return schema{
		"url":     described("The https address, or where it is.", ref("setting")),
		"secret":  described("Signs the request: whsec_ and 24 to 64 bytes in base64.", ref("secret")),
		"send":    described("The fields of the row, or the arguments, that are sent besides the id.", sendSchema()),
		"headers": described("More headers, by name.", orNull(schema{"type": "object", "maxProperties": maxHeaders, "propertyNames": schema{"pattern": headerShape.String()}, "additionalProperties": ref("setting")})),
	}
}

func setProperties() schema {
	return schema{
		"where": described("The rows that change.", ref("expression")),
		"set": described("New values by field: constants or expressions about now.", schema{"type": "object", "minProperties": 1,
			"additionalProperties": schema{"type": []string{"string", "number", "boolean", "null"}}}),
	}
}

func webhooksSchema() schema {
	webhook := group("Tells others about writes.", webhookProperties(), "on", "to")
	webhook["dependentRequired"] = schema{"send": []string{"as"}, "as": []string{"send"}}
	return orNull(schema{"type": "object", "propertyNames": ref("name"), "maxProperties": maxWebhooks, "additionalProperties": webhook})
}

func webhookProperties() schema {
	return schema{
		"on":     described("The writes to tell, such as orders.create.", eventsSchema()),
		"when":   described("Only for these rows. In an update, old is the row before it.", ref("expression")),
		"send":   described("The fields that are sent besides the id.", sendSchema()),
		"as":     described("As whom the fields are read.", callerSchema()),
		"to":     described("A table whose rows are endpoints, or one https address, or where it is.", ref("setting")),
		"secret": described("Signs the messages to one address.", ref("secret")),
		"order":  described("Messages with one value of this field arrive in order.", schema{"type": "string"}),
	}
}

func listUpTo(most int, items schema) schema {
	return schema{"type": "array", "maxItems": most, "items": items}
}
