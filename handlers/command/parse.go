package command

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kargo-app/kargo/pipeline"
)

// Result is what a comment amounts to. Commands and Problems are never both set:
// one problem voids the whole comment. Both empty means that the comment is not
// addressed to us, and deserves no reaction.
type Result struct {
	Commands []Command
	Problems []Problem
}

// Problem is why one line cannot be carried out.
type Problem struct {
	// Line is 1-based.
	Line int
	// Message is Markdown without a full stop. A stranger's words in it are in
	// code spans and cannot break out of them.
	Message string
	// Hint says what to type instead; may be empty.
	Hint string
}

// Err returns nil if there are no problems, else a *pipeline.UserError that
// covers all of them in one reply.
func (r Result) Err() error {
	switch len(r.Problems) {
	case 0:
		return nil
	case 1:
		return &pipeline.UserError{Message: r.Problems[0].Message, Hint: r.Problems[0].Hint}
	}
	lines := []string{"nothing was done, because not all of the commands can be carried out:\n"}
	for _, p := range r.Problems {
		text := fmt.Sprintf("- line %d: %s", p.Line, p.Message)
		if p.Hint != "" {
			text += " (" + p.Hint + ")"
		}
		lines = append(lines, text)
	}
	return &pipeline.UserError{Message: strings.Join(lines, "\n")}
}

// Parse reads the body of a comment as GitHub delivers it. It never fails: what
// goes wrong is in Result.Problems.
func Parse(body string) Result {
	verbs := Verbs()
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	if len(body) > maxBody || !mayHold(body) {
		return Result{}
	}
	var r Result
	for _, l := range visibleLines(body) {
		head, problem := address(l.text)
		if head == "" && problem == nil {
			continue
		}
		var c Command
		switch {
		case problem != nil:
		case l.lazy:
			problem = &Problem{
				Message: "the command continues the quotation above it, so it is taken for a part of that",
				Hint:    "leave an empty line before it",
			}
		case len(r.Commands)+len(r.Problems) >= maxCommands:
			problem = &Problem{Message: fmt.Sprintf("there are more than %d commands in one comment", maxCommands)}
		default:
			c, problem = parseLine(head, l.text, verbs)
		}
		if problem == nil {
			c.Line = l.number
			r.Commands = append(r.Commands, c)
			continue
		}
		problem.Line = l.number
		r.Problems = append(r.Problems, *problem)
		if len(r.Problems) > maxCommands {
			break
		}
	}
	if len(r.Problems) > 0 {
		r.Commands = nil
	}
	return r
}

// mayHold is a cheap test that spares most comments the Markdown parser, and the
// Markdown parser those comments that only a machine nests so deeply: its time
// grows with the square of the depth.
func mayHold(body string) bool {
	found := false
	for l := range strings.SplitSeq(body, "\n") {
		if depth(l) > maxDepth {
			return false
		}
		if !found {
			head, problem := address(l)
			found = head != "" || problem != nil
		}
	}
	return found
}

// address decides whether a line is meant for us, and returns the word behind its
// slash in lower case. Other programs have slash commands too, so only what is
// evidently a slip is a problem.
func address(l string) (head string, problem *Problem) {
	if l == "" || l[0] > ' ' && l[0] < utf8.RuneSelf && l[0] != '/' {
		return "", nil
	}
	seen := visible(l)
	if !strings.HasPrefix(seen, "/") {
		return "", nil
	}
	word := strings.ToLower(firstWord(seen[1:]))
	known := word == "kargo" || word == VerbPromote || word == VerbRollback
	near := pipeline.DidYouMean(word, []string{VerbPromote, VerbRollback})
	if near == "" && badCharacter(word) != "" {
		near = pipeline.DidYouMean(word, []string{"kargo"})
	}
	switch {
	case !known && near == "":
		return "", nil
	case seen == l && known:
		return word, nil
	}
	if bad := badCharacter(firstWord(l)); bad != "" {
		return "", &Problem{Message: "the command has in it " + bad}
	}
	if known {
		return word, nil // the invisible character is further on
	}
	return "", &Problem{Message: fmt.Sprintf("there is no command %s; did you mean %s?", code("/"+word), code("/"+near))}
}

func firstWord(s string) string {
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i]
	}
	return s
}

func problemf(hint, format string, args ...any) *Problem {
	return &Problem{Message: fmt.Sprintf(format, args...), Hint: hint}
}

func parseLine(head, l string, verbs []Verb) (Command, *Problem) {
	if len(l) > maxLine {
		return Command{}, problemf("", "the command is longer than %d bytes", maxLine)
	}
	spoken, reason, hasReason := cutReason(l)
	if bad := badCharacter(spoken); bad != "" {
		return Command{}, problemf("", "the command has in it %s", bad)
	}
	words := strings.Fields(spoken)[1:]
	if len(words) > maxWords {
		return Command{}, problemf("", "the command has more than %d words", maxWords)
	}
	name := head
	if head == "kargo" {
		if len(words) == 0 {
			return Command{}, problemf("`/kargo help` lists them", "`/kargo` needs a command")
		}
		name, words = strings.ToLower(words[0]), words[1:]
	}
	verb, problem := findVerb(name, verbs)
	if problem != nil {
		return Command{}, problem
	}
	c := Command{Verb: verb.Name}
	args, problem := parseFlags(&c, verb, words)
	if problem == nil {
		problem = parseArgs(&c, verb, args)
	}
	if problem == nil {
		problem = checkReason(&c, verb, reason, hasReason)
	}
	if problem != nil {
		return Command{}, problem
	}
	return c, nil
}

// cutReason splits a line at the first word that is two dashes.
func cutReason(l string) (spoken, reason string, ok bool) {
	for i := 0; i+1 < len(l); i++ {
		if l[i] != '-' || l[i+1] != '-' {
			continue
		}
		starts := i > 0 && (l[i-1] == ' ' || l[i-1] == '\t')
		ends := i+2 == len(l) || l[i+2] == ' ' || l[i+2] == '\t'
		if starts && ends {
			return l[:i], strings.TrimSpace(l[i+2:]), true
		}
	}
	return l, "", false
}

func findVerb(name string, verbs []Verb) (Verb, *Problem) {
	var names []string
	for _, v := range verbs {
		if v.Name == name {
			return v, nil
		}
		names = append(names, v.Name)
	}
	message := fmt.Sprintf("there is no command %s", code("/kargo "+name))
	if near := pipeline.DidYouMean(name, names); near != "" {
		message += fmt.Sprintf("; did you mean %s?", code(near))
	}
	return Verb{}, &Problem{Message: message, Hint: "commands: " + strings.Join(names, ", ") + "; `/kargo help` explains them"}
}
