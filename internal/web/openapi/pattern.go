package openapi

import "strings"

// portable translates a regular expression from RE2 to ECMA-262, the syntax in JSON Schema. ok is false if a
// replacement of tokens is not enough.
func portable(re2 string) (ecma string, ok bool) {
	p := &porter{in: re2}
	for p.in != "" {
		if !p.token() {
			return "", false
		}
	}
	return p.out.String(), true
}

type porter struct {
	in    string
	out   strings.Builder
	class bool // inside brackets
}

// take reads n bytes and writes their replacement.
func (p *porter) take(n int, as string) bool {
	p.in = p.in[n:]
	p.out.WriteString(as)
	return true
}

func (p *porter) token() bool {
	switch c := p.in[0]; {
	case c == '\\':
		return p.escape()
	case p.class:
		return p.inClass(c)
	case c == '.':
		return p.take(1, `[^\n]`) // in ECMA-262 a point is no U+2028 either
	case c == '[':
		return p.open()
	case c == '(':
		return p.group()
	case c == '{':
		return p.repeat()
	case c == ']' || c == '}':
		return p.take(1, `\`+string(c))
	default:
		return p.take(1, p.in[:1]) // bytes of a longer character are moved one by one
	}
}

func (p *porter) inClass(c byte) bool {
	switch {
	case strings.HasPrefix(p.in, "[:"):
		return false
	case c == '[':
		return p.take(1, `\[`)
	case c == ']':
		p.class = false
	}
	p.out.WriteByte(c)
	p.in = p.in[1:]
	return true
}

// open begins a class. A closing bracket in first position is literal in RE2, but ends the class in ECMA-262.
func (p *porter) open() bool {
	begin := "["
	if strings.HasPrefix(p.in, "[^") {
		begin = "[^"
	}
	if strings.HasPrefix(p.in[len(begin):], "]") {
		return false
	}
	p.class = true
	return p.take(len(begin), begin)
}

func (p *porter) group() bool {
	switch {
	case strings.HasPrefix(p.in, "(?:"):
		return p.take(3, "(?:")
	case strings.HasPrefix(p.in, "(?"):
		return false // flags, and names of groups
	default:
		return p.take(1, "(")
	}
}

// repeat reads a counted repetition, or a brace that RE2 takes literally.
func (p *porter) repeat() bool {
	end := strings.IndexByte(p.in, '}')
	if end < 0 {
		return p.take(1, `\{`)
	}
	low, high, _ := strings.Cut(p.in[1:end], ",")
	if !digits(low) || (high != "" && !digits(high)) {
		return p.take(1, `\{`)
	}
	return p.take(end+1, p.in[:end+1])
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

func (p *porter) escape() bool {
	if len(p.in) < 2 {
		return false
	}
	const blanks = `\t\n\f\r ` // in ECMA-262 \s is every blank of Unicode
	switch c := p.in[1]; {
	case c == 's' && p.class:
		return p.take(2, blanks)
	case c == 's':
		return p.take(2, "["+blanks+"]")
	case c == 'S' && !p.class:
		return p.take(2, "[^"+blanks+"]")
	case c == 'A' && !p.class:
		return p.take(2, "^")
	case c == 'z' && !p.class:
		return p.take(2, "$")
	case strings.IndexByte("dDwWntrfv", c) >= 0, strings.IndexByte("bB", c) >= 0 && !p.class:
		return p.take(2, p.in[:2])
	case c == 'x' && len(p.in) >= 4 && p.in[2] != '{':
		return p.take(4, p.in[:4])
	case strings.IndexByte(`^$\.*+?()[]{}|/`, c) >= 0, c == '-' && p.class:
		return p.take(2, p.in[:2])
	case c < 0x80 && strings.IndexByte(`-!"#%&',:;<=>@_~`+"`", c) >= 0:
		return p.take(2, string(c)) // ECMA-262 escapes no more than it must
	}
	return false
}
