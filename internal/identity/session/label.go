package session

import "strings"

// maxAgent bounds the bytes of a User-Agent header that Label reads.
const maxAgent = 512

// maxProduct bounds the bytes of a program's name that Label takes from the header.
const maxProduct = 24

// name is a word of a User-Agent header and what people call it.
type name struct{ word, label string }

// browsers is in the order of search, since most browsers name older ones too.
func browsers() []name {
	return []name{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "Yandex Browser"}, {"DuckDuckGo/", "DuckDuckGo"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	}
}

// systems is in the order of search: headers of Android name Linux too, and headers of an iPhone name Mac OS X.
func systems() []name {
	return []name{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
		{"Macintosh", "macOS"}, {"Mac OS X", "macOS"}, {"FreeBSD", "FreeBSD"}, {"Linux", "Linux"},
	}
}

// Label returns a short description of a device from a User-Agent header: "Firefox on Linux". People use it to tell their
// sessions apart. It holds only letters, digits, spaces and "._-", and has at most 60 bytes.
func Label(userAgent string) string {
	agent := userAgent[:min(len(userAgent), maxAgent)]
	program, system := find(agent, browsers()), find(agent, systems())
	if program == "" {
		program = product(agent)
	}
	switch {
	case program == "" && system == "":
		return "Unknown device"
	case program == "":
		return system
	case system == "":
		return program
	}
	return program + " on " + system
}

func find(agent string, names []name) string {
	for _, n := range names {
		if strings.Contains(agent, n.word) {
			return n.label
		}
	}
	return ""
}

// product returns the name of the program that the header begins with, or "". Every browser begins with Mozilla.
func product(agent string) string {
	end := 0
	for end < min(len(agent), maxProduct) && isPlain(agent[end]) {
		end++
	}
	if agent[:end] == "Mozilla" {
		return ""
	}
	return agent[:end]
}

func isPlain(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		return true
	}
	return false
}
