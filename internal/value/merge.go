package value

import (
	"github.com/go-json-experiment/json/jsontext"
)

// MergeJSON applies a JSON merge patch (RFC 7396) to a stored JSON value; old is "" where there is none. Members keep
// their order, new ones come last; null removes a member. Both texts are valid and compact, and so is the result, ""
// where the patch is null.
func MergeJSON(old, patch string) string {
	switch {
	case patch == "null":
		return ""
	case patch[0] != '{':
		return patch
	}
	var target []Member
	if old != "" && old[0] == '{' {
		target = membersOf(old)
	}
	for _, m := range membersOf(patch) {
		target = mergeMember(target, m)
	}
	dst := []byte{'{'}
	for i, m := range target {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, []byte(m.Name))
		dst = append(append(dst, ':'), m.Raw...)
	}
	return string(append(dst, '}'))
}

func mergeMember(target []Member, m Member) []Member {
	at := -1
	for i := range target {
		if target[i].Name == m.Name {
			at = i
		}
	}
	was := ""
	if at >= 0 {
		was = string(target[at].Raw)
	}
	merged := MergeJSON(was, string(m.Raw))
	switch {
	case merged == "" && at < 0:
		return target
	case merged == "":
		return append(target[:at], target[at+1:]...)
	case at < 0:
		return append(target, Member{Name: m.Name, Raw: jsontext.Value(merged)})
	}
	target[at].Raw = jsontext.Value(merged)
	return target
}

// membersOf are the members of an object that is known to be valid.
func membersOf(object string) []Member {
	members, err := DecodeObject([]byte(object))
	if err != nil {
		panic("value: a stored JSON object does not parse: " + err.Error())
	}
	return members
}
