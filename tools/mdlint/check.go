package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxColumns   = 100
	maxParagraph = 100 // words
	maxSentence  = 35  // words
)

// A Finding is one place that is hard to read, with what to do.
type Finding struct {
	Line    int
	Message string
}

// Check returns what is hard to read in a Markdown text, in the order of its lines. Code blocks, headings and HTML comments
// are not checked. Cells of tables are checked for the length of their sentences only.
func Check(markdown string) []Finding {
	c := &checker{}
	for i, line := range strings.Split(markdown, "\n") {
		c.line(i+1, line)
	}
	c.endParagraph()
	slices.SortStableFunc(c.found, func(a, b Finding) int { return a.Line - b.Line })
	return c.found
}

// A checker goes through the lines of one text.
type checker struct {
	found     []Finding
	fence     string // the fence that ends the code block, or ""
	comment   bool   // inside an HTML comment
	list      bool   // inside a list, where indented lines are text
	blank     bool   // the line before was blank
	paragraph []string
	start     int // line of the paragraph's first line
}

var (
	fenceStart = regexp.MustCompile("^\\s*(```+|~~~+)")
	heading    = regexp.MustCompile(`^#{1,6}\s`)
	listItem   = regexp.MustCompile(`^\s*([-*+]|\d+[.)])\s+`)
	oneLink    = regexp.MustCompile(`^\s*([-*+>]\s+|\d+[.)]\s+)?(!?\[[^\]]*\]\(\S+\)[.,;:]?|<?https?://\S+>?|\[[^\]]+\]:\s+\S+)$`)
)

func (c *checker) line(number int, line string) {
	blank := strings.TrimSpace(line) == ""
	indented := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
	defer func() { c.blank = blank }()
	switch {
	case c.fence != "":
		if strings.HasPrefix(strings.TrimSpace(line), c.fence) {
			c.fence = ""
		}
		return
	case c.comment:
		c.comment = !strings.Contains(line, "-->")
		return
	case fenceStart.MatchString(line):
		c.endParagraph()
		c.fence = fenceStart.FindStringSubmatch(line)[1]
		return
	case strings.HasPrefix(strings.TrimSpace(line), "<!--"):
		c.endParagraph()
		c.comment = !strings.Contains(line, "-->")
		return
	case blank:
		c.endParagraph()
		return
	case indented && !c.list && len(c.paragraph) == 0: // indented code
		return
	case heading.MatchString(line):
		c.endParagraph()
		c.list = false
		return
	case strings.HasPrefix(strings.TrimSpace(line), "|"):
		c.endParagraph()
		c.row(number, line)
		return
	}
	c.prose(number, line)
}

// prose takes one line of a paragraph or of a list item.
func (c *checker) prose(number int, line string) {
	if n := utf8.RuneCountInString(line); n > maxColumns && !oneLink.MatchString(line) {
		c.add(number, "line of %d columns: wrap it at %d", n, maxColumns)
	}
	switch item := listItem.FindString(line); {
	case item != "":
		c.endParagraph()
		c.list = true
		line = line[len(item):]
	case c.blank && !strings.HasPrefix(line, " "):
		c.list = false
	}
	if len(c.paragraph) == 0 {
		c.start = number
	}
	c.paragraph = append(c.paragraph, strings.TrimPrefix(strings.TrimSpace(line), "> "))
}

// endParagraph checks the words and sentences of the lines that were gathered.
func (c *checker) endParagraph() {
	if len(c.paragraph) == 0 {
		return
	}
	all := 0
	for _, s := range sentences(strings.Join(c.paragraph, "\n")) {
		all += s.words
		c.sentence(c.start+s.line, s)
	}
	if all > maxParagraph {
		c.add(c.start, "paragraph of %d words: split it, one idea each, at most %d words", all, maxParagraph)
	}
	c.paragraph = nil
}

// row checks the sentences in the cells of a table's row.
func (c *checker) row(number int, line string) {
	for _, cell := range strings.Split(strings.ReplaceAll(line, `\|`, " "), "|") {
		for _, s := range sentences(cell) {
			c.sentence(number, s)
		}
	}
}

func (c *checker) sentence(line int, s sentence) {
	if s.words > maxSentence {
		c.add(line, "sentence of %d words (%s …): make two of it, at most %d words each", s.words, s.begin, maxSentence)
	}
}

func (c *checker) add(line int, format string, args ...any) {
	c.found = append(c.found, Finding{line, fmt.Sprintf(format, args...)})
}

// A sentence is what stands up to a full stop, an exclamation mark or a question mark.
type sentence struct {
	line  int // of its first word, counted from 0
	words int
	begin string // its first words
}

var (
	codeSpan = regexp.MustCompile("(?s)(``.+?``|`[^`]+`)")
	linkEnd  = regexp.MustCompile(`\]\([^)\s]*\)|\]\[[^\]]*\]`)
	markup   = regexp.MustCompile(`[*\[\]]+`)
)

// code stands for a code span, which counts as one word.
const code = "\u2060Code"

// sentences splits prose. A sentence ends where the next word begins with a capital letter, a digit or a quote.
func sentences(text string) []sentence {
	text = codeSpan.ReplaceAllStringFunc(text, func(span string) string { return code + strings.Repeat("\n", strings.Count(span, "\n")) })
	text = markup.ReplaceAllString(linkEnd.ReplaceAllString(text, ""), "")
	var all []sentence
	ended := true
	for number, line := range strings.Split(text, "\n") {
		for _, word := range strings.Fields(line) {
			if !strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
				continue // a dash or the like
			}
			if ended && (len(all) == 0 || begins(word)) {
				all = append(all, sentence{line: number})
			}
			s := &all[len(all)-1]
			if s.words++; s.words <= 4 {
				s.begin = strings.TrimSpace(s.begin + " " + strings.ReplaceAll(word, code, "`…`"))
			}
			ended = ends(word)
		}
	}
	return all
}

// begins tells whether a word can begin a sentence.
func begins(word string) bool {
	word = strings.TrimLeft(word, `"'“‘(`)
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.IsUpper(r) || unicode.IsDigit(r) || strings.HasPrefix(word, code)
}

// ends tells whether a word ends a sentence.
func ends(word string) bool {
	word = strings.TrimRight(word, `"'”’)`)
	return strings.HasSuffix(word, ".") && word != "e.g." && word != "i.e." && word != "vs." ||
		strings.HasSuffix(word, "!") || strings.HasSuffix(word, "?")
}
