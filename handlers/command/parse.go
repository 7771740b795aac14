package command

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

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
func Parse(body string) Result { return parse(body, Verbs()) }

func parse(body string, verbs []Verb) Result {
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

// mayHold is a cheap test that spares most comments the Markdown parser.
func mayHold(body string) bool {
	for l := range strings.SplitSeq(body, "\n") {
		if strings.HasPrefix(strings.TrimLeftFunc(l, invisible), "/") {
			return true
		}
	}
	return false
}

// address decides whether a line is meant for us, and returns the word behind its
// slash in lower case. Other programs have slash commands too, so only what is
// evidently a slip is a problem.
func address(l string) (head string, problem *Problem) {
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
	var names, available []string
	for _, v := range verbs {
		if v.Available {
			available = append(available, code(v.head()))
			names = append(names, v.Name)
		}
	}
	hint := "available: " + strings.Join(available, ", ")
	for _, v := range verbs {
		switch {
		case v.Name != name:
		case !v.Available:
			return Verb{}, problemf(hint, "%s is not available in this version", code(v.head()))
		default:
			return v, nil
		}
	}
	message := fmt.Sprintf("there is no command %s", code("/kargo "+name))
	if near := pipeline.DidYouMean(name, names); near != "" {
		message += fmt.Sprintf("; did you mean %s?", code(near))
	}
	return Verb{}, &Problem{Message: message, Hint: hint}
}

// parseFlags sets the command's flags and returns the other words.
func parseFlags(c *Command, verb Verb, words []string) (args []string, problem *Problem) {
	seen := map[string]bool{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if !strings.HasPrefix(w, "-") {
			args = append(args, w)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(w, "-"), "=")
		f, ok := verb.flag(name)
		switch {
		case !ok || !strings.HasPrefix(w, "--"):
			return nil, verb.unknownFlag(w, name)
		case seen[f.name]:
			return nil, problemf("", "%s is given twice", code("--"+f.name))
		case f.value == "" && hasValue:
			return nil, problemf("", "%s takes no value", code("--"+f.name))
		case f.value != "" && !hasValue:
			if i++; i == len(words) {
				return nil, problemf("usage: "+code(verb.Usage), "%s needs a %s", code("--"+f.name), f.value)
			}
			value = words[i]
		}
		seen[f.name] = true
		if problem := c.set(f.name, value); problem != nil {
			return nil, problem
		}
	}
	return args, nil
}

func (v Verb) flag(name string) (flag, bool) {
	for _, f := range v.flags {
		if f.name == name {
			return f, true
		}
	}
	return flag{}, false
}

func (v Verb) unknownFlag(word, name string) *Problem {
	var valid []string
	for _, f := range v.flags {
		valid = append(valid, f.name)
	}
	message := fmt.Sprintf("%s has no flag %s", code(v.head()), code(word))
	if near := pipeline.DidYouMean(name, valid); near != "" {
		message += fmt.Sprintf("; did you mean %s?", code("--"+near))
	}
	return &Problem{Message: message, Hint: "usage: " + code(v.Usage)}
}

func (c *Command) set(name, value string) *Problem {
	switch name {
	case "dry-run":
		c.DryRun = true
	case "downstream":
		c.Downstream = true
	case "bypass":
		c.Bypass = true
	case "abort":
		c.Stop = true
	case "until":
		d, ok := parseUntil(value)
		if !ok {
			return problemf("for example `90m`, `24h` or `7d`, at most a year", "%s is not a duration", code(value))
		}
		c.Until = d
	}
	return nil
}

var untilForm = regexp.MustCompile(`^([1-9][0-9]{0,6})([mhd])$`)

func parseUntil(s string) (time.Duration, bool) {
	m := untilForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, false
	}
	const day = 24 * time.Hour
	d := time.Duration(n) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": day}[m[2]]
	return d, d <= 366*day
}

var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	freightForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@+~-]*$`)
	artifactForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:-]*@[A-Za-z0-9][A-Za-z0-9._:+~-]*$`)
)

func parseArgs(c *Command, verb Verb, args []string) *Problem {
	usage := "usage: " + code(verb.Usage)
	need, limit := 0, 0
	for _, p := range verb.params {
		if !p.optional {
			need++
		}
		if limit++; p.many {
			limit += maxWords
		}
	}
	switch {
	case len(args) < need:
		return problemf(usage, "%s needs %s", code(verb.head()), verb.params[len(args)].kind.noun())
	case len(args) > limit && limit == 0:
		return problemf(usage, "%s takes no argument, but there is %s", code(verb.head()), code(args[0]))
	case len(args) > limit:
		return problemf(usage, "%s is one argument too many for %s", code(args[limit]), code(verb.head()))
	}
	seen := map[string]bool{}
	for i, arg := range args {
		p := verb.params[min(i, len(verb.params)-1)]
		if verb.params[0].many {
			p = verb.params[0]
			if last := len(args) - 1; i == last && i > 0 && p.kind == stageParam && isFreight(arg) {
				p = verb.params[1]
			}
		}
		if problem := c.add(p.kind, arg); problem != nil {
			problem.Hint = usage
			return problem
		}
		if verb.params[0].many && seen[arg] {
			return problemf("", "%s is named twice", code(arg))
		}
		seen[arg] = true
	}
	return nil
}

// isFreight reports a word that is a reference to Freight by its form alone.
func isFreight(word string) bool {
	kind := ParseFreight(word).Kind
	return kind != FreightAlias && kind != FreightDefault
}

// add puts one positional argument into the command.
func (c *Command) add(kind paramKind, arg string) *Problem {
	form := nameForm
	switch kind {
	case freightParam:
		form = freightForm
	case artifactParam:
		form = artifactForm
	}
	if len(arg) > maxWord || !form.MatchString(arg) {
		return problemf("", "%s cannot be %s", code(arg), kind.noun())
	}
	switch kind {
	case stageParam:
		c.Stages = append(c.Stages, arg)
	case freightParam:
		c.Freight = ParseFreight(arg)
	case promotionParam:
		c.Promotion = arg
	case warehouseParam:
		c.Warehouse = arg
	case nameParam:
		c.Name = arg
	case artifactParam:
		c.Artifacts = append(c.Artifacts, arg)
	}
	return nil
}

func checkReason(c *Command, verb Verb, reason string, given bool) *Problem {
	required := verb.reason == reasonRequired || verb.reason == reasonWithBypass && c.Bypass
	switch {
	case required && reason == "":
		return problemf("usage: "+code(verb.Usage), "%s needs a reason after ` -- `", code(verb.head()))
	case given && reason == "":
		return problemf("", "there is no reason after ` -- `")
	case len([]rune(reason)) > maxReason:
		return problemf("", "the reason is longer than %d characters", maxReason)
	}
	if bad := badReason(reason); bad != "" {
		return problemf("", "the reason has in it %s", bad)
	}
	c.Reason = reason
	return nil
}
