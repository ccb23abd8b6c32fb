package load

func backupProperties() schema {
	count := schema{"type": "integer", "minimum": 0, "maximum": maxKeep}
	keep := group("How many backups stay. Default: {days: 7, weeks: 4, months: 6}.", schema{
		"days":   described("The newest of each of so many days.", count),
		"weeks":  described("The newest of each of so many weeks.", count),
		"months": described("The newest of each of so many months.", count),
	})
	keep["minProperties"] = 1
	return schema{
		"to":        described("A folder from the root on, or s3://bucket/prefix, or where that is.", ref("setting")),
		"every":     described("The time between two backups, from 1h on. Default: 1d.", ref("duration")),
		"keep":      keep,
		"drill":     described("The time between two drills. false turns them off. Default: 7d.", schema{"anyOf": []schema{ref("duration"), {"type": "boolean"}}}),
		"lock_with": described("The public key of age that locks the backups, or where it is.", ref("setting")),
		"drill_key": described("Where the secret key of age is, so that drills can unlock a backup.", ref("secret")),
	}
}
