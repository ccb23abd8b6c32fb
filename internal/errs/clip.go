package errs

// Clip returns at most that many characters of s, with an ellipsis if it left any out. Messages repeat what a client or a
// model says, and must stay short.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := range s {
		if most == 0 {
			return s[:i] + "…"
		}
		most--
	}
	return s
}
