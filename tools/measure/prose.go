package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWords is the length of a sentence in a comment, in words.
const maxWords = 35

// subordinators are the words that begin a relative clause or an indirect question. Each occurrence counts, whatever the word
// does in its sentence. Words of condition and time (if, when, unless, until) do not count: contracts need them.
var subordinators = wordSet(`which that what whose who whom where as whether how why
	whoever whatever whichever wherever whenever`)

var (
	thoseOf  = regexp.MustCompile(`(?i)\b(those\s+(//\s*)?that|that\s+(//\s*)?of|of\s+(//\s*)?those|those\s+(//\s*)?of)\b`)
	codeSpan = regexp.MustCompile("`[^`]+`")
	listItem = regexp.MustCompile(`^\s*([-*•]|\d+[.)])\s+`)
)

// A sentence is one sentence of a comment.
type sentence struct {
	pos   token.Pos // the comment's
	words []string
}

// clauses counts the subordinators of a sentence.
func (s sentence) clauses() int {
	count := 0
	for _, word := range s.words {
		word = strings.TrimFunc(strings.ToLower(word), func(r rune) bool { return !unicode.IsLetter(r) })
		if subordinators[word] {
			count++
		}
	}
	return count
}

// sentences returns the sentences of a comment, without directives, indented code and the output of an Example. A code span
// is one word.
func sentences(group *ast.CommentGroup) []sentence {
	var all []sentence
	var paragraph []string
	end := func() {
		text := codeSpan.ReplaceAllString(strings.Join(paragraph, " "), "Code")
		for _, words := range splitSentences(strings.Fields(text)) {
			all = append(all, sentence{pos: group.Pos(), words: words})
		}
		paragraph = nil
	}
	for line := range strings.SplitSeq(group.Text(), "\n") {
		if line == "Output:" || line == "Unordered output:" {
			break // what an Example prints
		}
		item := listItem.FindString(line)
		switch {
		case item != "":
			end()
			paragraph = append(paragraph, line[len(item):])
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, "\t"), strings.HasPrefix(line, "    ") && len(paragraph) == 0:
			end()
		default:
			paragraph = append(paragraph, strings.TrimPrefix(line, "# "))
		}
	}
	end()
	return all
}

// splitSentences splits the words of a paragraph. A sentence ends at a full stop, a question mark or an exclamation mark
// before a word that begins with a capital letter, a digit or a quote.
func splitSentences(words []string) [][]string {
	var all [][]string
	ended := true
	for _, word := range words {
		if !strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			continue // a dash
		}
		if ended && (len(all) == 0 || begins(word)) {
			all = append(all, nil)
		}
		last := len(all) - 1
		all[last] = append(all[last], word)
		ended = ends(word)
	}
	return all
}

// begins says whether a word can begin a sentence.
func begins(word string) bool {
	bare := strings.TrimLeft(word, `"'“‘([`)
	first, _ := utf8.DecodeRuneInString(bare)
	return unicode.IsUpper(first) || unicode.IsDigit(first) || bare != word
}

// ends says whether a word ends a sentence.
func ends(word string) bool {
	word = strings.TrimRight(word, `"'”’)]`)
	if word == "e.g." || word == "i.e." || word == "vs." {
		return false
	}
	return strings.HasSuffix(word, ".") || strings.HasSuffix(word, "!") || strings.HasSuffix(word, "?")
}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}
