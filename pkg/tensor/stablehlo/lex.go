package stablehlo

import (
	"fmt"
	"strings"
)

// tokenKind is what a token is; punctuation is its own text.
type tokenKind uint8

const (
	endToken    tokenKind = iota
	identToken            // stablehlo.add, dim, true
	numberToken           // 12, -1.5e+00, 0x7FF8
	stringToken           // the text between the quotes, escapes resolved
	valueToken            // %0, %0#1, with the sign
	symbolToken           // @main, without the sign
	typeToken             // what stands within tensor<…>
	punctToken
)

type token struct {
	kind tokenKind
	text string
	line int
}

// problem is what is wrong with a text; reading it panics with one, and Parse returns it.
type problem struct {
	line int
	msg  string
}

func (p *problem) Error() string { return fmt.Sprintf("stablehlo: line %d: %s", p.line, p.msg) }

func failAt(line int, format string, args ...any) {
	panic(&problem{line, fmt.Sprintf(format, args...)})
}

// lexer splits a text into tokens.
type lexer struct {
	text string
	at   int
	line int
	out  []token
}

func lex(text string) []token {
	l := &lexer{text: text, line: 1}
	for l.next() {
	}
	return append(l.out, token{line: l.line})
}

func (l *lexer) add(kind tokenKind, text string) {
	l.out = append(l.out, token{kind, text, l.line})
}

// next reads one token and reports whether there was one.
func (l *lexer) next() bool {
	l.blank()
	if l.at >= len(l.text) || strings.HasPrefix(l.text[l.at:], "{-#") { // resources, which follow the module
		return false
	}
	switch c := l.text[l.at]; {
	case c == '"':
		l.add(stringToken, l.quoted())
	case c == '%':
		l.at++
		l.add(valueToken, "%"+l.run(isSuffix))
	case c == '@' && l.at+1 < len(l.text) && l.text[l.at+1] == '"':
		l.at++
		l.add(symbolToken, l.quoted())
	case c == '@':
		l.at++
		l.add(symbolToken, l.run(isSymbol))
	case isDigit(c), c == '-' && l.at+1 < len(l.text) && isDigit(l.text[l.at+1]):
		l.number()
	case isLetter(c):
		l.word()
	case strings.HasPrefix(l.text[l.at:], "->"):
		l.at += 2
		l.add(punctToken, "->")
	default:
		l.at++
		l.add(punctToken, string(rune(c)))
	}
	return true
}

// blank skips white space and comments.
func (l *lexer) blank() {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == '\n':
			l.line++
			l.at++
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case strings.HasPrefix(l.text[l.at:], "//"):
			for l.at < len(l.text) && l.text[l.at] != '\n' {
				l.at++
			}
		default:
			return
		}
	}
}

func (l *lexer) run(in func(byte) bool) string {
	from := l.at
	for l.at < len(l.text) && in(l.text[l.at]) {
		l.at++
	}
	return l.text[from:l.at]
}

// word reads an identifier, or a tensor type whole: its dimensions would not split into tokens.
func (l *lexer) word() {
	name := l.run(isName)
	if name != "tensor" || l.at >= len(l.text) || l.text[l.at] != '<' {
		l.add(identToken, name)
		return
	}
	from, depth := l.at+1, 0
	for ; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '\n':
			failAt(l.line, "a tensor type does not end on its line")
		case '<':
			depth++
		case '>':
			if depth--; depth == 0 {
				l.at++
				l.add(typeToken, l.text[from:l.at-1])
				return
			}
		}
	}
	failAt(l.line, "a tensor type does not end")
}

func (l *lexer) number() {
	from := l.at
	if l.text[l.at] == '-' {
		l.at++
	}
	if strings.HasPrefix(l.text[l.at:], "0x") {
		l.at += 2
		l.run(isHex)
		l.add(numberToken, l.text[from:l.at])
		return
	}
	l.run(isDigit)
	if l.at < len(l.text) && l.text[l.at] == '.' {
		l.at++
		l.run(isDigit)
		if rest := l.text[l.at:]; len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') {
			skip := 1
			if rest[1] == '+' || rest[1] == '-' {
				skip = 2
			}
			if len(rest) > skip && isDigit(rest[skip]) {
				l.at += skip
				l.run(isDigit)
			}
		}
	}
	l.add(numberToken, l.text[from:l.at])
}

// quoted reads a string literal; \n, \t, \\, \" and \XX stand for bytes.
func (l *lexer) quoted() string {
	l.at++
	var b []byte
	for l.at < len(l.text) {
		c := l.text[l.at]
		l.at++
		switch c {
		case '"':
			return string(b)
		case '\n':
			failAt(l.line, "a string does not end on its line")
		case '\\':
			b = append(b, l.escape())
		default:
			b = append(b, c)
		}
	}
	failAt(l.line, "a string does not end")
	return ""
}

func (l *lexer) escape() byte {
	rest := l.text[l.at:]
	switch {
	case rest == "":
	case rest[0] == 'n' || rest[0] == 't':
		l.at++
		return map[byte]byte{'n': '\n', 't': '\t'}[rest[0]]
	case rest[0] == '\\' || rest[0] == '"':
		l.at++
		return rest[0]
	case len(rest) > 1 && isHex(rest[0]) && isHex(rest[1]):
		l.at += 2
		return hexDigit(rest[0])<<4 | hexDigit(rest[1])
	}
	failAt(l.line, "a string has a wrong escape")
	return 0
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isName(c byte) bool   { return isLetter(c) || isDigit(c) || c == '.' || c == '$' }
func isSymbol(c byte) bool { return isName(c) || c == '-' }
func isSuffix(c byte) bool { return isSymbol(c) || c == '#' }
func isHex(c byte) bool    { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func hexDigit(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
