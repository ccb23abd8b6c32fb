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

// A Finding is one place that is hard to read. Its message says what to do.
type Finding struct {
	Line    int
	Message string
}

// Check checks a Markdown text and returns its findings in the order of the lines. It skips code blocks, headings and HTML
// comments. In the cells of a table, it checks only the length of sentences.
func Check(markdown string) []Finding {
	c := &checker{}
	for i, line := range strings.Split(markdown, "\n") {
		c.line(i+1, line)
	}
	c.endParagraph()
	slices.SortStableFunc(c.found, func(a, b Finding) int { return a.Line - b.Line })
	return c.found
}

// A checker checks one text, line by line.
type checker struct {
	found     []Finding
	fence     string // end of the current code block, or ""
	comment   bool   // inside an HTML comment
	list      bool   // inside a list; its indented lines are text
	blank     bool   // the previous line was blank
	paragraph []string
	start     int // number of the paragraph's first line
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
	case c.skips(line):
	case blank:
		c.endParagraph()
	case indented && !c.list && len(c.paragraph) == 0: // indented code
	case heading.MatchString(line):
		c.endParagraph()
		c.list = false
	case strings.HasPrefix(strings.TrimSpace(line), "|"):
		c.endParagraph()
		c.row(number, line)
	default:
		c.prose(number, line)
	}
}

// skips returns true for the lines of fenced code blocks and HTML comments.
func (c *checker) skips(line string) bool {
	switch {
	case c.fence != "":
		if strings.HasPrefix(strings.TrimSpace(line), c.fence) {
			c.fence = ""
		}
	case c.comment:
		c.comment = !strings.Contains(line, "-->")
	case fenceStart.MatchString(line):
		c.endParagraph()
		c.fence = fenceStart.FindStringSubmatch(line)[1]
	case strings.HasPrefix(strings.TrimSpace(line), "<!--"):
		c.endParagraph()
		c.comment = !strings.Contains(line, "-->")
	default:
		return false
	}
	return true
}

// prose takes one line of a paragraph or of a list item.
func (c *checker) prose(number int, line string) {
	if columns := utf8.RuneCountInString(line); columns > maxColumns && !oneLink.MatchString(line) {
		c.add(number, "line of %d columns: wrap it at %d", columns, maxColumns)
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

// endParagraph checks the words and sentences of the current paragraph, and ends it.
func (c *checker) endParagraph() {
	if len(c.paragraph) == 0 {
		return
	}
	all := 0
	for _, sentence := range sentences(strings.Join(c.paragraph, "\n")) {
		all += sentence.words
		c.sentence(c.start+sentence.line, sentence)
	}
	if all > maxParagraph {
		c.add(c.start, "paragraph of %d words: split it, one idea each, at most %d words", all, maxParagraph)
	}
	c.paragraph = nil
}

// row checks the sentences in the cells of a table's row.
func (c *checker) row(number int, line string) {
	for _, cell := range strings.Split(strings.ReplaceAll(line, `\|`, " "), "|") {
		for _, sentence := range sentences(cell) {
			c.sentence(number, sentence)
		}
	}
}

func (c *checker) sentence(line int, found sentence) {
	if found.words > maxSentence {
		c.add(line, "sentence of %d words (%s …): make two of it, at most %d words each", found.words, found.begin, maxSentence)
	}
}

func (c *checker) add(line int, format string, args ...any) {
	c.found = append(c.found, Finding{line, fmt.Sprintf(format, args...)})
}

// A sentence is one sentence of a text. It ends with a full stop, an exclamation mark or a question mark.
type sentence struct {
	line  int // line of its first word, counted from 0
	words int
	begin string // its first words
}

var (
	codeSpan = regexp.MustCompile("(?s)(``.+?``|`[^`]+`)")
	linkEnd  = regexp.MustCompile(`\]\([^)\s]*\)|\]\[[^\]]*\]`)
	markup   = regexp.MustCompile(`[*\[\]]+`)
)

// code replaces a code span and counts as one word.
const code = "\u2060Code"

// sentences splits prose. A sentence ends only if the next word begins with a capital letter, a digit or a quote.
func sentences(text string) []sentence {
	text = codeSpan.ReplaceAllStringFunc(text, func(span string) string { return code + strings.Repeat("\n", strings.Count(span, "\n")) })
	text = markup.ReplaceAllString(linkEnd.ReplaceAllString(text, ""), "")
	var all []sentence
	ended := true
	for number, line := range strings.Split(text, "\n") {
		for _, word := range strings.Fields(line) {
			if !strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
				continue // a dash
			}
			if ended && (len(all) == 0 || begins(word)) {
				all = append(all, sentence{line: number})
			}
			current := &all[len(all)-1]
			if current.words++; current.words <= 4 {
				current.begin = strings.TrimSpace(current.begin + " " + strings.ReplaceAll(word, code, "`…`"))
			}
			ended = ends(word)
		}
	}
	return all
}

// begins returns true if a word can begin a sentence.
func begins(word string) bool {
	word = strings.TrimLeft(word, `"'“‘(`)
	first, _ := utf8.DecodeRuneInString(word)
	return unicode.IsUpper(first) || unicode.IsDigit(first) || strings.HasPrefix(word, code)
}

// ends returns true if a word ends a sentence.
func ends(word string) bool {
	word = strings.TrimRight(word, `"'”’)`)
	if word == "e.g." || word == "i.e." || word == "vs." {
		return false
	}
	return strings.HasSuffix(word, ".") || strings.HasSuffix(word, "!") || strings.HasSuffix(word, "?")
}
